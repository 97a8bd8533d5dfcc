"""The lanes of one company as this wallet sees them: its own events, and what the logs say of their seals."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from ..records import Matter, SignedEvent
from .kinds import Act
from .scan import Found

__all__ = ["Lane", "lanes_of"]


class Lane:
    """A lane by its number: the acts of this wallet in it, and the seals found broken.

    A lane can be *continued* while this wallet has every event of it. After a break that it cannot explain
    (another device, an older backup) the lane has ended: only a bare break can still be made in it.
    """

    def __init__(self, number: int, acts: Iterable[Act], found: Found | None) -> None:
        self.number = number
        self.acts = tuple(sorted(acts, key=lambda act: act.seq))
        self.found = found

    @cached_property
    def texts(self) -> tuple[tuple[Act, SignedEvent], ...]:
        """The acts that are events, with these, from event 0 on without a gap."""
        texts: list[tuple[Act, SignedEvent]] = []
        for act in self.acts:
            if act.seq == len(texts) and (signed := act.signed):
                texts.append((act, signed))
        return tuple(texts)

    @property
    def events(self) -> tuple[SignedEvent, ...]:
        """The events of this wallet, from event 0 on without a gap."""
        return tuple(signed for _, signed in self.texts)

    @property
    def head(self) -> SignedEvent | None:
        """The newest event, if nothing came after it."""
        return self.events[-1] if self.whole else None

    @property
    def matter(self) -> Matter | None:
        """What the lane is about, as far as this wallet knows."""
        return self.events[0].event.matter if self.events else None

    @property
    def open(self) -> int:
        """The number of the open seal, with the leaves that are still on their way."""
        return max(self.found.open if self.found else 0, *(act.seq + 1 for act in self.acts), 0)

    @property
    def waiting(self) -> tuple[Act, ...]:
        """The acts that no log has answered for, where nothing else was made of the same key elsewhere."""
        settled = {act.seq for act in self.acts if act.leaf_index is not None}
        return tuple(act for act in self.acts if act.leaf_index is None and act.seq not in settled)

    @property
    def whole(self) -> bool:
        """Whether this wallet has every event, so that it can sign the next one."""
        return len(self.events) == self.open > 0

    @property
    def ended_by_us(self) -> bool:
        """Whether the last leaf is a bare break of ours: then no event names a seal behind it."""
        if self.acts and self.acts[-1].seq == self.open - 1:
            return self.acts[-1].event is None
        return bool(self.found and self.found.bare)

    @property
    def origin(self) -> str | None:
        """The log where the lane was last seen: home of its last known event, else that of its last break."""
        if self.events:
            return self.events[-1].event.logs[0]
        return self.found.broken[self.found.open - 1][0] if self.found else None

    @property
    def is_relation(self) -> bool:
        """Whether the open seal is a stop seal; that of lane 0 is, also where its words are not here."""
        return self.number == 0 if self.matter is None else self.matter.kind == "relation"

    @property
    def lost(self) -> bool:
        """Whether a log no longer holds a leaf that it had taken."""
        broken = self.found.broken if self.found else {}
        return any(act.leaf_index is not None and act.seq not in broken for act in self.acts)


def lanes_of(acts: Iterable[Act], found: dict[int, Found]) -> dict[int, Lane]:
    """Return every lane of one company that is known from either side, by number."""
    by_lane: dict[int, list[Act]] = {number: [] for number in found}
    for act in acts:
        by_lane.setdefault(act.lane, []).append(act)
    return {number: Lane(number, by_lane[number], found.get(number)) for number in sorted(by_lane)}
