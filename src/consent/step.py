"""Which event may follow which state; each forbidden step has a code of its own."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import RefusedByPolicy
from .state import ALIVE, IN_FORCE, Fact, Standing, State, Terms

__all__ = ["check_step"]

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
_RENEWAL = {
    State.WITHDRAWN: "consent.renewed_after_withdrawal",
    State.EXPIRED: "consent.renewed_after_expiry",
    State.REVOKED: "consent.renewed_after_revocation",
    State.SUPERSEDED: "consent.renewed_superseded",
    State.PENDING: "consent.renewed_while_pending",
}


def check_step(standing: Standing, fact: Fact, terms: Mapping[str, Terms]) -> None:
    """Raise `RefusedByPolicy` unless `fact` may follow where the matter stands."""
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
