"""Histories: everything that happened in one matter, as lines, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from ..consent import Attested, Ledger
from ..encoding import format_time
from ..records import Matter, StoredEvent
from .view import EventLine

__all__ = ["Histories", "attested_rows"]


class Histories:
    """Reads what many histories share (relation lanes, batches, times of the log) once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._batches: dict[str, EventLine] = {}
        self._relations: dict[str, tuple[EventLine, ...]] = {}
        self._counted: dict[int, str | None] = {}

    def of(self, customer: str, purpose: str, channel: str) -> tuple[EventLine, ...]:
        """Return the acts of a matter, of the person's relation lane, and the contacts made."""
        ledger = self._ledger
        record = ledger.matter(customer, purpose, channel).record_id
        about = {"record": record, "customer": customer, "purpose": purpose, "channel": channel}
        lines = [self._line(stored) for stored in ledger.book.events(record)]
        for batch, attested in attested_rows(ledger, customer, purpose, channel):
            at = format_time(datetime.fromtimestamp(attested.since, UTC))
            lines.append(msgspec.structs.replace(self._batch(batch), **about, at=at))
        known = {line.event for line in lines}
        for use, relies_on in self._uses(customer, purpose, channel):
            if (relies_on is None or relies_on in known) and ledger.book.has(use):
                lines.append(msgspec.structs.replace(self._batch(use), **about))
        return tuple(sorted((*lines, *self._relation(customer)), key=lambda e: (e.origin, e.leaf_index)))

    def _relation(self, customer: str) -> tuple[EventLine, ...]:
        if customer not in self._relations:
            record = Matter(customer=customer, controller=self._ledger.did).record_id
            self._relations[customer] = tuple(map(self._line, self._ledger.book.events(record)))
        return self._relations[customer]

    def _batch(self, event: str) -> EventLine:
        if event not in self._batches:
            self._batches[event] = self._line(self._ledger.book.event(event))
        return self._batches[event]

    def _uses(self, customer: str, purpose: str, channel: str) -> list[tuple[str, str | None]]:
        ref = self._ledger.ref_of(customer)
        return self._ledger.db.execute(
            "SELECT DISTINCT event, relies_on FROM contact_use "
            "WHERE customer IN (?, ?) AND purpose = ? AND channel = ?",
            (customer, ref, purpose, channel),
        ).fetchall()

    def _line(self, stored: StoredEvent) -> EventLine:
        event = stored.anchored.event.event
        actor = f"{event.actor.name}, {event.actor.role}" if event.actor else None
        return EventLine(
            record=stored.record,
            lane=stored.lane,
            seq=stored.seq,
            type=stored.type,
            signer="customer" if stored.signer == event.matter.customer else "company",
            customer=event.matter.customer or "",
            purpose=event.matter.purpose,
            channel=event.matter.channel,
            at=format_time(event.at),
            received_at=format_time(stored.received_at),
            counted_at=self._counted_at(stored.leaf_index),
            actor=actor or getattr(event.content, "method", None),
            event=stored.event_hash,
            origin=stored.origin,
            leaf_index=stored.leaf_index,
            notice=getattr(event.content, "notice", None),
        )

    def _counted_at(self, index: int) -> str | None:
        if index not in self._counted:
            counted = self._ledger.logs.home.head_after(index)
            self._counted[index] = format_time(counted) if counted else None
        return self._counted[index]


def attested_rows(
    ledger: Ledger, customer: str, purpose: str, channel: str
) -> Iterator[tuple[str, Attested]]:
    """Yield the imported rows about a matter, each with the event of its batch."""
    if customer.startswith("ref:"):
        for row in ledger.attested(customer, purpose, channel):
            yield row.event, row
