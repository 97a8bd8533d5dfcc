"""From a verified event to the fact that decides: what of it counts, and since when."""

from __future__ import annotations

from ..records import AnchoredEvent, SignedEvent
from .ledger import Ledger
from .moments import seconds
from .state import Fact

__all__ = ["customer_fact", "event_fact", "own_fact"]


def customer_fact(ledger: Ledger, anchored: AnchoredEvent, *, known: int) -> Fact:
    """Return what decides of a customer's event.

    A withdrawal counts from its receipt or from the last moment before its leaf, whichever is earlier;
    everything else from the head leaf after it, or from the moment at which we read it in our own store.
    """
    signed, event = anchored.event, anchored.event.event
    lane = ledger.book.event(signed.event_hash).lane
    if event.type in ("withdrawn", "objected"):
        since = min(known, ledger.shorter_at(anchored.leaf_index))
    else:
        after = ledger.logs.home.head_after(anchored.leaf_index)
        since = min(known, seconds(after)) if after else known
    previous = ledger.fact_of(event.prev) if event.prev else None
    since = max(since, previous.since) if previous else since
    return event_fact(signed, lane=lane, index=anchored.leaf_index, since=since, known=known)


def own_fact(signed: SignedEvent, *, index: int, known: int) -> Fact:
    """Return what decides of an event of the company's own. A courier's word counts from its receipt."""
    received = getattr(signed.event.content, "received_at", None)
    since = min(known, seconds(received)) if received else known
    return event_fact(signed, lane=signed.event_hash, index=index, since=since, known=known)


def event_fact(signed: SignedEvent, *, lane: str, index: int, since: int, known: int) -> Fact:
    """Return what decides of either party's event; where it lies and since when it counts is told."""
    event, content = signed.event, signed.event.content
    until = getattr(content, "until", None)
    own = signed.did != event.matter.customer
    return Fact(
        event=signed.event_hash,
        type=event.type,
        by="company" if own else "customer",
        lane=lane,
        seq=event.seq,
        index=index,
        since=since,
        known=known,
        next=event.next,
        logs=event.logs,
        ends=getattr(content, "ends", None),
        notice=getattr(content, "notice", None),
        request=getattr(content, "request", None),
        until=seconds(until) if until else None,
        target=event.target,
        data=getattr(content, "data", ()),
        recipients=getattr(content, "recipients", ()),
        scope=getattr(content, "scope", None),
        assurance="courier" if own else "customer_signed",
    )
