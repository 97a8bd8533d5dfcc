"""A log that was put back to an older state has lost its last leaves. Here it gets those of the book again.

- The same bytes, one after the other in their old order; what its customer has put there already, stays.
- The book then names the new places, every matter that they touch is folded again, and a receipt that named
  an old place is issued anew when it is asked for.
- An event whose seal or `next` broke meanwhile with nothing to show has no place after that break: it is not
  appended, and the break counts against it.
"""

from __future__ import annotations

import msgspec

from ..records import StoredEvent
from ..registry import SealLeaf, parse_leaf
from .ledger import Ledger
from .log import Log
from .state import Fact

__all__ = ["bring_back", "is_displaced"]


def bring_back(ledger: Ledger) -> None:
    """Append what the home log has lost of all that the book knows to lie in it, and note the new places."""
    log = ledger.logs.home
    lost = [stored for stored in ledger.book.events() if _is_lost(log, stored)]
    places: dict[str, int] = {
        stored.event_hash: index for stored in lost if (index := _again(log, stored)) is not None
    }
    with ledger.book.write():
        ledger.book.move(ledger.origin, places)
        for stored in lost:
            ledger.db.execute(
                "UPDATE receipt SET card = NULL, credential = NULL WHERE event = ?", (stored.event_hash,)
            )
            fact, matter = ledger.fact_of(stored.event_hash), stored.anchored.event.event.matter
            if fact is not None:
                fact = _moved(fact, places.get(stored.event_hash), log, stored)
                ledger.add_fact(fact, matter, received_at=stored.received_seconds)
        for matter in dict.fromkeys(stored.anchored.event.event.matter for stored in lost):
            if matter.customer and matter.purpose and matter.channel:
                ledger.refold(matter.customer, matter.purpose, matter.channel)
            elif matter.customer:
                ledger.restand(matter.customer)


def is_displaced(ledger: Ledger, event: str) -> bool:
    """Tell whether the home log no longer has an event where the book says."""
    return ledger.book.has(event) and _is_lost(ledger.logs.home, ledger.book.event(event))


def _is_lost(log: Log, stored: StoredEvent) -> bool:
    return stored.origin == log.origin and log.find(bytes.fromhex(stored.seal)) != stored.leaf_index


def _again(log: Log, stored: StoredEvent) -> int | None:
    """Return where an event's leaf lies now, appended if it is nowhere; None if it cannot be any more."""
    event, leaf = stored.anchored.event.event, parse_leaf(stored.leaf)
    found = log.find(bytes.fromhex(stored.seal))
    if found is not None:
        return found if log.entry(found) == stored.leaf else None
    if not isinstance(leaf, SealLeaf) or (event.next and log.find(bytes.fromhex(event.next)) is not None):
        return None
    (index,) = log.append([leaf])
    return index


def _moved(fact: Fact, place: int | None, log: Log, stored: StoredEvent) -> Fact:
    """Return what decides of an event in its new place; without one, what broke its lane comes after it."""
    if place is not None:
        return msgspec.structs.replace(fact, index=place)
    for seal in (stored.seal, fact.next):
        broken = log.find(bytes.fromhex(seal)) if seal else None
        if broken is not None:
            return msgspec.structs.replace(fact, index=broken - 1, next=seal)
    return fact
