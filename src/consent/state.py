"""What a consent can be, and what decides of it: states, facts, breaks, and where a matter stands."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

__all__ = [
    "ALIVE",
    "ELSEWHERE",
    "FOREVER",
    "IN_FORCE",
    "Break",
    "Ending",
    "Fact",
    "OpenSeal",
    "Standing",
    "State",
    "Terms",
]

FOREVER = 1 << 52
ELSEWHERE = 1 << 51  # the position of a break in a log that is not home: after everything, always a stop


class State(StrEnum):
    """The states of consent; `EXPIRED`, `LAPSED` and `SUPERSEDED` are derived, never written."""

    REQUESTED = "requested"
    DEFERRED = "deferred"
    REFUSED = "refused"
    PENDING = "pending"
    GIVEN = "given"
    RENEWED = "renewed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    INVALIDATED = "invalidated"


OpenSeal = tuple[tuple[str, ...], str]
Ending = Literal["withdrawn", "courier", "revoked", "objected", "seal_broken", "stop_broken"]
IN_FORCE = frozenset({State.GIVEN, State.RENEWED})
ALIVE = IN_FORCE | {State.PENDING}


class Break(msgspec.Struct, frozen=True):
    """A broken seal: at which leaf, since when it counts, and since when it could be known.

    `index` is `ELSEWHERE` for a break in a listed log that is not the lane's home.
    """

    index: int
    since: int
    known: int


class Terms(msgspec.Struct, frozen=True):
    """What the fold needs to know of a notice and request."""

    double_opt_in: bool = False
    superseded_from: int = FOREVER
    lapses_at: int = FOREVER


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One verified event, reduced to what decides. Times are seconds since 1970."""

    event: str
    type: str
    by: Literal["customer", "company"]
    lane: str
    seq: int
    index: int
    since: int
    known: int
    next: str | None = None
    logs: tuple[str, ...] = ()
    ends: str | None = None
    notice: str | None = None
    request: str | None = None
    until: int | None = None
    target: str | None = None
    data: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    scope: str | None = None
    assurance: Literal["customer_signed", "courier", "attested"] = "customer_signed"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a matter stands.

    `grant` is the newest grant that counted, in force or ended; `head` the event that made the state;
    `episode` the grant's events, which a lowering event may name; `open_seals` what must be unbroken.
    """

    state: State | None = None
    since: int = 0
    head: Fact | None = None
    grant: Fact | None = None
    ending: Ending | None = None
    episode: frozenset[str] = frozenset()
    open_seals: tuple[OpenSeal, ...] = ()

    def at(self, moment: int, terms: Mapping[str, Terms]) -> State | None:
        """Return the state as of `moment`, with what only time brings about."""
        if self.grant is None or self.state not in ALIVE:
            return self.state
        if self.grant.until is not None and moment >= self.grant.until:
            return State.EXPIRED
        found = terms.get(self.grant.event, Terms())
        if self.state is State.PENDING and moment >= found.lapses_at:
            return State.LAPSED
        return State.SUPERSEDED if moment >= found.superseded_from else self.state
