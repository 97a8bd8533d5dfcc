"""What ever happened, by the customer's hand or the company's, in the order of time.

A time is the word of whoever signed, to the second. Of the same second, our own acts stand as they were made,
and the company's stand behind those of ours that lie before them in the same log.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import msgspec

from ..encoding import format_time
from ..errors import NotFound
from ..records import Matter, SignedEvent, parse_event
from .kinds import COMPANY_EVENT, Identity
from .wallet import Wallet

__all__ = ["Entry", "company_events", "history"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened: by the customer, or by the company as a receipt told it."""

    record: str
    matter: Matter
    seq: int
    type: str
    at: str
    event: str
    by: str
    actor: dict[str, str] | None
    leaf_index: int | None
    notice: str | None


def history(wallet: Wallet, record: str | None = None) -> list[Entry]:
    """Return everything that happened, of one record if its id or a prefix of six is given, oldest first."""
    placed: list[tuple[datetime, int, int, Entry]] = []
    orders = defaultdict(list)  # of ours, by second and log: (place in the log, order)
    for act in wallet.acts():
        if signed := act.signed:
            placed.append((signed.event.at, act.order, 0, _entry(signed, "customer", act.leaf_index)))
            if act.leaf_index is not None:
                orders[signed.event.at, act.origin].append((act.leaf_index, act.order))
    for identity in wallet.identities():
        for signed, index in company_events(wallet, identity):
            same = orders[signed.event.at, signed.event.logs[0]]
            behind = max((order for ours, order in same if ours < index), default=-1)
            placed.append((signed.event.at, behind, index + 1, _entry(signed, "company", index)))
    entries = [entry for *_, entry in sorted(placed, key=lambda row: row[:3])]
    if record is not None:
        ids = {entry.record for entry in entries if entry.record.startswith(record)}
        if len(ids) != 1 or len(record) < 6:
            raise NotFound("wallet.record_unknown", record=record)
        entries = [entry for entry in entries if entry.record in ids]
    return entries


def company_events(wallet: Wallet, identity: Identity) -> list[tuple[SignedEvent, int]]:
    """Return the events of a company that receipts brought, each with its leaf."""
    rows = wallet.vault.list(COMPANY_EVENT).values()
    found = [(parse_event(row.event), row.leaf_index) for row in rows]
    return [row for row in found if row[0].event.matter.customer == identity.did]


def _entry(signed: SignedEvent, by: str, leaf_index: int | None) -> Entry:
    event = signed.event
    return Entry(
        record=event.matter.record_id,
        matter=event.matter,
        seq=event.seq,
        type=event.type,
        at=format_time(event.at),
        event=signed.event_hash,
        by=by,
        actor={"name": event.actor.name, "role": event.actor.role} if event.actor else None,
        leaf_index=leaf_index,
        notice=getattr(event.content, "notice", None),
    )
