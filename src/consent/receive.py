"""Taking in what a customer delivers: verified once, on arrival, all of it or nothing.

- Every event: signature, commitment, leaf in the log at its index, place in its lane.
- A grant: the notice existed before it and covers it; the request is ours, in time, and not used up.
- Each step: it may follow what stands at its leaf.
- The same file twice changes nothing; a part of it again is no error either. Where the log no longer has an
  event in its place, since it was put back to an older state, `bring_back` finds or gives it a new one.
- What was verified is a fact, the company's countersignature is in the outbox, and the standing is folded
  anew, in one transaction. Only then are leaves appended.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from ..did import OfflineResolver
from ..encoding import b64u_decode
from ..errors import InputError, Unavailable, VerificationError
from ..records import (
    AnchoredEvent,
    Matter,
    check_anchored,
    check_event_signature,
    check_in_log,
    check_may_begin,
    parse_anchored,
)
from .bring_back import bring_back, is_displaced
from .contact import Address, link_ref, store_addresses
from .facts import customer_fact
from .grant import check_content
from .in_force import check_stoppable
from .lanes import open_seals
from .ledger import Ledger
from .message import EventsMessage, parse_message
from .moments import seconds
from .own import CompanyKeys, countersign, deliver
from .step import check_step
from .tables import Stops
from .target import target_of

__all__ = ["Received", "receive"]

LEEWAY = timedelta(seconds=60)
GAP = timedelta(hours=24)


class Received(msgspec.Struct, frozen=True):
    """What came in: of whom, which matters it touched, and which events were new."""

    customer: str
    ref: str | None
    matters: tuple[Matter, ...]
    events: tuple[str, ...]
    new: int
    known: int
    warnings: tuple[str, ...]


def receive(
    ledger: Ledger,
    keys: CompanyKeys,
    data: bytes | str,
    *,
    ref: str | None = None,
    age: int | None = None,
    now: datetime,
) -> Received:
    """Take in a `konsens/events` file; `ref` links the customer to the company's own number.

    `age` in years, where the company knows it: a grant under the notice's minimum age is refused.
    """
    message = parse_message(data, EventsMessage)
    ledger.check_log()
    events = [parse_anchored(msgspec.structs.asdict(text)) for text in message.events]
    customer = _check_sender(ledger, events)
    fresh = [event for event in events if not ledger.book.has(event.event.event_hash)]
    for event in fresh:
        _check_event(ledger, event, now)
    again = [event.event.event_hash for event in events if event not in fresh]
    if any(is_displaced(ledger, event) for event in again):
        bring_back(ledger)
    addresses = _check_contacts(message, events)
    deliver(ledger, now=now)
    with ledger.book.write():
        new = [event for event in fresh if _take_in(ledger, keys, event, now=now, age=age)]
        for known in again:
            _answer_again(ledger, keys, known, now)
        if ref is not None:
            link_ref(ledger.db, customer, ref, proof="staff", at=seconds(now))
        store_addresses(ledger.db, ledger.contacts, customer, addresses, proof="customer")
        if any(event.event.event.matter.kind == "relation" for event in new):
            ledger.restand(customer)
        if any(event.event.event.type in ("given", "renewed") for event in new):
            _check_stoppable(ledger, customer)
    deliver(ledger, now=now)
    matters = {event.event.event.matter: None for event in events}
    return Received(
        customer=customer,
        ref=ledger.ref_of(customer),
        matters=tuple(matter for matter in matters if matter.kind == "consent"),
        events=tuple(event.event.event_hash for event in events),
        new=len(new),
        known=len(events) - len(new),
        warnings=tuple(sorted({code for event in new for code in _warnings(event, now)})),
    )


def _check_sender(ledger: Ledger, events: Iterable[AnchoredEvent]) -> str:
    """Return the one customer whose events these are."""
    customers = set()
    for event in events:
        matter = event.event.event.matter
        if matter.controller != ledger.did:
            raise VerificationError("grant.other_company", company=matter.controller)
        # A grant that a company signed fails when it is parsed (`event.signer`); this is its own lowering.
        if matter.customer is None or event.event.did != matter.customer:
            raise VerificationError("grant.not_the_customer", event=event.event.event_hash[:12])
        customers.add(matter.customer)
    if len(customers) != 1:
        raise InputError("grant.one_customer", count=len(customers))
    return str(customers.pop())


def _check_event(ledger: Ledger, anchored: AnchoredEvent, now: datetime) -> None:
    """Verify what the event's own bytes and the log can show."""
    event = anchored.event.event
    check_event_signature(anchored.event, OfflineResolver())
    check_anchored(anchored)
    if anchored.origin != ledger.origin:
        raise Unavailable("consent.unknown_log", origin=anchored.origin)
    for origin in event.logs:
        ledger.logs.named(origin)
    check_in_log(anchored, ledger.logs.named(anchored.origin))
    if event.at > now + LEEWAY:
        raise VerificationError("grant.from_the_future", event=anchored.event.event_hash[:12])


def _take_in(
    ledger: Ledger, keys: CompanyKeys, anchored: AnchoredEvent, *, now: datetime, age: int | None
) -> bool:
    """Add one verified event, with everything that only the book can tell; inside `book.write()`."""
    event, matter = anchored.event.event, anchored.event.event.matter
    if event.seq == 0:
        logs = {origin: ledger.logs.named(origin) for origin in event.logs}
        check_may_begin(anchored, lanes=ledger.book.lanes(matter.record_id), logs=logs)
    if not ledger.book.add(anchored, received_at=now):
        return False
    fact = customer_fact(ledger, anchored, known=seconds(now))
    if matter.customer and matter.purpose and matter.channel:
        check_content(ledger, anchored, fact, age=age)
        before, terms = ledger.fold_below(
            fact.index, matter.customer, matter.purpose, matter.channel, following=[fact]
        )
        check_step(before, fact, terms)
    ledger.add_fact(fact, matter, received_at=seconds(now))
    if matter.customer and matter.purpose and matter.channel:
        countersign(ledger, keys, anchored, at=now)
        ledger.refold(matter.customer, matter.purpose, matter.channel)
    elif event.type in ("objected", "restored"):
        ledger.db.execute(
            "INSERT OR IGNORE INTO receipt VALUES (?, ?, NULL, NULL, NULL)", (fact.event, matter.customer)
        )
    return True


def _answer_again(ledger: Ledger, keys: CompanyKeys, event: str, now: datetime) -> None:
    """Countersign a known event anew if our answer names another place than the one where it lies now."""
    stored = ledger.book.event(event)
    rows = ledger.db.execute("SELECT own_event FROM receipt WHERE event = ?", (event,)).fetchall()
    for (own,) in rows:
        if own is not None and ledger.book.has(own):
            said = ledger.book.event(own).anchored.event.event.content
            if getattr(said, "leaf_index", None) != stored.leaf_index:
                countersign(ledger, keys, stored.anchored, at=now)


def _check_stoppable(ledger: Ledger, customer: str) -> None:
    """Raise `grant.no_relation` unless the customer could stop everything by one leaf that we would see."""
    try:
        stops = Stops(open_seals(ledger.facts(customer)))
        check_stoppable(stops, ledger.logs.broken_among(stops.seals))
    except Unavailable as error:
        if error.code != "consent.stop_unknown":
            raise
        raise VerificationError("grant.no_relation") from error


def _check_contacts(message: EventsMessage, events: Iterable[AnchoredEvent]) -> list[Address]:
    """Return the addresses, each proven to be the target of an event in the same file."""
    targets = {event.event.event.target for event in events}
    addresses = []
    for contact in message.contacts:
        salt = b64u_decode(contact.salt, size=32)
        if target_of(salt, contact.channel, contact.address) not in targets:
            raise VerificationError("target.mismatch", channel=contact.channel)
        addresses.append(Address(contact.channel, contact.address, salt))
    return addresses


def _warnings(anchored: AnchoredEvent, now: datetime) -> Iterable[str]:
    if now - anchored.event.event.at > GAP:
        yield "grant.time_gap"
