"""Importing consents taken before konsens: one event, one leaf, and a seal of its own for every row.

- Rows are marked `attested` everywhere: the company says so, nobody signed.
- All rows of a file or none; what is refused is reported with its line.
- Whoever holds a row's claim code can break its seal in the log, with no word to anybody.
- An imported yes never overrides a no that is on file, nor the customer's own word.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from json.encoder import encode_basestring
from pathlib import Path
from typing import NamedTuple

import msgspec
from nacl.bindings import crypto_sign_seed_keypair

from ..encoding import format_time
from ..records import Actor, Batch, Digest, ImportBatch, Matter
from .contact import Address
from .import_file import Reject, read_file
from .ledger import Ledger, seconds, when
from .mapping import Mapping, Told
from .own import CompanyKeys, deliver, sign_own
from .state import State
from .tables import PENDING_INDEX, Attested, Held
from .target import target_of_normalized

__all__ = ["Imported", "import_rows", "row_of", "seal_of_claim", "target_salt"]

Progress = Callable[[int, int], None]
Key = tuple[str, str, str]
CHUNK = 5000


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file; `event` and `leaf_index` are None after a dry run or when nothing was taken."""

    rows: int
    accepted: int
    duplicates: int
    rejects: tuple[Reject, ...]
    batch: str | None = None
    event: str | None = None
    leaf_index: int | None = None


class _Row(NamedTuple):
    told: Told
    claim: bytes
    salt: bytes
    target: str | None
    next: str


def import_rows(
    ledger: Ledger,
    keys: CompanyKeys,
    source: Path,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    actor: Actor | None = None,
    random: Callable[[int], bytes] = os.urandom,
    progress: Progress | None = None,
    now: datetime,
) -> Imported:
    """Import the CSV file `source`; nothing of it is in the book unless all of it is."""
    found = read_file(ledger, source, mapping, latest=seconds(now))
    fresh, known, rejects = _sort_out(ledger, found.told)
    result = Imported(
        rows=found.rows,
        accepted=len(fresh),
        duplicates=len(found.told) - len(fresh) - len(rejects),
        rejects=tuple(sorted([*found.rejects, *rejects], key=lambda reject: reject.line)),
    )
    if dry_run or not fresh:
        return result
    rows = _make_rows(fresh, random(48 * len(fresh)), progress)
    batch = Batch(row.salt + row_json(row) for row in rows)
    content = ImportBatch(count=batch.count, root=Digest(batch.root.hex()), mapping=mapping.name)
    contact_keys = ledger.contacts.make([f"ref:{row.told.ref}" for row in rows])
    with ledger.book.write():
        own = Matter(controller=ledger.did)
        signed = sign_own(ledger, keys, own, "imported", content, at=now, actor=actor)
        _store(ledger, rows, contact_keys, known, event=signed.event_hash, now=seconds(now))
    deliver(ledger, now=now)
    fact = ledger.fact_of(signed.event_hash)
    index = fact.index if fact and fact.index < PENDING_INDEX else None
    return msgspec.structs.replace(result, batch=content.root, event=signed.event_hash, leaf_index=index)


def seal_of_claim(code: bytes) -> str:
    """Return the seal that a claim code (16 bytes) can break.

    HKDF as in `konsens.records.claim_key`, written out: the general function takes several times as long,
    and an import makes 100,000 of these.
    """
    key = hmac.digest(hmac.digest(bytes(32), code, "sha256"), b"konsens/v1/claim\x01", "sha256")
    return sha256(crypto_sign_seed_keypair(key)[0]).hexdigest()


def target_salt(code: bytes) -> bytes:
    """Return the salt of an imported row's target, which only the claim code gives."""
    return hmac.digest(hmac.digest(bytes(32), code, "sha256"), b"konsens/v1/claim-target\x01", "sha256")


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
    on_file, own = ledger.attested_standing(), ledger.linked_matters()
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


def _make_rows(told: Sequence[Told], secrets: bytes, progress: Progress | None) -> list[_Row]:
    """Return the rows with their secrets; deriving keys lets go of the interpreter, so two threads do it."""
    chunks = [(start, told[start : start + CHUNK]) for start in range(0, len(told), CHUNK)]
    rows: list[_Row] = []
    with ThreadPoolExecutor(2) as pool:
        for part in pool.map(lambda chunk: _make_chunk(chunk[0], chunk[1], secrets), chunks):
            rows += part
            if progress:
                progress(len(rows), len(told))
    return rows


def _make_chunk(start: int, told: Sequence[Told], secrets: bytes) -> list[_Row]:
    rows = []
    for place, item in enumerate(told, start):
        claim, salt = secrets[48 * place : 48 * place + 16], secrets[48 * place + 16 : 48 * place + 48]
        target = item.address and target_of_normalized(target_salt(claim), item.channel, item.address)
        rows.append(_Row(item, claim, salt, target, seal_of_claim(claim)))
    return rows


def _store(
    ledger: Ledger,
    rows: Sequence[_Row],
    contact_keys: Sequence[bytes],
    known: dict[Key, Held],
    *,
    event: str,
    now: int,
) -> None:
    """Write rows, standings and addresses, inside `book.write()`; a matter on file is folded again."""
    logs = (ledger.origin,)
    encode = msgspec.msgpack.Encoder().encode
    attested = [
        Attested(event, now, row.told.state, row.told.since, row.next, logs, row.target, row.salt, row.claim)
        for row in rows
    ]
    ledger.db.executemany(
        "INSERT INTO attested VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (ledger.did, f"ref:{row.told.ref}", row.told.purpose, row.told.channel, event, line, encode(body))
            for line, (row, body) in enumerate(zip(rows, attested, strict=True))
        ),
    )
    ledger.db.executemany(
        "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?)",
        (
            (ledger.did, row.told.purpose, row.told.channel, f"ref:{row.told.ref}", encode(held))
            for row, held in zip(rows, _standings(ledger, rows, attested), strict=True)
        ),
    )
    for ref, purpose, channel in known:
        ledger.refold(f"ref:{ref}", purpose, channel)
    ledger.db.executemany(
        "INSERT OR REPLACE INTO address VALUES (?, ?, ?, ?, ?, 'import')",
        _addresses(ledger, rows, contact_keys),
    )


def _standings(ledger: Ledger, rows: Sequence[_Row], attested: Sequence[Attested]) -> Iterator[Held]:
    """Yield what the fold says of a matter with this one row; a test holds the two together."""
    for row, body in zip(rows, attested, strict=True):
        told, given = row.told, row.told.state == "given"
        customer = f"ref:{told.ref}"
        yield Held(
            customer=customer,
            record=ledger.matter(customer, told.purpose, told.channel).record_id,
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


def _addresses(
    ledger: Ledger, rows: Sequence[_Row], contact_keys: Sequence[bytes]
) -> Iterator[tuple[str, str, bytes, str, bytes]]:
    contacts = ledger.contacts
    for row, key in zip(rows, contact_keys, strict=True):
        told = row.told
        if told.address:
            customer = f"ref:{told.ref}"
            body = contacts.seal(key, customer, Address(told.channel, told.address, target_salt(row.claim)))
            yield customer, told.channel, contacts.finder(told.channel, told.address), row.target or "", body
