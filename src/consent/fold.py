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

import msgspec

from ..errors import RefusedByPolicy
from .lanes import lanes_of, open_seals, void_lanes
from .state import ALIVE, FOREVER, Break, Ending, Fact, Standing, State, Terms
from .step import check_step

__all__ = ["fold", "standing_objections"]


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
    for events in lanes_of(facts).values():
        head = events[-1]
        broken = breaks.get(head.next) if head.next else None
        if broken and broken.since <= as_of and broken.known <= known_at:
            head = msgspec.structs.replace(head, since=max(head.since, broken.since))
            found.append((broken.index, 1, head, ending))
    return found
