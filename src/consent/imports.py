"""Importing consents taken before konsens: one event, one leaf, and a seal of its own for every row.

- Rows are marked `attested` everywhere: the company says so, nobody signed.
- All rows of a file or none; what is refused is reported with its line.
- Whoever holds a row's claim code can break its seal in the log, with no word to anybody.
- An imported yes never overrides a no that is on file, nor the customer's own word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..encoding import format_time
from ..records import Actor, Batch, Digest, ImportBatch, Matter
from .claims import Claim, Claims
from .contact import Address
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
    found = read_file(ledger, source, mapping, latest=seconds(now))
    fresh, known, rejects = _sort_out(ledger, found.told)
    result = Imported(
        rows=found.rows,
        accepted=len(fresh),
        duplicates=len(found.told) - len(fresh) - len(rejects),
        rejects=tuple(sorted([*found.rejects, *rejects], key=lambda reject: reject.line)),
    )
    if dry_run or keys is None or not fresh:
        return result
    made = _make(ledger, fresh, random, progress)
    batch = Batch(made.entries)
    content = ImportBatch(count=batch.count, root=Digest(batch.root.hex()), mapping=mapping.name)
    with ledger.book.write():
        own = Matter(controller=ledger.did)
        signed = sign_own(ledger, keys, own, "imported", content, at=now, actor=actor)
        _store(ledger, made, known, event=signed.event_hash, now=seconds(now))
    deliver(ledger, now=now)
    fact = ledger.fact_of(signed.event_hash)
    index = fact.index if fact and fact.index < PENDING_INDEX else None
    return msgspec.structs.replace(result, batch=content.root, event=signed.event_hash, leaf_index=index)


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
    at = when(moment)
    return format_time(at) if at else ""


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
    addresses: list[tuple[str, str, bytes, str, bytes]]


def _make(ledger: Ledger, told: Sequence[Told], random: Random, progress: Progress | None) -> _Made:
    """Return the rows; the one-time keys are derived beside what is done here."""
    made = _Made([], [], [])
    codes, salts = random(CODE * len(told)), random(32 * len(told))
    seals = seals_of_claims(codes)
    keys = ledger.contacts.make([f"ref:{item.ref}" for item in told])
    for some in seals:
        start = len(made.rows)
        part = [
            _row(item, codes[CODE * n : CODE * n + CODE], salts[32 * n : 32 * n + 32], some[at : at + 32])
            for at, (n, item) in zip(
                range(0, len(some), 32), enumerate(told[start : start + len(some) // 32], start), strict=True
            )
        ]
        made.rows.extend(part)
        made.entries.extend(row.salt + row_json(row) for row in part)
        made.addresses.extend(_addresses(ledger, part, keys[start : start + len(part)]))
        if progress:
            progress(len(made.rows), len(told))
    return made


def _row(told: Told, claim: bytes, salt: bytes, seal: bytes) -> _Row:
    own = target_salt(claim) if told.address else None
    target = target_of_normalized(own, told.channel, told.address) if own and told.address else None
    return _Row(told, claim, salt, own, target, seal.hex())


def _addresses(
    ledger: Ledger, rows: Sequence[_Row], contact_keys: Sequence[bytes]
) -> Iterator[tuple[str, str, bytes, str, bytes]]:
    contacts = ledger.contacts
    for row, key in zip(rows, contact_keys, strict=True):
        told = row.told
        if told.address:
            customer = f"ref:{told.ref}"
            body = contacts.seal(key, customer, Address(told.channel, told.address, row.target_salt))
            yield customer, told.channel, contacts.finder(told.channel, told.address), row.target or "", body


def _store(ledger: Ledger, made: _Made, known: dict[Key, Held], *, event: str, now: int) -> None:
    """Write rows, standings and addresses, inside `book.write()`; a matter on file is folded again."""
    logs, encode = (ledger.origin,), msgspec.msgpack.Encoder().encode
    attested, standing = [], []
    for line, row in enumerate(made.rows):
        told, customer = row.told, f"ref:{row.told.ref}"
        body = Attested(event, now, told.state, told.since, row.next, logs, row.target, row.salt, row.claim)
        held = _standing(customer, body)
        attested.append((ledger.did, customer, told.purpose, told.channel, event, line, encode(body)))
        standing.append((ledger.did, told.purpose, told.channel, customer, encode(held)))
    db = ledger.db
    db.executemany("INSERT INTO attested VALUES (?, ?, ?, ?, ?, ?, ?)", attested)
    db.executemany("INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?)", standing)
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
