"""Vouchers: 32 random bytes that a member hands to a customer, and that open the log for one leaf, always.

The log knows only their hashes. A customer who withdraws from a company that runs the log, too, cannot be
kept waiting by a limit: the company itself has registered the voucher that it handed over.

>>> vouchers = MemoryVouchers()
>>> vouchers.register([hash_of(bytes(32))], member="did:example:shop", most=10)
>>> vouchers.unspent([bytes(32), bytes([1] * 32)]) == {bytes(32)}
True
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Protocol

from ...errors import Damaged, Locked, RefusedByPolicy, Unavailable
from ...sqlite_errors import cause_of

__all__ = ["LEASE_SECONDS", "MemoryVouchers", "SqliteVouchers", "Vouchers", "hash_of"]

LEASE_SECONDS = 120
"""How long a voucher is kept for a request of which nothing more is heard: longer than any is answered."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS vouchers (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32), member TEXT NOT NULL, idx INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_vouchers ON vouchers (member) WHERE idx IS NULL;
"""

# What is reserved has the moment of it as a negative index.
FREE = (
    "SELECT 1 FROM vouchers WHERE hash = ? AND (idx IS NULL"
    " OR (idx < 0 AND idx > ? - CAST(strftime('%s', 'now') AS INTEGER)))"
)
TAKE = (
    "UPDATE vouchers SET idx = -CAST(strftime('%s', 'now') AS INTEGER) WHERE hash = ? AND (idx IS NULL"
    " OR (idx < 0 AND idx > ? - CAST(strftime('%s', 'now') AS INTEGER)))"
)


def hash_of(voucher: bytes) -> bytes:
    """Return what a log keeps of a voucher."""
    return sha256(voucher).digest()


class Vouchers(Protocol):
    """Where a log keeps the hashes of vouchers, and what each was spent on."""

    def register(self, hashes: Sequence[bytes], *, member: str, most: int) -> None:
        """Take in hashes; those that are there already stay as they are.

        `append.vouchers` if the member would have more than `most` unspent ones; then none is taken.
        """

    def unspent(self, vouchers: Sequence[bytes]) -> set[bytes]:
        """Return those among `vouchers` (not hashes) that are registered and not spent."""

    def reserve(self, vouchers: Sequence[bytes], *, most: int) -> set[bytes]:
        """Take at most so many of the unspent ones for one request, in one step, and return them.

        Until they are spent or released, or `LEASE_SECONDS` have passed, nobody else gets them.
        """

    def release(self, vouchers: Collection[bytes]) -> None:
        """Give back what was reserved and not spent."""

    def spend(self, spent: Mapping[bytes, int]) -> None:
        """Note the index that each voucher was spent on; the first one stays."""


class MemoryVouchers:
    """Vouchers that end with the process."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, int | None]] = {}
        self._reserved: dict[bytes, float] = {}
        self._lock = Lock()

    def register(self, hashes: Sequence[bytes], *, member: str, most: int) -> None:
        with self._lock:
            fresh = {digest for digest in hashes if digest not in self._known}
            had = sum(owner == member and index is None for owner, index in self._known.values())
            if had + len(fresh) > most:
                raise RefusedByPolicy("append.vouchers", limit=most)
            self._known.update(dict.fromkeys(fresh, (member, None)))

    def unspent(self, vouchers: Sequence[bytes]) -> set[bytes]:
        return {v for v in vouchers if self._is_free(hash_of(v))}

    def reserve(self, vouchers: Sequence[bytes], *, most: int) -> set[bytes]:
        with self._lock:
            free = [v for v in dict.fromkeys(vouchers) if self._is_free(hash_of(v))][:most]
            self._reserved |= {hash_of(v): monotonic() + LEASE_SECONDS for v in free}
        return set(free)

    def release(self, vouchers: Collection[bytes]) -> None:
        with self._lock:
            for voucher in vouchers:
                self._reserved.pop(hash_of(voucher), None)

    def spend(self, spent: Mapping[bytes, int]) -> None:
        with self._lock:
            for voucher, index in spent.items():
                owner, before = self._known.get(hash_of(voucher), ("", 0))
                if before is None:
                    self._known[hash_of(voucher)] = (owner, index)
                self._reserved.pop(hash_of(voucher), None)

    def _is_free(self, digest: bytes) -> bool:
        return self._known.get(digest, ("", 0))[1] is None and self._reserved.get(digest, 0) < monotonic()


class SqliteVouchers:
    """Vouchers in a file beside the log; each call is one durable step, from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._do(lambda db: db.executescript(SCHEMA))

    def register(self, hashes: Sequence[bytes], *, member: str, most: int) -> None:
        def add(db: sqlite3.Connection) -> None:
            rows = [(digest, member) for digest in hashes]
            db.executemany("INSERT INTO vouchers VALUES (?, ?, NULL) ON CONFLICT DO NOTHING", rows)
            question = "SELECT count(*) FROM vouchers WHERE member = ? AND idx IS NULL"
            if db.execute(question, (member,)).fetchone()[0] > most:
                raise RefusedByPolicy("append.vouchers", limit=most)

        self._do(add)

    def unspent(self, vouchers: Sequence[bytes]) -> set[bytes]:
        found: set[bytes] = set()

        def look(db: sqlite3.Connection) -> None:
            found.update(v for v in vouchers if db.execute(FREE, (hash_of(v), LEASE_SECONDS)).fetchone())

        self._do(look)
        return found

    def reserve(self, vouchers: Sequence[bytes], *, most: int) -> set[bytes]:
        found: set[bytes] = set()

        def take(db: sqlite3.Connection) -> None:
            for voucher in dict.fromkeys(vouchers):
                if len(found) < most and db.execute(TAKE, (hash_of(voucher), LEASE_SECONDS)).rowcount:
                    found.add(voucher)

        self._do(take)
        return found

    def release(self, vouchers: Collection[bytes]) -> None:
        rows = [(hash_of(voucher),) for voucher in vouchers]
        self._do(lambda db: db.executemany("UPDATE vouchers SET idx = NULL WHERE hash = ? AND idx < 0", rows))

    def spend(self, spent: Mapping[bytes, int]) -> None:
        rows = [(index, hash_of(voucher)) for voucher, index in spent.items()]
        statement = "UPDATE vouchers SET idx = ? WHERE hash = ? AND (idx IS NULL OR idx < 0)"
        self._do(lambda db: db.executemany(statement, rows))

    def _do(self, act: _Act) -> None:
        try:
            with closing(sqlite3.connect(self._path, timeout=10)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                with db:
                    act(db)
        except sqlite3.Error as error:
            cause, _ = cause_of(error)
            if cause == "busy":
                raise Locked("registry.busy") from error
            kind = Damaged if cause == "damaged" else Unavailable
            code = "registry.damaged" if cause == "damaged" else "registry.cannot_write"
            raise kind(code, problem=error) from error


class _Act(Protocol):
    def __call__(self, db: sqlite3.Connection, /) -> object: ...
