"""The state of a consent: a pure fold over verified events and broken seals.

The same facts give the same state, in whatever order they arrived. Rules, in the order of `docs/consent.md`:

- within a log, order is by leaf index; a lane's events keep their own order;
- a grant in a void lane raises nothing, a withdrawal in any lane lowers (a second lane is void while the
  open seal of an earlier one is unbroken);
- a seal that broke without an event to show is a withdrawal at that leaf, and so is a broken stop seal;
- the company's events only lower, and only the consent whose event they name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Literal

import msgspec

from ..errors import RefusedByPolicy

__all__ = [
    "FOREVER",
    "Break",
    "Ending",
    "Fact",
    "Standing",
    "State",
    "Terms",
    "check_step",
    "fold",
    "open_seals",
    "standing_objections",
    "void_lanes",
    "whole_seals",
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


_ANEW: frozenset[State | None] = frozenset(set(State) - {State.INVALIDATED}) | {None}
_ASKED = _ANEW - ALIVE
_FROM: dict[str, frozenset[State | None]] = {
    "given": _ANEW,
    "refused": _ASKED,
    "deferred": _ASKED,
    "confirmed": frozenset({State.PENDING}),
    "renewed": frozenset(IN_FORCE),
    "withdrawn": _ANEW - {None, State.REQUESTED, State.DEFERRED, State.REFUSED},
    "revoked": frozenset(IN_FORCE),
}
_FORBIDDEN = {
    "given": "consent.given_after_invalidated",
    "refused": "consent.refused_while_given",
    "deferred": "consent.deferred_while_given",
    "confirmed": "consent.nothing_to_confirm",
    "renewed": "consent.nothing_to_renew",
    "withdrawn": "consent.nothing_to_withdraw",
    "revoked": "consent.nothing_to_revoke",
}


def check_step(standing: Standing, fact: Fact, terms: Mapping[str, Terms]) -> None:
    """Raise `RefusedByPolicy` unless `fact` may follow; each forbidden step has a code of its own."""
    state = standing.at(fact.since, terms)
    if fact.type not in _FROM or state in _FROM[fact.type]:
        if fact.type == "renewed" and standing.grant and fact.notice != standing.grant.notice:
            raise RefusedByPolicy("consent.renewed_other_notice", event=fact.event[:12])
        return
    code = _FORBIDDEN[fact.type]
    if state is State.INVALIDATED:
        code = "consent.after_invalidated"
    elif fact.type == "renewed" and state in _RENEWAL:
        code = _RENEWAL[state]
    elif fact.type == "confirmed" and state is State.LAPSED:
        code = "consent.confirmed_too_late"
    raise RefusedByPolicy(code, event=fact.event[:12], state=state or "nothing")


_RENEWAL = {
    State.WITHDRAWN: "consent.renewed_after_withdrawal",
    State.EXPIRED: "consent.renewed_after_expiry",
    State.REVOKED: "consent.renewed_after_revocation",
    State.SUPERSEDED: "consent.renewed_superseded",
    State.PENDING: "consent.renewed_while_pending",
}


def fold(
    facts: Iterable[Fact],
    *,
    breaks: Mapping[str, Break],
    relation: Iterable[Fact] = (),
    terms: Mapping[str, Terms] | None = None,
    purpose: str = "",
    as_of: int = FOREVER,
    known_at: int = FOREVER,
) -> Standing:
    """Return where a matter stood at `as_of`, as far as it was known at `known_at`.

    `facts` are the events of every lane of the matter, `relation` those of the relation lane, `breaks`
    what the logs say about every `next` named in either. `terms` is keyed by the grant's event.
    """
    known = [fact for fact in facts if fact.known <= known_at]
    context = [fact for fact in relation if fact.known <= known_at]
    void = void_lanes(known, breaks)
    steps: list[_Step] = [(fact.index, 0, fact, None) for fact in known if fact.since <= as_of]
    steps += _objections(context, purpose, as_of)
    steps += _breaks(known, breaks, "seal_broken", as_of, known_at)
    steps += _breaks(context, breaks, "stop_broken", as_of, known_at)
    standing = Standing()
    for _, _, fact, ending in sorted(steps, key=_position):
        standing = _apply(standing, fact, ending, void, terms or {})
    return msgspec.structs.replace(standing, open_seals=open_seals(known))


def open_seals(facts: Sequence[Fact]) -> tuple[OpenSeal, ...]:
    """Return the open seal of every lane of the customer, void ones too, with the logs that may break it."""
    heads = (events[-1] for events in _lanes(facts).values())
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
    lanes = _lanes([fact for fact in facts if fact.assurance != "attested"])
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


def standing_objections(
    relation: Iterable[Fact],
    *,
    breaks: Mapping[str, Break],
    as_of: int = FOREVER,
    known_at: int = FOREVER,
) -> tuple[Fact, ...]:
    """Return the objections that no later event has lifted; a broken stop seal is one to everything.

    The `index` of each is where it counts from: a consent given after it is the customer's newer word.
    """
    known = [fact for fact in relation if fact.known <= known_at]
    void = void_lanes(known, breaks)
    steps: list[_Step] = [(fact.index, 0, fact, None) for fact in known if fact.since <= as_of]
    steps += _breaks(known, breaks, "stop_broken", as_of, known_at)
    against: dict[str | None, Fact] = {}
    for index, _, fact, ending in sorted(steps, key=_position):
        if ending is not None:
            against[None] = msgspec.structs.replace(fact, index=index, scope=None)
        elif fact.type == "objected":
            against[fact.scope] = fact
        elif fact.type == "restored" and fact.lane not in void:
            against = {scope: other for scope, other in against.items() if fact.scope not in (None, scope)}
    return tuple(against.values())


_Step = tuple[int, int, Fact, Ending | None]


def _position(step: _Step) -> tuple[int, int, str]:
    return step[0], step[1], step[2].event


def _apply(
    standing: Standing, fact: Fact, ending: Ending | None, void: frozenset[str], terms: Mapping[str, Terms]
) -> Standing:
    """Return the next standing. What may not follow changes nothing."""
    if ending is None and fact.by == "company":
        # What staff record against an attested row ends it for good: a second import cannot raise it again.
        attested = standing.grant is not None and standing.grant.assurance == "attested"
        if fact.type not in _LOWERING or not (attested or fact.ends in standing.episode):
            return standing
        ending = _LOWERING[fact.type]
    if ending is not None:
        # The state as written, not as derived: an expired consent can still be withdrawn.
        return _ended(standing, fact, ending) if standing.state in ALIVE else standing
    if fact.assurance == "attested":
        return _attested(standing, fact, terms)
    try:
        check_step(standing, fact, terms)
    except RefusedByPolicy:
        return standing
    if fact.type == "withdrawn":
        return _ended(standing, fact, "withdrawn")
    return standing if fact.lane in void else _raised(standing, fact, terms)


def _attested(standing: Standing, fact: Fact, terms: Mapping[str, Terms]) -> Standing:
    """Return the standing after an imported row: its no always counts, its yes only over nothing."""
    if fact.type == "withdrawn":
        return _ended(standing, fact, "withdrawn")
    return standing if standing.state not in (None, State.GIVEN) else _raised(standing, fact, terms)


_LOWERING: dict[str, Ending] = {"withdrawn": "courier", "revoked": "revoked"}


def _ended(standing: Standing, fact: Fact, ending: Ending) -> Standing:
    state = State.REVOKED if ending == "revoked" else State.WITHDRAWN
    return msgspec.structs.replace(standing, state=state, since=fact.since, head=fact, ending=ending)


def _raised(standing: Standing, fact: Fact, terms: Mapping[str, Terms]) -> Standing:
    if fact.type in ("refused", "deferred"):
        return Standing(state=State(fact.type), since=fact.since, head=fact, grant=standing.grant)
    if fact.type == "confirmed":
        return msgspec.structs.replace(
            standing,
            state=State.GIVEN,
            since=fact.since,
            head=fact,
            episode=standing.episode | {fact.event},
        )
    pending = fact.type == "given" and terms.get(fact.event, Terms()).double_opt_in
    state = State.PENDING if pending else State(fact.type)
    episode = (standing.episode if fact.type == "renewed" else frozenset()) | {fact.event}
    return Standing(state=state, since=fact.since, head=fact, grant=fact, episode=episode)


def _objections(relation: Iterable[Fact], purpose: str, as_of: int) -> list[_Step]:
    return [
        (fact.index, 1, fact, "objected")
        for fact in relation
        if fact.type == "objected" and fact.since <= as_of and fact.scope in (None, purpose)
    ]


def _breaks(
    facts: Sequence[Fact], breaks: Mapping[str, Break], ending: Ending, as_of: int, known_at: int
) -> list[_Step]:
    """Return the breaks with no event to show: of each lane, the open seal of its last known event."""
    found: list[_Step] = []
    for events in _lanes(facts).values():
        head = events[-1]
        broken = breaks.get(head.next) if head.next else None
        if broken and broken.since <= as_of and broken.known <= known_at:
            head = msgspec.structs.replace(head, since=max(head.since, broken.since))
            found.append((broken.index, 1, head, ending))
    return found


def _lanes(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """Return the customer's lanes, each in its own order."""
    lanes: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.by == "customer":
            lanes.setdefault(fact.lane, []).append(fact)
    for events in lanes.values():
        events.sort(key=lambda fact: fact.seq)
    return lanes
