"""Choose what a wallet shows in answer to a query: as little as answers it (OpenID4VP 1.0, section 6.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from ..errors import NotFound, RefusedByPolicy
from .dcql import CredentialQuery, Dcql
from .hold import HeldCredential
from .match import find_claims
from .path import ClaimPath, PathLike, covers, parse_path, render_path
from .present import to_disclose

__all__ = ["Choice", "candidates", "choose"]

_Candidates: TypeAlias = Mapping[str, Sequence["Choice"]]


class Choice(msgspec.Struct, frozen=True):
    """A credential that answers one query, and the claims that it takes."""

    query: CredentialQuery
    held: HeldCredential
    show: tuple[ClaimPath, ...]

    @property
    def shown(self) -> tuple[ClaimPath, ...]:
        """What leaves the wallet: `disclosed`, and what goes along with every presentation of the card."""
        return (*self.disclosed, *self.held.always_shown)

    @property
    def disclosed(self) -> tuple[ClaimPath, ...]:
        """What is uncovered for the question, with what the asked claims stand in and contain."""
        return to_disclose(self.held, self.show)

    @property
    def withheld(self) -> tuple[ClaimPath, ...]:
        """What stays in it."""
        disclosed = set(self.disclosed)
        return tuple(path for path in self.held.concealable if path not in disclosed)


def choose(
    dcql: Dcql, cards: Sequence[HeldCredential], *, at: datetime, only: Iterable[PathLike] | None = None
) -> tuple[Choice, ...]:
    """Return one choice for every credential that must be shown, the earlier of `cards` first.

    The verifier's first option that can be met is taken; what it calls optional is not shown. With `only`,
    nothing else is uncovered. Raises `dcql.no_match` if the wallet has no answer, and `dcql.only` if
    it has one that `only` forbids.
    """
    allowed = [()] if only is None else [parse_path(path) for path in only]
    found = {query.id: candidates(query, cards, at=at) for query in dcql.credentials}
    fitting = {name: [one for one in choices if _within(one, allowed)] for name, choices in found.items()}
    needed: dict[str, None] = {}
    for alternatives in dcql.required():  # the first one that can be met
        met = next((names for names in alternatives if all(fitting[name] for name in names)), None)
        if met is None:
            raise _unmet(dcql, alternatives, found, allowed)
        needed.update(dict.fromkeys(met))
    return tuple(fitting[name][0] for name in needed)


def candidates(
    query: CredentialQuery, cards: Iterable[HeldCredential], *, at: datetime
) -> tuple[Choice, ...]:
    """Return every way to answer one query: by card, then in the order of the verifier's preference."""
    return tuple(
        Choice(query, held, show)
        for held in cards
        if _may_answer(query, held, at)
        for option in query.options()
        if (show := find_claims(option, held.revealed)) is not None
    )


def _may_answer(query: CredentialQuery, held: HeldCredential, at: datetime) -> bool:
    now, validity = at.timestamp(), held.validity
    return (
        any(name in query.vct_values for name in held.types)
        # Authorities are named by X.509 and federation (section 6.1.1); a DID issuer is under none of them.
        and query.trusted_authorities is None
        and (held.holder is not None or not query.require_cryptographic_holder_binding)
        and (validity.not_before is None or validity.not_before <= now)
        and (validity.expires_at is None or now < validity.expires_at)
    )


def _unmet(
    dcql: Dcql,
    alternatives: tuple[tuple[str, ...], ...],
    found: _Candidates,
    allowed: Sequence[ClaimPath],
) -> NotFound | RefusedByPolicy:
    """Return why none of the alternatives is an answer: the wallet has none, or `only` forbids it."""
    for names in alternatives:
        if all(found[name] for name in names):
            needed = [path for name in names for path in _beyond(found[name][0], allowed)]
            return RefusedByPolicy("dcql.only", claims=", ".join(dict.fromkeys(map(render_path, needed))))
    asked = [query for name in alternatives[0] if (query := dcql.query(name)) and not found[name]]
    return NotFound("dcql.no_match", asked="; ".join(map(_in_words, asked)))


def _in_words(query: CredentialQuery) -> str:
    """Return what a query asks for: the first of its types, and the claims that it likes best."""
    claims = ", ".join(render_path(claim.path) for claim in query.options()[0])
    kind = next(iter(query.vct_values), query.format)
    return f"{kind} ({claims})" if claims else kind


def _within(choice: Choice, allowed: Sequence[ClaimPath]) -> bool:
    return not _beyond(choice, allowed)


def _beyond(choice: Choice, allowed: Sequence[ClaimPath]) -> list[ClaimPath]:
    # What stands in the open is shown anyway; what a claim stands in comes along and need not be named.
    return [
        path
        for path in choice.show
        if not any(covers(one, path) for one in allowed) and to_disclose(choice.held, [path])
    ]
