"""Contacts: who hides behind which pairwise DID, in the company's own book and never in an event.

Addresses and the salts of their targets are encrypted, one key a customer. The keys lie in a file of their
own beside the book, which long backups leave out: destroying one key erases the contact everywhere. An
address is found by a keyed hash, so the book alone cannot be searched by guessing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from hashlib import blake2b
from pathlib import Path

import msgspec

from ..errors import Conflict, Damaged, InputError, KonsensError, Unavailable
from ..records.book_file import Connection, transaction
from .target import normalize_address, target_of_normalized

__all__ = [
    "Address",
    "ContactKeys",
    "addresses_of",
    "customers_at",
    "link_ref",
    "ref_of",
    "resolve_who",
    "store_addresses",
    "targets_at",
]

SCHEMA = """
CREATE TABLE IF NOT EXISTS root (one INTEGER PRIMARY KEY CHECK (one = 1), finder BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS contact_key (id BLOB PRIMARY KEY, key BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""


# One statement for all, cut from their joined bytes: a call for each would take longer than its insertion.
_MAKE = """
INSERT OR IGNORE INTO contact_key
WITH RECURSIVE row (n) AS (SELECT 0 WHERE ?3 UNION ALL SELECT n + 1 FROM row WHERE n + 1 < ?3)
SELECT substr(?1, n * 16 + 1, 16), substr(?2, n * 32 + 1, 32) FROM row
"""
KEY_BYTES, NONCE_BYTES = 32, 12
_ENCODE = msgspec.msgpack.Encoder().encode


class Address(msgspec.Struct, frozen=True, array_like=True):
    """An address as it was handed over, normalised, with the salt of its target (None: bound to none)."""

    channel: str
    address: str
    salt: bytes | None = None


class ContactKeys:
    """The key file: one key a customer, and the key of the finding hash.

    - A key is durable before anything is encrypted under it.
    - Without the key, an address is gone; nothing else holds it.
    """

    def __init__(self, path: Path) -> None:
        """Open the key file at `path`, or make an empty one that only its owner can read."""
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, factory=Connection
            )
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "busy_timeout=10000"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO root VALUES (1, ?)", (os.urandom(32),))
            self._hash = keyed_hash(*self._db.execute("SELECT finder FROM root").fetchone())
        except (OSError, sqlite3.Error, KonsensError) as error:
            raise Unavailable("contact.keys", path=path) from error

    def in_memory(self) -> ContactKeys:
        """Return the same keys in memory: what is made or destroyed there, the file does not know."""
        made = copy(self)
        made._db = sqlite3.connect(":memory:", isolation_level=None, factory=Connection)
        self._db.backup(made._db)
        return made

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def finder(self, channel: str, normalized: str) -> bytes:
        """Return the 16 bytes under which an address is filed."""
        return self._hash(b"address\x00%b\x00%b" % (channel.encode(), normalized.encode()))

    def key_id(self, customer: str) -> bytes:
        """Return the id of a customer's key; the file names nobody."""
        return self._hash(b"customer\x00" + customer.encode())

    def make(self, customers: Sequence[str]) -> list[bytes]:
        """Return the keys of `customers`, made and stored where there is none yet, in one durable step."""
        ids = [self.key_id(customer) for customer in customers]
        if len(ids) == 1 and (row := self._find(ids[0])) is not None:
            return [row]
        order = sorted(set(ids))  # in their order the rows touch each page of the tree once
        joined = os.urandom(KEY_BYTES * len(order))
        with transaction(self._db):
            made = self._db.execute(_MAKE, (b"".join(order), joined, len(order))).rowcount
        if made < len(order) < 1000:
            return [self._key(key_id) for key_id in ids]
        if made < len(order):
            keys = dict(self._db.execute("SELECT id, key FROM contact_key"))
        else:
            starts = range(0, len(joined), KEY_BYTES)
            keys = {key_id: joined[n : n + KEY_BYTES] for key_id, n in zip(order, starts, strict=True)}
        return [keys[key_id] for key_id in ids]

    def seal(self, key: bytes, customer: str, address: Address, *, nonce: bytes = b"") -> bytes:
        """Return an address, encrypted for the book and bound to its customer.

        Whoever seals many brings 12 random bytes for each.
        """
        # Here and below: only who has an address in hand pays for loading it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = nonce or os.urandom(NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, _ENCODE(address), customer.encode())

    def open(self, customer: str, body: bytes) -> Address:
        """Return an address from the book."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            plain = AESGCM(self._key(self.key_id(customer))).decrypt(body[:12], body[12:], customer.encode())
        except InvalidTag as error:
            raise Damaged("contact.damaged") from error
        return msgspec.msgpack.decode(plain, type=Address)

    def destroy(self, customer: str) -> None:
        """Destroy a customer's key, and with it every address of theirs."""
        self._db.execute("DELETE FROM contact_key WHERE id = ?", (self.key_id(customer),))
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _key(self, key_id: bytes) -> bytes:
        key = self._find(key_id)
        if key is None:
            raise Damaged("contact.erased")
        return key

    def _find(self, key_id: bytes) -> bytes | None:
        row = self._db.execute("SELECT key FROM contact_key WHERE id = ?", (key_id,)).fetchone()
        return None if row is None else bytes(row[0])


def keyed_hash(key: bytes) -> Callable[[bytes], bytes]:
    """Return keyed BLAKE2b with digests of 16 bytes (RFC 7693, section 2.9), whose key is taken in once.

    A list and an import ask it for every row: it takes half as long as HMAC.
    """
    keyed = blake2b(digest_size=16, key=key)

    def hashed(message: bytes) -> bytes:
        copied = keyed.copy()
        copied.update(message)
        return copied.digest()

    return hashed


_OWNERS = "SELECT customer FROM address WHERE finder = ? UNION SELECT customer FROM attested WHERE finder = ?"


def store_addresses(
    db: sqlite3.Connection, keys: ContactKeys, customer: str, addresses: Iterable[Address], *, proof: str
) -> None:
    """Keep what a customer handed over; `proof` says how the link was proven."""
    addresses = list(addresses)
    if not addresses:
        return
    (key,) = keys.make([customer])
    for address in addresses:
        normalized = normalize_address(address.channel, address.address)
        finder = keys.finder(address.channel, normalized)
        salted = address.salt and target_of_normalized(address.salt, address.channel, normalized)
        db.execute(
            "INSERT OR REPLACE INTO address VALUES (?, ?, ?, ?, ?, ?)",
            (customer, address.channel, finder, salted or "", keys.seal(key, customer, address), proof),
        )
        owners = db.execute(_OWNERS, (finder, finder)).fetchall()
        if len(owners) > 1:
            db.executemany("INSERT OR IGNORE INTO shares_address VALUES (?)", owners)


def targets_at(
    db: sqlite3.Connection, keys: ContactKeys, customer: str, channel: str, address: str
) -> frozenset[str]:
    """Return the targets that a customer handed over for this address; empty for an address of nobody's."""
    try:
        finder = keys.finder(channel, normalize_address(channel, address))
    except InputError:
        return frozenset()
    rows = db.execute(
        "SELECT target FROM reachable WHERE customer = ? AND channel = ? AND finder = ?",
        (customer, channel, finder),
    )
    return frozenset(target for (target,) in rows.fetchall())


def addresses_of(
    db: sqlite3.Connection, keys: ContactKeys, customer: str, channel: str
) -> tuple[Address, ...]:
    """Return the addresses of a customer on one channel."""
    rows = db.execute("SELECT body FROM reachable WHERE customer = ? AND channel = ?", (customer, channel))
    return tuple(keys.open(customer, body) for (body,) in rows.fetchall())


def customers_at(db: sqlite3.Connection, keys: ContactKeys, channel: str, address: str) -> tuple[str, ...]:
    """Return the customers who are filed under an address."""
    finder = keys.finder(channel, normalize_address(channel, address))
    rows = db.execute("SELECT customer FROM reachable WHERE finder = ? AND channel = ?", (finder, channel))
    return tuple(customer for (customer,) in rows.fetchall())


def link_ref(db: sqlite3.Connection, customer: str, ref: str, *, proof: str, at: int) -> None:
    """Link a pairwise DID to the company's own number; the link is one to one.

    A number that already means somebody else (`contact.ref_taken`), or a DID that already has another
    number (`contact.did_taken`), is a conflict that a person must resolve.
    """
    for column, value, other, code in (
        ("ref", ref, customer, "contact.ref_taken"),
        ("customer", customer, ref, "contact.did_taken"),
    ):
        wanted = "customer" if column == "ref" else "ref"
        found = db.execute(f"SELECT {wanted} FROM person WHERE {column} = ?", (value,)).fetchone()  # noqa: S608 fixed names
        if found is not None and found[0] != other:
            raise Conflict(code, ref=ref)
    db.execute("INSERT OR IGNORE INTO person VALUES (?, ?, ?, ?)", (customer, ref, proof, at))


def ref_of(db: sqlite3.Connection, customer: str) -> str | None:
    """Return the company's own number for a customer, or None."""
    if customer.startswith("ref:"):
        return customer[4:]
    row = db.execute("SELECT ref FROM person WHERE customer = ?", (customer,)).fetchone()
    return None if row is None else str(row[0])


def resolve_who(db: sqlite3.Connection, who: str) -> tuple[str | None, str | None]:
    """Return `(pairwise DID, "ref:" customer)` behind a DID or number; either may be None."""
    if who.startswith("did:"):
        ref = ref_of(db, who)
        return who, None if ref is None else f"ref:{ref}"
    row = db.execute("SELECT customer FROM person WHERE ref = ?", (who,)).fetchone()
    return (None if row is None else str(row[0])), f"ref:{who}"
