"""A customer's lanes: which of them is void, and which seals hold them open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .state import ELSEWHERE, FOREVER, Break, Fact, OpenSeal

__all__ = ["lanes_of", "open_seals", "void_lanes", "whole_seals"]


def lanes_of(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """Return the customer's lanes, each in its own order."""
    lanes: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.by == "customer":
            lanes.setdefault(fact.lane, []).append(fact)
    for events in lanes.values():
        events.sort(key=lambda fact: fact.seq)
    return lanes


def open_seals(facts: Sequence[Fact]) -> tuple[OpenSeal, ...]:
    """Return the open seal of every lane of the customer, void ones too, with the logs that may break it."""
    heads = (events[-1] for events in lanes_of(facts).values())
    return tuple((head.logs, head.next) for head in heads if head.next is not None)


def whole_seals(
    facts: Iterable[Fact], *, breaks: Mapping[str, Break], as_of: int = FOREVER, known_at: int = FOREVER
) -> tuple[OpenSeal, ...]:
    """Return the open seals that were whole at `as_of`, as far as it was known at `known_at`."""
    known = [fact for fact in facts if fact.known <= known_at]
    broken = {seal for seal, at in breaks.items() if at.since <= as_of and at.known <= known_at}
    return tuple(pair for pair in open_seals(known) if pair[1] not in broken)


def void_lanes(facts: Sequence[Fact], breaks: Mapping[str, Break]) -> frozenset[str]:
    """Return the customer's lanes that began while the open seal of an earlier one was unbroken."""
    lanes = lanes_of([fact for fact in facts if fact.assurance != "attested"])
    void = set()
    for name, events in lanes.items():
        start = events[0].index
        for earlier in lanes.values():
            shown = [fact for fact in earlier if fact.index < start]
            if not shown or earlier[0].lane == name:
                continue
            broken = breaks.get(shown[-1].next or "")
            # Two logs have no common order: a break elsewhere is believed to be the earlier.
            if broken is None or start <= broken.index < ELSEWHERE:
                void.add(name)
    return frozenset(void)
