"""The evidence bundle: everything that a stranger needs to check what a trail shows.

What is signed and proven lies under `events/`, `notices/`, `proofs/`, `seals/`, `logs/` and `dids/`; the
manifest binds it together. `records/`, `receipts/`, `uses.csv` and `report.html` are views of the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from ..consent import Attested, Ledger, decide
from ..did import DidDocument, Signer, render_document, sign_jws
from ..encoding import b64u_encode, format_time, from_hex, jcs, parse_time, sha256
from ..errors import NotFound, Unavailable
from ..records import Batch, ImportBatch, StoredEvent, row_entry
from ..strict_json import parse
from .dpv import render_receipt, render_record
from .manifest import (
    MANIFEST,
    MANIFEST_TYP,
    SIGNATURE,
    BreakEntry,
    DecisionEntry,
    EventEntry,
    Manifest,
    Population,
    RowEntry,
    render_json,
)
from .query import attested_rows, customers_of
from .report import render_report
from .table import render_uses
from .view import RecordLine, TrailView

__all__ = ["README", "Prover", "make_bundle"]

README = """This is an evidence bundle of konsens.

Check it with a verifier that you got yourself, never with one that came with it:

    konsens verify trail.zip --trust trust.toml

trust.toml names the logs and companies that you trust. It must reach you by another way than this file.
Without it the check ends with code 10 and says whom you would have to trust.

Evidence: events/ (signed acts), events.json (their place in the log), notices/ (the exact words),
proofs/ and seals/ (C2SP tlog-proof files), logs/ (checkpoints), dids/ (keys as they were), manifest.*.
Views of the same, for reading: report.html, uses.csv, records/, receipts/ (JSON-LD, ISO/IEC TS 27560).

Dies ist ein Beleg-Paket von konsens. Prüfen Sie es mit einem Prüfprogramm aus eigener Quelle, nie mit einem
mitgelieferten; die Vertrauensdatei muss Sie auf anderem Weg erreichen.
"""


class Prover(Protocol):
    """What a bundle asks of a log: everything is proven at one checkpoint."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    def prove_inclusion(self, index: int) -> str:
        """Return a tlog-proof of an entry."""

    def prove_holds(self, index: int, next_seal: bytes) -> str:
        """Return a tlog-proof of an entry that also says whether a seal is broken."""


def make_bundle(
    ledger: Ledger,
    view: TrailView,
    *,
    log: Prover,
    vkey: str,
    checkpoint: str,
    document: DidDocument,
    signer: Signer,
    language: str = "en",
) -> dict[str, bytes]:
    """Return the files of the bundle for `view`, by name; `write_container` makes the zip of them.

    Every proof is made at the log's newest checkpoint; a leaf beyond it ends with
    `registry.not_yet_checkpointed`.
    """
    if view.checkpoint is None:
        raise Unavailable("registry.not_yet_checkpointed", index=0)
    events = {stored.event_hash: stored for stored in _events(ledger, view)}
    folder = f"logs/{sha256(log.origin.encode()).hex()}"
    files = {
        "README.txt": README.encode(),
        f"{folder}/checkpoint": checkpoint.encode(),
        f"{folder}/vkey": f"{vkey}\n".encode(),
        f"dids/{sha256(ledger.did.encode()).hex()}.json": jcs(render_document(document)),
        "decisions.json": render_json(_decisions(ledger, view)),
        "events.json": render_json([_entry(ledger, view, stored) for stored in _in_order(events)]),
        "uses.csv": render_uses(view, safe=False).encode(),
        "report.html": render_report(view, language="de" if language == "de" else "en").encode(),
    }
    for stored in events.values():
        files[f"events/{stored.event_hash}.jws"] = stored.text.encode()
        files[f"proofs/{stored.event_hash}.tlog-proof"] = log.prove_inclusion(stored.leaf_index).encode()
    for seal, index in _open_seals(ledger, view, events).items():
        files[f"seals/{seal}.tlog-proof"] = log.prove_holds(index, from_hex(seal)).encode()
    files |= _notices(ledger, view)
    files |= _views(ledger, view)
    manifest = render_json(_manifest(view, files, signer))
    return files | {
        MANIFEST: manifest,
        SIGNATURE: sign_jws(manifest, typ=MANIFEST_TYP, signer=signer).encode(),
    }


def _manifest(view: TrailView, files: dict[str, bytes], signer: Signer) -> Manifest:
    return Manifest(
        v=1,
        at=view.made_at,
        as_of=view.as_of,
        known_at=view.known_at,
        query=view.query,
        population=Population(**view.population),
        redaction="none",
        signer=signer.kid,
        files={name: sha256(data).hex() for name, data in sorted(files.items())},
    )


def _events(ledger: Ledger, view: TrailView) -> Iterator[StoredEvent]:
    """Yield every event of the records in the view, of their relation lanes, and of the uses."""
    named = {event.event for record in view.records for event in record.events}
    if not view.query:
        yield from ledger.book.events()
        return
    uses = {use.use for use in view.uses}
    rows = ledger.db.execute("SELECT DISTINCT id, event FROM contact_use").fetchall()
    named |= {event for use, event in rows if use in uses}
    for event in sorted(named):
        yield ledger.book.event(event)


def _in_order(events: dict[str, StoredEvent]) -> list[StoredEvent]:
    return sorted(events.values(), key=lambda stored: (stored.origin, stored.leaf_index))


def _entry(ledger: Ledger, view: TrailView, stored: StoredEvent) -> EventEntry:
    fact = ledger.fact_of(stored.event_hash)
    rows: tuple[RowEntry, ...] = ()
    if stored.type == "imported":
        rows = tuple(_imported_rows(ledger, view, stored))
    elif stored.type == "used":
        rows = tuple(_used_rows(ledger, view, stored))
    return EventEntry(
        event=stored.event_hash,
        salt=b64u_encode(stored.salt),
        leaf=b64u_encode(stored.leaf),
        origin=stored.origin,
        leaf_index=stored.leaf_index,
        received_at=format_time(datetime.fromtimestamp(fact.known, UTC) if fact else stored.received_at),
        since=format_time(datetime.fromtimestamp(fact.since, UTC) if fact else stored.received_at),
        rows=rows,
    )


def _used_rows(ledger: Ledger, view: TrailView, stored: StoredEvent) -> Iterator[RowEntry]:
    found = ledger.db.execute(
        "SELECT customer, body FROM contact_use WHERE event = ? ORDER BY line", (stored.event_hash,)
    ).fetchall()
    wanted = set(_people(ledger, view))
    yield from _row_entries([body for _, body in found], [who in wanted for who, _ in found], view)


def _imported_rows(ledger: Ledger, view: TrailView, stored: StoredEvent) -> Iterator[RowEntry]:
    found = ledger.db.execute(
        "SELECT customer, purpose, channel, body FROM attested WHERE batch = ? ORDER BY line",
        (stored.event_hash,),
    ).fetchall()
    wanted = {(record.customer, record.purpose, record.channel) for record in view.records}
    bodies = [_imported_entry(*row) for row in found]
    yield from _row_entries(bodies, [tuple(row[:3]) in wanted for row in found], view)


def _imported_entry(customer: str, purpose: str, channel: str, body: bytes) -> bytes:
    attested = msgspec.msgpack.decode(body, type=Attested)
    return row_entry(attested.salt, attested.row(customer, purpose, channel))


def _row_entries(bodies: list[bytes], chosen: list[bool], view: TrailView) -> Iterator[RowEntry]:
    whole = not view.query and all(chosen)
    batch = None if whole else Batch(bodies)
    for index, (body, wanted) in enumerate(zip(bodies, chosen, strict=True)):
        if wanted:
            path = None if batch is None else tuple(node.hex() for node in batch.path(index))
            yield RowEntry(row=parse(body[32:]), salt=b64u_encode(body[:32]), index=index, path=path)


def _people(ledger: Ledger, view: TrailView) -> Iterator[str]:
    for customer in customers_of(ledger, view.query.get("who")):
        yield customer
        ref = ledger.ref_of(customer)
        if ref is not None:
            yield ref


def _open_seals(ledger: Ledger, view: TrailView, events: dict[str, StoredEvent]) -> dict[str, int]:
    """Return the last `next` of every whole lane with the leaf to prove it at, and of every imported row."""
    last: dict[str, StoredEvent] = {}
    for stored in events.values():
        if stored.lane not in last or last[stored.lane].seq < stored.seq:
            last[stored.lane] = stored
    seals = {}
    for stored in last.values():
        event = stored.anchored.event.event
        if event.next is not None and (not view.query or event.matter.kind != "own"):
            seals[str(event.next)] = stored.leaf_index
    for record in view.records:
        for batch, attested in attested_rows(ledger, record.customer, record.purpose, record.channel):
            seals[attested.next] = events[batch].leaf_index
    return seals


def _decisions(ledger: Ledger, view: TrailView) -> list[DecisionEntry]:
    return sorted(
        (_decision(ledger, view, record) for record in view.records), key=lambda entry: entry.record
    )


def _decision(ledger: Ledger, view: TrailView, record: RecordLine) -> DecisionEntry:
    live = view.as_of == view.known_at == view.made_at
    decision = decide(
        ledger,
        customer=record.customer.removeprefix("ref:"),
        purpose=record.purpose,
        channel=record.channel,
        as_of=None if live else parse_time(view.as_of),
        known_at=None if live else parse_time(view.known_at),
        now=parse_time(view.made_at),
    )
    facts = [*ledger.facts(record.customer, record.purpose, record.channel), *ledger.facts(record.customer)]
    breaks = tuple(
        BreakEntry(seal=seal, since=_moment(found.since), known=_moment(found.known))
        for seal, found in sorted(ledger.breaks(facts).items())
    )
    data = json.loads(msgspec.json.encode(decision.as_data()))
    return DecisionEntry(record=record.record, state=record.state, decision=_times(data), breaks=breaks)


def _times(data: dict[str, Any]) -> dict[str, Any]:
    for name in ("as_of", "known_at", "valid_until"):
        if data[name] is not None:
            data[name] = format_time(datetime.fromisoformat(data[name]))
    return data


def _moment(seconds: int) -> str:
    return format_time(datetime.fromtimestamp(seconds, UTC))


def _notices(ledger: Ledger, view: TrailView) -> dict[str, bytes]:
    files = {}
    for shown in view.notices:
        signed = ledger.notice(shown.hash)
        if signed is None:
            raise NotFound("notice.unknown", notice=shown.hash[:12])
        files[f"notices/{shown.hash}.json"] = signed.body
        files[f"notices/{shown.hash}.jws"] = signed.jws.encode()
    return files


def _views(ledger: Ledger, view: TrailView) -> dict[str, bytes]:
    """Return the JSON-LD: a record for each matter, and for each receipt one that holds its record."""
    files, by_record = {}, {}
    for record in view.records:
        signed = ledger.notice(record.notice) if record.notice else None
        if signed is not None:
            language = sorted(signed.notice.text)[0]
            body = render_record(record, signed.notice, language=language, made_at=view.made_at)
            files[f"records/{record.record}.jsonld"] = jcs(body)
            by_record[record.record] = body
    rows = ledger.db.execute("SELECT event, customer, card FROM receipt WHERE card IS NOT NULL").fetchall()
    records = {event.event: record for record in view.records for event in record.events}
    for event, customer, card in rows:
        shown = records.get(event)
        if shown is not None and shown.record in by_record:
            issued = next(line.received_at for line in shown.events if line.event == event)
            files[f"receipts/{card}.jsonld"] = jcs(
                render_receipt(
                    card,
                    [by_record[shown.record]],
                    company=ledger.did,
                    customer=customer,
                    issued_at=issued,
                )
            )
    return files
