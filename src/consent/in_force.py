"""Whether what is on file holds: by the book alone, and by what broke in the logs since."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import Unavailable
from .state import OpenSeal, State
from .tables import Held, Stops

__all__ = ["check_stoppable", "in_force", "newest_word", "unbroken", "whole"]

whole: Mapping[OpenSeal, int] = {}
"""No seal is broken: what the book alone tells, or what a fold over the past has settled."""

_ENDED = {
    "objected": "consent.objected",
    "stop_broken": "consent.objected",
    "seal_broken": "consent.seal_broken",
}


def newest_word(own: Held | None, attested: Held | None) -> Held | None:
    """Return the row that decides: the customer's own, unless an imported one says no later on."""
    if own is None or attested is None:
        return own or attested
    return attested if attested.state is State.WITHDRAWN and attested.since > own.since else own


def in_force(held: Held, moment: int) -> str:
    """Return `ok`, or why the book alone says that a consent does not hold at `moment`."""
    if held.state not in (State.GIVEN, State.RENEWED):
        return _not_in_force(held, moment)
    if held.until is not None and moment >= held.until:
        return "consent.expired"
    if held.superseded_from is not None and moment >= held.superseded_from:
        return "consent.superseded"
    return "ok"


def _not_in_force(held: Held, moment: int) -> str:
    if held.state is State.WITHDRAWN:
        return _ENDED.get(held.ending or "", "consent.withdrawn")
    if held.state is State.PENDING and held.lapses_at is not None and moment >= held.lapses_at:
        return "consent.lapsed"
    return f"consent.{held.state}"


def unbroken(held: Held, stops: Stops, purpose: str, broken: Mapping[OpenSeal, int]) -> str:
    """Return `ok`, or what ended a consent first, of all that broke after the newest grant's leaf."""
    if not broken and not stops.objections:
        return "ok"
    ends = [
        (broken[seal], code)
        for seals, code in ((held.seals, "consent.seal_broken"), (stops.seals, "consent.objected"))
        for seal in seals
        if seal in broken and broken[seal] > held.index
    ]
    ends += [
        (index, "consent.objected")
        for scope, index in stops.objections
        if index > held.index and scope in (None, purpose)
    ]
    return min(ends)[1] if ends else "ok"


def check_stoppable(stops: Stops, broken: Mapping[OpenSeal, int]) -> None:
    """Raise `consent.stop_unknown` unless a stop seal is known that is whole.

    Whoever keeps the customer's relation lane from the book would not see its stop seal break.
    """
    if not stops.seals or (broken and all(seal in broken for seal in stops.seals)):
        raise Unavailable("consent.stop_unknown")
