"""The evidence bundle: everything that a stranger needs to check what a trail shows.

What is signed and proven lies under `events/`, `notices/`, `proofs/`, `seals/`, `logs/` and `dids/`; the
manifest binds it together. `records/`, `receipts/`, `uses.csv` and `report.html` are views of the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from ..consent import Ledger, row_of
from ..did import DidDocument, KeyHistory, Signer, render_document, sign_jws
from ..encoding import b64u_encode, format_time, from_hex, jcs, sha256
from ..errors import Language, NotFound, Unavailable
from ..records import Batch, StoredEvent, row_entry
from ..strict_json import parse
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
    told_of,
)
from .report import render_report
from .signers import HISTORY, HISTORY_PROOF, did_file
from .table import render_uses
from .view import RecordLine, TrailView
from .views import render_receipts, render_records

__all__ = ["README", "Identity", "Prover", "make_bundle"]

README = """This is an evidence bundle of konsens.

Check it with a verifier that you got yourself, never with one that came with it:

    konsens verify trail.zip --trust trust.toml

trust.toml names the logs and companies that you trust. It must reach you by another way than this file.
Without it the check ends with code 10 and says whom you would have to trust.

Evidence, checked one by one: events/ (signed acts), events.json (their place in the log, and the rows of
batches), notices/ (the exact words), proofs/ and seals/ (C2SP tlog-proof files), logs/ (checkpoints),
dids/ (keys as they were, and that the log holds them), decisions.json (computed again from the evidence),
manifest.* (the company's signature over all of it).
Not computed again: where there is no consent at all, why the company says no; and which number and which DID
are one person. The sentences in decisions.json only render its codes: read those of your verifier.
Views, for reading: report.html, uses.csv, records/, receipts/ (JSON-LD, ISO/IEC TS 27560). They are the
company's words; the check only shows that nobody changed them since.

Dies ist ein Beleg-Paket von konsens. Prüfen Sie es mit einem Prüfprogramm aus eigener Quelle, nie mit einem
mitgelieferten; die Vertrauensdatei muss Sie auf anderem Weg erreichen. report.html, uses.csv, records/ und
receipts/ sind Ansichten: Worte des Unternehmens, die seither niemand verändert hat. Der Beleg ist der Rest.
"""


class Prover(Protocol):
    """What a bundle asks of a log: everything is proven at one checkpoint."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    def find_public(self, digest: bytes) -> int | None:
        """Return the index of the public leaf over `digest`, or None."""

    def prove_inclusion(self, index: int) -> str:
        """Return a tlog-proof of an entry."""

    def prove_holds(self, index: int | None, next_seal: bytes) -> str:
        """Return a tlog-proof of an entry that also says whether a seal is broken."""


class Identity(msgspec.Struct, frozen=True):
    """Who makes a bundle: the signer of the manifest, and the keys by which its events are checked."""

    signer: Signer
    document: DidDocument
    history: KeyHistory | None = None


def make_bundle(
    ledger: Ledger,
    view: TrailView,
    *,
    log: Prover,
    vkey: str,
    checkpoint: str,
    identity: Identity,
    language: Language = "en",
) -> dict[str, bytes]:
    """Return the files of the bundle for `view`, by name; `write_container` makes the zip of them.

    Every proof is made at the log's newest checkpoint, whose note is `checkpoint`; a leaf beyond it ends
    with `registry.not_yet_checkpointed`, and a key history that is not in the log with
    `trail.keys_unanchored`.
    """
    if view.checkpoint is None:
        raise Unavailable("registry.not_yet_checkpointed", index=0)
    events: dict[str, StoredEvent] = {stored.event_hash: stored for stored in _events(ledger, view)}
    entries = [_entry(ledger, view, stored) for stored in _in_order(events)]
    folder = f"logs/{sha256(log.origin.encode()).hex()}"
    files = {
        "README.txt": README.encode(),
        f"{folder}/checkpoint": checkpoint.encode(),
        f"{folder}/vkey": f"{vkey}\n".encode(),
        "decisions.json": render_json(
            [_decision(one) for one in sorted(view.records, key=lambda one: one.record)]
        ),
        "events.json": render_json(entries),
        "uses.csv": render_uses(view, safe=False).encode(),
        "report.html": render_report(view, language=language).encode(),
    }
    for stored in events.values():
        files[f"events/{stored.event_hash}.jws"] = stored.text.encode()
        files[f"proofs/{stored.event_hash}.tlog-proof"] = log.prove_inclusion(stored.leaf_index).encode()
    for seal, index in _open_seals(events, entries, whole=not view.query).items():
        files[f"seals/{seal}.tlog-proof"] = log.prove_holds(index, from_hex(seal)).encode()
    files |= _keys(ledger.did, identity, log)
    files |= _notices(ledger, view)
    files |= render_records(ledger, view) | render_receipts(ledger, view)
    manifest = render_json(_manifest(view, files, identity.signer))
    signature = sign_jws(manifest, typ=MANIFEST_TYP, signer=identity.signer)
    return files | {MANIFEST: manifest, SIGNATURE: signature.encode()}


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


def _keys(did: str, identity: Identity, log: Prover) -> dict[str, bytes]:
    name, history = did_file(did), identity.history
    files = {f"{name}.json": jcs(render_document(identity.document))}
    if history is not None:
        index = log.find_public(history.digest)
        if index is None:
            raise Unavailable("trail.keys_unanchored", did=did, origin=log.origin)
        files[f"{name}{HISTORY}"] = history.render()
        files[f"{name}{HISTORY_PROOF}"] = log.prove_inclusion(index).encode()
    return files


def _events(ledger: Ledger, view: TrailView) -> Iterator[StoredEvent]:
    """Yield every event of the records in the view, of their relation lanes, and of the uses."""
    if not view.query:
        ours = ledger.db.execute("SELECT event FROM fact WHERE controller = ?", (ledger.did,))
        mine = {event for (event,) in ours.fetchall()}
        yield from (stored for stored in ledger.book.events() if stored.event_hash in mine)
        return
    named = {event.event for record in view.evidence for event in record.events}
    uses = {use.use for use in view.uses}
    rows = ledger.db.execute("SELECT DISTINCT id, event FROM contact_use").fetchall()
    named |= {event for use, event in rows if use in uses and ledger.book.has(event)}
    for event in sorted(named):
        yield ledger.book.event(event)


def _in_order(events: dict[str, StoredEvent]) -> list[StoredEvent]:
    return sorted(events.values(), key=lambda stored: (stored.origin, stored.leaf_index))


def _entry(ledger: Ledger, view: TrailView, stored: StoredEvent) -> EventEntry:
    fact = ledger.fact_of(stored.event_hash)
    if fact is None:
        raise NotFound("book.no_event", event=stored.event_hash[:12])
    return EventEntry(
        event=stored.event_hash,
        salt=b64u_encode(stored.salt),
        leaf=b64u_encode(stored.leaf),
        origin=stored.origin,
        leaf_index=stored.leaf_index,
        received_at=_moment(fact.known),
        since=_moment(fact.since),
        rows=tuple(_rows(ledger, view, stored)),
    )


def _rows(ledger: Ledger, view: TrailView, stored: StoredEvent) -> Iterator[RowEntry]:
    """Yield the rows of a batch that concern the view: all of them together, or each with its path."""
    if stored.type == "imported":
        told = ledger.batch_rows(stored.event_hash)
        bodies = [row_entry(a.salt, row_of(who, purpose, channel, a)) for who, purpose, channel, a in told]
        matters = {(record.customer, record.purpose, record.channel) for record in view.evidence}
        chosen = [(who, purpose, channel) in matters for who, purpose, channel, _ in told]
    elif stored.type == "used":
        found = ledger.db.execute(
            "SELECT customer, body FROM contact_use WHERE event = ? ORDER BY line", (stored.event_hash,)
        ).fetchall()
        names = _names(ledger, view)
        bodies, chosen = [body for _, body in found], [who in names for who, _ in found]
    else:
        return
    batch = Batch(bodies) if view.query else None
    for index, (body, wanted) in enumerate(zip(bodies, chosen, strict=True)):
        if batch is None or wanted:
            path = None if batch is None else tuple(node.hex() for node in batch.path(index))
            yield RowEntry(row=parse(body[32:]), salt=b64u_encode(body[:32]), index=index, path=path)


def _names(ledger: Ledger, view: TrailView) -> frozenset[str]:
    """Return every name under which the people of the view stand in uses."""
    people = {record.customer for record in view.evidence} | {use.customer or "" for use in view.uses}
    return frozenset(name for who in people for name in (who, ledger.ref_of(who)) if name)


def _open_seals(events: dict[str, StoredEvent], entries: list[EventEntry], *, whole: bool) -> dict[str, int]:
    """Return the last `next` of every whole lane with the leaf to prove it at, and of every imported row."""
    last: dict[str, StoredEvent] = {}
    for stored in events.values():
        if stored.lane not in last or last[stored.lane].seq < stored.seq:
            last[stored.lane] = stored
    seals = {}
    for stored in last.values():
        event = stored.anchored.event.event
        if event.next is not None and (whole or event.matter.kind != "own"):
            seals[str(event.next)] = stored.leaf_index
    for entry in entries:
        if events[entry.event].type == "imported":
            seals |= {row.row["next"]: entry.leaf_index for row in entry.rows}
    return seals


def _decision(record: RecordLine) -> DecisionEntry:
    own, attested = record.names
    return DecisionEntry(
        record=record.record,
        state=record.state,
        own=own,
        attested=attested,
        decision=told_of(record.decision),
        breaks=tuple(
            BreakEntry(seal=seal, since=_moment(found.since), known=_moment(found.known))
            for seal, found in sorted(record.breaks.items())
        ),
    )


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
