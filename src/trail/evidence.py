"""What of a bundle was found sound so far: events, lanes, open seals, notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial


from ..consent import SignedNotice, parse_notice
from ..errors import KonsensError, VerificationError
from ..records import AnchoredEvent, ImportBatch, Lane
from .manifest import EventEntry, Manifest

__all__ = ["Evidence", "chain"]


class Evidence:
    """Grows step by step; what fails a step is taken out of it again.

    `events` by hash; `lanes` from event 0 on, by its hash; `open` the seals that need a proof, each with the
    event at whose leaf it is proven; `seals` what the proofs said: the index of the break, or None.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.events: dict[str, AnchoredEvent] = {}
        self.entries: dict[str, EventEntry] = {}
        self.notices: dict[str, SignedNotice] = {}
        self.lanes: dict[str, Lane] = {}
        self.open: dict[str, AnchoredEvent] = {}
        self.seals: dict[str, int | None] = {}

    def add(self, anchored: AnchoredEvent, entry: EventEntry) -> None:
        """Take in an event whose signature is right."""
        self.events[entry.event] = anchored
        self.entries[entry.event] = entry

    def add_notice(self, digest: str, body: bytes, jws: str) -> None:
        """Take in a notice whose signature is right."""
        self.notices[digest] = SignedNotice(parse_notice(body), body, jws)

    def drop(self, error: KonsensError) -> None:
        """Take out the event that an error names."""
        name = str(error.facts.get("event", ""))
        for event in [known for known in self.events if name and known.startswith(name)]:
            del self.events[event]

    @property
    def whole(self) -> bool:
        """Whether the bundle claims to hold the whole book."""
        return not self.manifest.query

    def counts(self) -> dict[str, int]:
        """How much there was."""
        return {
            "events": len(self.entries),
            "lanes": len(self.lanes),
            "notices": len(self.notices),
            "seals": len(self.seals),
            "rows": sum(len(entry.rows) for entry in self.entries.values()),
        }


def chain(evidence: Evidence) -> Iterator[Callable[[], None]]:
    """Put the events into their lanes, one part for each lane, and name the seals that stay open.

    A lane in the bundle is whole, but for the company's own lane in a bundle about some persons: of that
    one, single events are shown, and each is anchored on its own.
    """
    following: dict[str, list[AnchoredEvent]] = {}
    for anchored in evidence.events.values():
        following.setdefault(anchored.event.event.prev or "", []).append(anchored)
    shown_alone = not evidence.whole
    for first in following.get("", []):
        if not (shown_alone and first.event.event.matter.kind == "own"):
            yield partial(_lane, evidence, first, following)
    for anchored in evidence.events.values():
        event = anchored.event.event
        alone = shown_alone and event.matter.kind == "own"
        if event.prev is not None and event.prev not in evidence.events and not alone:
            yield partial(_gap, anchored)
        if isinstance(event.content, ImportBatch):
            yield partial(_rows, evidence, anchored)


def _lane(evidence: Evidence, first: AnchoredEvent, following: dict[str, list[AnchoredEvent]]) -> None:
    events = [first]
    while after := following.get(events[-1].event.event_hash):
        if len(after) > 1:
            raise VerificationError("lane.fork", event=after[1].event.event_hash, seq=after[1].event.event.seq)
        events.append(after[0])
    lane = Lane(tuple(events))
    evidence.lanes[lane.name] = lane
    if lane.open_seal is not None:
        evidence.open[str(lane.open_seal)] = lane.head


def _gap(anchored: AnchoredEvent) -> None:
    raise VerificationError(
        "lane.gap", event=anchored.event.event_hash, seq=anchored.event.event.seq - 1
    )


def _rows(evidence: Evidence, anchored: AnchoredEvent) -> None:
    for row in evidence.entries[anchored.event.event_hash].rows:
        seal = row.row.get("next")
        if not isinstance(seal, str):
            raise VerificationError("bundle.rows", event=anchored.event.event_hash)
        evidence.open[seal] = anchored
