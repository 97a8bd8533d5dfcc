"""Whether claims answer a query: the same rules for the wallet and for the verifier."""

from __future__ import annotations

from typing import Any

from .dcql import ClaimQuery
from .path import ClaimPath
from .reveal import Revealed

__all__ = ["find_claim", "find_claims"]


def find_claims(option: tuple[ClaimQuery, ...], revealed: Revealed) -> tuple[ClaimPath, ...] | None:
    """Return where all the claims of `option` stand, or None if one is not there."""
    found: list[ClaimPath] = []
    for claim in option:
        paths = find_claim(claim, revealed)
        if not paths:
            return None
        found.extend(paths)
    return tuple(found)


def find_claim(claim: ClaimQuery, revealed: Revealed) -> tuple[ClaimPath, ...]:
    """Return where the claim stands, with one of its `values` if it names any (OpenID4VP 1.0, 6.4.1)."""
    return tuple(path for path, value in revealed.select(claim.path).items() if _fits(value, claim))


def _fits(value: Any, claim: ClaimQuery) -> bool:
    # "the type and value of the claim both match exactly" (section 6.3): to Python, 1 equals True and 1.0.
    return claim.values is None or any(type(value) is type(one) and value == one for one in claim.values)
