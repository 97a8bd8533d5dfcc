"""Lanes: the events of one party about one matter, each at the one place that the event before left open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ..errors import Conflict, VerificationError
from .anchor import AnchoredEvent, LogReader
from .content import EventHash, Seal
from .matter import Matter

__all__ = ["Lane", "check_may_begin", "check_successor"]


def check_successor(previous: AnchoredEvent, event: AnchoredEvent) -> None:
    """Raise unless `event` may follow `previous` in its lane.

    - The matter is the same (`lane.matter`), and so is the signer's DID (`lane.signer`).
    - Nothing follows `invalidated` (`lane.ended`).
    - `seq` is the next number: none is left out (`lane.gap`), none is taken twice (`lane.fork`).
    - `prev` is the hash of the previous event (`lane.prev`), `seal` is its `next` (`lane.seal`).
    - `next` is not a seal that the previous event broke (`lane.next`); `Lane` asks it of all before.
    - In the same log the index grows (`lane.order`). `logs` may change: that is how a lane moves.
    """
    before, after = previous.event.event, event.event.event
    name = event.event.event_hash[:12]
    if after.matter != before.matter:
        raise VerificationError("lane.matter", event=name)
    if event.event.did != previous.event.did:
        raise VerificationError("lane.signer", event=name)
    if before.next is None:
        raise VerificationError("lane.ended", event=name)
    if after.seq > before.seq + 1:
        raise VerificationError("lane.gap", event=name, seq=before.seq + 1)
    if after.seq <= before.seq:
        raise VerificationError("lane.fork", event=name, seq=after.seq)
    if after.prev != previous.event.event_hash:
        raise VerificationError("lane.prev", event=name)
    if after.seal != before.next:
        raise VerificationError("lane.seal", event=name)
    if after.next == before.seal:
        raise VerificationError("lane.next", event=name)
    if event.origin == previous.origin and event.leaf_index <= previous.leaf_index:
        raise VerificationError("lane.order", event=name)


class Lane(msgspec.Struct, frozen=True):
    """The events of a lane from its beginning, which follow each other by `check_successor`.

    - It has at least one event and begins with number 0 (`lane.gap`).
    - `next` differs from every earlier seal of the lane (`lane.next`).
    """

    events: tuple[AnchoredEvent, ...]

    def __post_init__(self) -> None:
        if not self.events or self.events[0].event.event.seq != 0:
            raise VerificationError("lane.gap", seq=0)
        used: set[Seal | None] = set()
        for place, anchored in enumerate(self.events):
            if place:
                check_successor(self.events[place - 1], anchored)
            used.add(anchored.event.event.seal)
            if anchored.event.event.next in used:
                raise VerificationError("lane.next", event=anchored.event.event_hash[:12])

    @property
    def name(self) -> EventHash:
        """The name of the lane: the hash of its event 0."""
        return self.events[0].event.event_hash

    @property
    def matter(self) -> Matter:
        """What the lane is about."""
        return self.head.event.event.matter

    @property
    def signer(self) -> str:
        """The DID whose lane it is."""
        return self.head.event.did

    @property
    def head(self) -> AnchoredEvent:
        """The last event."""
        return self.events[-1]

    @property
    def open_seal(self) -> Seal | None:
        """The seal that the next event will break; none when the lane has ended."""
        return self.head.event.event.next

    def followed_by(self, event: AnchoredEvent) -> Lane:
        """Return the lane with one more event."""
        return Lane((*self.events, event))


def check_may_begin(first: AnchoredEvent, *, lanes: Iterable[Lane], logs: Mapping[str, LogReader]) -> None:
    """Raise unless a lane may begin with `first` beside these lanes, of which other matters do not count.

    One signer has one open lane for a matter. A second is void (`lane.duplicate`) unless the open seal of
    the first is broken, in a log that it names and before `first`, with no event to show. After an
    `invalidated` there is no second (`lane.ended`).
    """
    name = first.event.event_hash[:12]
    for lane in lanes:
        if (lane.matter, lane.signer) != (first.event.event.matter, first.event.did):
            continue
        if lane.open_seal is None:
            raise VerificationError("lane.ended", event=name)
        if not _broken_before(first, lane, lane.open_seal, logs):
            raise Conflict("lane.duplicate", event=name, lane=lane.name[:12])


def _broken_before(first: AnchoredEvent, lane: Lane, seal: Seal, logs: Mapping[str, LogReader]) -> bool:
    for origin in lane.head.event.event.logs:
        index = logs[origin].find(bytes.fromhex(seal)) if origin in logs else None
        # Two logs have no common order: a break in another one is believed to be the earlier.
        if index is not None and (origin != first.origin or index < first.leaf_index):
            return True
    return False
