"""The JSON-LD of a view: a record for each matter under a notice, and the receipts that hold records."""

from __future__ import annotations

from typing import Any

from ..consent import Ledger
from ..encoding import jcs
from .dpv import CONTEXT, render_receipt, render_record
from .view import RecordLine, TrailView

__all__ = ["render_graph", "render_receipts", "render_records"]


def render_records(ledger: Ledger, view: TrailView) -> dict[str, bytes]:
    """Return the files `records/<record>.jsonld`. An imported consent has none: it names no notice."""
    return {f"records/{record}.jsonld": jcs(body) for record, body in _records(ledger, view).items()}


def render_receipts(ledger: Ledger, view: TrailView) -> dict[str, bytes]:
    """Return the files `receipts/<card>.jsonld`, one for every receipt that a customer was given."""
    bodies = _records(ledger, view)
    lines: dict[str, tuple[RecordLine, str]] = {}
    for record in view.records:
        for event in record.events:
            lines.setdefault(event.event, (record, event.received_at))
    rows = ledger.db.execute("SELECT event, customer, card FROM receipt WHERE card IS NOT NULL").fetchall()
    files = {}
    for event, customer, card in rows:
        if event not in lines:
            continue
        record, issued_at = lines[event]
        if record.record in bodies:
            body = render_receipt(
                card, [bodies[record.record]], company=ledger.did, customer=customer, issued_at=issued_at
            )
            files[f"receipts/{card}.jsonld"] = jcs(body)
    return files


def render_graph(ledger: Ledger, view: TrailView) -> bytes:
    """Return all records as one JSON-LD document."""
    records = [
        {name: value for name, value in body.items() if name != "@context"}
        for body in _records(ledger, view).values()
    ]
    return jcs({"@context": CONTEXT, "@graph": records})


def _records(ledger: Ledger, view: TrailView) -> dict[str, dict[str, Any]]:
    bodies = {}
    for record in (*view.records, *view.requested):
        signed = ledger.notice(record.notice) if record.notice else None
        if signed is not None and signed.notice.purpose_named(record.purpose):
            language = signed.notice.languages[0]
            bodies[record.record] = render_record(
                record, signed.notice, language=language, made_at=view.made_at
            )
    return bodies
