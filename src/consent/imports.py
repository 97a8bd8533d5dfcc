"""Importing consents taken before konsens: one event, one leaf, and a seal of its own for every row.

- Rows are marked `attested` everywhere: the company says so, nobody signed.
- All rows of a file or none; what is refused is reported with its line.
- Whoever holds a row's claim code can break its seal in the log, with no word to anybody.
- An imported yes never overrides a no that is on file, nor the customer's own word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from json.encoder import encode_basestring
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..encoding import format_time
from ..errors import Conflict
from ..records import Actor, Batch, Digest, ImportBatch, Matter
from .claims import Claim, Claims
from .contact import Address, ContactKeys
from .import_file import Reject, read_file
from .ledger import Ledger
from .lists import attested_standing, linked_matters
from .mapping import Mapping, Told
from .moments import seconds, when
from .own import CompanyKeys, deliver, sign_own
from .state import State
from .tables import PENDING_INDEX, Attested, Held
from .target import target_of_normalized

__all__ = ["Imported", "import_rows", "row_of"]

SALT_BYTES = 32
_EPOCH = datetime(1970, 1, 1)  # in UTC, without saying so: that saves time on every row

Progress = Callable[[int, int], None]
Random = Callable[[int], bytes]
Key = tuple[str, str, str]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file; `event` and `leaf_index` are None after a dry run or when nothing was taken."""

    rows: int
    accepted: int
    duplicates: int
    rejects: tuple[Reject, ...]
    batch: str | None = None
    event: str | None = None
    leaf_index: int | None = None


class _Row(msgspec.Struct, frozen=True, gc=False):
    told: Told
    claim: Claim
    salt: bytes
    target: str | None

    @property
    def next(self) -> str:
        """The seal that the row's claim code can break."""
        return self.claim.seal.hex()


def import_rows(
    ledger: Ledger,
    keys: CompanyKeys | None,
    source: Path,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    actor: Actor | None = None,
    random: Random = os.urandom,
    progress: Progress | None = None,
    now: datetime,
) -> Imported:
    """Import the CSV file `source`; nothing of it is in the book unless all of it is.

    A dry run needs no keys: it says what would become of each row, and changes nothing.
    """
    with Claims(random) as claims:
        writes = not dry_run and keys is not None
        ahead = claims.ahead if writes else None
        found = read_file(ledger, source, mapping, latest=seconds(now), ahead=ahead)
        version = _version(ledger)
        fresh, known, rejects = _sort_out(ledger, found.told)
        result = Imported(
            rows=found.rows,
            accepted=len(fresh),
            duplicates=len(found.told) - len(fresh) - len(rejects),
            rejects=tuple(sorted([*found.rejects, *rejects], key=lambda reject: reject.line)),
        )
        if not writes or keys is None or not fresh:
            return result
        made = _make(ledger, fresh, claims, random, progress)
    batch = Batch(made.entries)
    content = ImportBatch(count=batch.count, root=Digest(batch.root.hex()), mapping=mapping.name)
    with ledger.book.write():
        if _version(ledger) != version:  # what was sorted out may be old: a no must not be written over
            raise Conflict("import.book_changed")
        own = Matter(controller=ledger.did)
        signed = sign_own(ledger, keys, own, "imported", content, at=now, actor=actor)
        _store(ledger, made, known, event=signed.event_hash, now=seconds(now))
    deliver(ledger, now=now)
    fact = ledger.fact_of(signed.event_hash)
    index = fact.index if fact and fact.index < PENDING_INDEX else None
    return msgspec.structs.replace(result, batch=content.root, event=signed.event_hash, leaf_index=index)


def _version(ledger: Ledger) -> int:
    """Return a number that changes when another process has written to the book (SQLite, "data_version")."""
    return int(ledger.db.execute("PRAGMA data_version").fetchone()[0])


def row_of(customer: str, purpose: str, channel: str, attested: Attested) -> dict[str, str | None]:
    """Return a stored row as it stands in the batch (`docs/formats.md`, "Event")."""
    since = when(attested.since)
    return {
        "ref": customer.removeprefix("ref:"),
        "purpose": purpose,
        "channel": channel,
        "state": attested.state,
        "since": None if since is None else format_time(since),
        "target": attested.target,
        "next": attested.next,
    }


def row_json(row: _Row) -> bytes:
    """Return the JCS bytes of a row, written out; a test compares them with RFC 8785."""
    told = row.told
    target = "null" if row.target is None else f'"{row.target}"'
    return (
        f'{{"channel":"{told.channel}","next":"{row.next}","purpose":"{told.purpose}",'
        f'"ref":{encode_basestring(told.ref)},"since":"{_time(told.since)}","state":"{told.state}",'
        f'"target":{target}}}'
    ).encode()


def _time(moment: int) -> str:
    """Return what `format_time` does, for whole seconds."""
    return (_EPOCH + timedelta(seconds=moment)).isoformat() + "Z"


def _sort_out(
    ledger: Ledger, told: Sequence[tuple[int, Told]]
) -> tuple[list[Told], dict[Key, Held], list[Reject]]:
    """Return the rows to take, what is on file already for any of them, and rows that must not be taken.

    Of two rows about one matter a withdrawal wins, else the first.
    """
    chosen: dict[Key, tuple[int, Told]] = {}
    for line, item in told:
        key = (item.ref, item.purpose, item.channel)
        if key not in chosen or (item.state == "withdrawn" and chosen[key][1].state == "given"):
            chosen[key] = line, item
    on_file, own = attested_standing(ledger), linked_matters(ledger)
    fresh, known, rejects = [], {}, []
    for key, (line, item) in chosen.items():
        held = on_file.get(key)
        said_no = held is not None and held.state is State.WITHDRAWN
        if said_no and item.state == "given":
            rejects.append(Reject(line, "import.withdrawn_here"))
        elif not said_no and (item.state == "withdrawn" or (held is None and key not in own)):
            fresh.append(item)
            if held is not None:
                known[key] = held
    return fresh, known, rejects


class _Made(NamedTuple):
    """The rows with their secrets, their bytes in the batch, and their addresses, encrypted."""

    rows: list[_Row]
    entries: list[bytes]
    addresses: list[tuple[str, str, bytes, str | None, bytes]]


def _make(
    ledger: Ledger, told: Sequence[Told], claims: Claims, random: Random, progress: Progress | None
) -> _Made:
    """Return the rows; the claims come from beside."""
    made = _Made([], [], [])
    salts = random(SALT_BYTES * len(told))
    keys = ledger.contacts.make([f"ref:{item.ref}" for item in told])
    for some in claims.take(len(told)):
        start = len(made.rows)
        for n, claim in enumerate(some, start):
            row = _row(told[n], claim, salts[SALT_BYTES * n : SALT_BYTES * (n + 1)])
            made.rows.append(row)
            made.entries.append(row.salt + row_json(row))
            if row.told.address:
                made.addresses.append(_address(ledger.contacts, row, row.told.address, keys[n]))
        if progress:
            progress(len(made.rows), len(told))
    return made


def _row(told: Told, claim: Claim, salt: bytes) -> _Row:
    if not told.address:
        return _Row(told, claim, salt, None)
    return _Row(told, claim, salt, target_of_normalized(claim.target_salt, told.channel, told.address))


def _address(
    contacts: ContactKeys, row: _Row, address: str, key: bytes
) -> tuple[str, str, bytes, str | None, bytes]:
    """Return the row of an address, which was normalised when it was read."""
    channel, customer = row.told.channel, f"ref:{row.told.ref}"
    body = contacts.seal(key, customer, Address(channel, address, row.claim.target_salt))
    return customer, channel, contacts.finder(channel, address), row.target, body


def _store(ledger: Ledger, made: _Made, known: dict[Key, Held], *, event: str, now: int) -> None:
    """Write rows, standings and addresses, inside `book.write()`; a matter on file is folded again.

    Table by table and row by row: the pages of one table's indexes stay at hand, and nothing is held twice.
    """
    logs, encode = (ledger.origin,), msgspec.msgpack.Encoder().encode

    def body(row: _Row) -> Attested:
        told = row.told
        return Attested(
            event, now, told.state, told.since, row.next, logs, row.target, row.salt, row.claim.code
        )

    db, did = ledger.db, ledger.did
    db.executemany(
        "INSERT INTO attested VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (did, f"ref:{told.ref}", told.purpose, told.channel, event, line, encode(body(row)))
            for line, row in enumerate(made.rows)
            if (told := row.told)
        ),
    )
    db.executemany(
        "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?)",
        (
            (did, told.purpose, told.channel, customer, encode(_standing(customer, body(row))))
            for row in made.rows
            if (told := row.told) and (customer := f"ref:{told.ref}")
        ),
    )
    db.executemany("INSERT OR REPLACE INTO address VALUES (?, ?, ?, ?, ?, 'import')", made.addresses)
    for ref, purpose, channel in known:
        ledger.refold(f"ref:{ref}", purpose, channel)


def _standing(customer: str, body: Attested) -> Held:
    """Return what the fold says of a matter with this one row; a test holds the two together."""
    given = body.state == "given"
    return Held(
        customer=customer,
        state=State.GIVEN if given else State.WITHDRAWN,
        since=min(body.since, body.known),
        event=body.event,
        grant=body.event if given else None,
        index=body.known - PENDING_INDEX if given else -1,
        target=body.target if given else None,
        assurance="attested",
        ending=None if given else "withdrawn",
        seals=((body.logs, body.next),),
    )
