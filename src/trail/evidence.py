"""What of a bundle was found sound so far: events, lanes, open seals, notices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from ..consent import SignedNotice
from ..errors import VerificationError
from ..records import AnchoredEvent, Countersignature, ImportBatch, Lane
from .manifest import EventEntry, Manifest
from .steps import Part, fail

__all__ = ["Evidence", "chain", "countersigned"]


class Evidence:
    """Grows step by step; what fails a step is taken out of it again.

    `events` by hash; `lanes` from event 0 on, by its hash; `open` the seals that need a proof, each with the
    event at whose leaf it is proven; `seals` what the proofs said: the index of the break, or None;
    `head_seconds` the time of the checkpoint's head leaf, `size` the size of the proven checkpoint.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.controller = manifest.signer.partition("#")[0]
        self.events: dict[str, AnchoredEvent] = {}
        self.entries: dict[str, EventEntry] = {}
        self.notices: dict[str, SignedNotice] = {}
        self.lanes: dict[str, Lane] = {}
        self.open: dict[str, AnchoredEvent] = {}
        self.seals: dict[str, int | None] = {}
        self.head_seconds: int | None = None
        self.size: int | None = None

    def add(self, anchored: AnchoredEvent, entry: EventEntry) -> None:
        """Take in an event whose signature is right."""
        self.events[entry.event] = anchored
        self.entries[entry.event] = entry

    def drop(self, events: Iterable[str]) -> None:
        """Take out events."""
        for event in events:
            self.events.pop(event, None)

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


def chain(evidence: Evidence) -> Iterator[Part]:
    """Put the events into their lanes, one part for each lane, and name the seals that stay open.

    A lane in the bundle is whole, but for the company's own lane in a bundle about some persons: of that
    one, single events are shown, and each is anchored on its own.
    """
    following: dict[str, list[AnchoredEvent]] = {}
    for anchored in evidence.events.values():
        following.setdefault(anchored.event.event.prev or "", []).append(anchored)
    for anchored in list(evidence.events.values()):
        event = anchored.event.event
        alone = not evidence.whole and event.matter.kind == "own"
        if event.prev is None and not alone:
            lane = _walk(anchored, following)
            yield tuple(one.event.event_hash for one in lane), partial(_lane, evidence, lane, following)
        elif event.prev is not None and event.prev not in evidence.events and not alone:
            gap = VerificationError("lane.gap", event=anchored.event.event_hash[:12], seq=event.seq - 1)
            yield (anchored.event.event_hash,), partial(fail, gap)
        if isinstance(event.content, ImportBatch):
            for row in evidence.entries[anchored.event.event_hash].rows:
                evidence.open[str(row.row.get("next"))] = anchored


def countersigned(evidence: Evidence) -> Iterator[Part]:
    """Name every consent of a customer that the company does not show as countersigned.

    It countersigns each on arrival. Who leaves out its lane hides a withdrawal that its staff recorded; with
    the lane there, its open seal shows whether more came.
    """
    events = [anchored.event for anchored in evidence.events.values()]
    shown = {
        (one.event.matter, one.event.content.event)
        for one in events
        if isinstance(one.event.content, Countersignature)
    }
    for one in events:
        matter = one.event.matter
        if one.did == matter.customer and matter.kind == "consent" and (matter, one.event_hash) not in shown:
            error = VerificationError("bundle.not_countersigned", event=one.event_hash[:12])
            yield (), partial(fail, error)


def _walk(first: AnchoredEvent, following: dict[str, list[AnchoredEvent]]) -> list[AnchoredEvent]:
    events = [first]
    while after := following.get(events[-1].event.event_hash):
        events.append(after[0])
    return events


def _lane(evidence: Evidence, events: list[AnchoredEvent], following: dict[str, list[AnchoredEvent]]) -> None:
    for anchored in events:
        after = following.get(anchored.event.event_hash, [])
        if len(after) > 1:
            name = after[1].event.event_hash
            raise VerificationError("lane.fork", event=name[:12], seq=after[1].event.event.seq)
    lane = Lane(tuple(events))
    evidence.lanes[lane.name] = lane
    if lane.open_seal is not None:
        evidence.open[str(lane.open_seal)] = lane.head
