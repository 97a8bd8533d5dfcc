"""What a verifier expects, fixed before it looks at what it was sent (RFC 9901, section 7.3, step 1).

>>> policy = Policy(
...     issuers={"urn:example:membership": ["did:web:club.example"]},
...     key_binding=KeyBinding("decentralized_identifier:did:web:shop.example", nonce="n-0S6_WzA2Mj"),
... )
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import msgspec

from ..errors import InputError

__all__ = [
    "LEEWAY",
    "Between",
    "KeyBinding",
    "Online",
    "Policy",
    "Trust",
    "UnsafeAcceptAnyIssuer",
    "UnsafeAcceptWithoutKeyBinding",
    "UnsafeIgnoreStatus",
]

LEEWAY: Final = 60  # seconds that two clocks may differ


class UnsafeAcceptAnyIssuer(msgspec.Struct, frozen=True):
    """Trust whoever signed. Anybody can issue anything, so the claims prove nothing."""


class UnsafeAcceptWithoutKeyBinding(msgspec.Struct, frozen=True):
    """Ask for no proof that the sender holds the credential. Whoever once saw it can send it."""


class UnsafeIgnoreStatus(msgspec.Struct, frozen=True):
    """Accept a credential that names a status list without looking whether it was revoked."""


Trust: TypeAlias = Mapping[str, Collection[str] | UnsafeAcceptAnyIssuer] | UnsafeAcceptAnyIssuer
"""For each credential type the DIDs that may issue it."""


class Online(msgspec.Struct, frozen=True):
    """The key binding was made just now: at most `past` before the moment of checking and `future` after."""

    past: timedelta = timedelta(minutes=5)
    future: timedelta = timedelta(seconds=LEEWAY)

    def bounds(self, now: float) -> tuple[float, float]:
        """Return the earliest and the latest `iat` that are good at `now`, in seconds."""
        return now - self.past.total_seconds(), now + self.future.total_seconds()


class Between(msgspec.Struct, frozen=True):
    """The key binding was made between two moments, as for an answer that travels as a file."""

    start: datetime
    end: datetime

    def bounds(self, now: float) -> tuple[float, float]:
        """Return the earliest and the latest `iat` that are good at `now`, in seconds."""
        return self.start.timestamp() - LEEWAY, min(self.end.timestamp(), now) + LEEWAY


class KeyBinding(msgspec.Struct, frozen=True):
    """The holder proves possession, for this verifier (`audience`) and this transaction (`nonce`)."""

    audience: str
    nonce: str
    window: Online | Between = Online()

    def __post_init__(self) -> None:
        if not self.audience or not self.nonce:
            raise InputError("presentation.policy")


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of a presentation.

    - `issuers`: which types are accepted, and from whom each.
    - `key_binding`: required, unless one says `UnsafeAcceptWithoutKeyBinding()`.
    - `maximum_age`: how long ago the credential may have been issued; then `iat` is required.
    - `expiry_required`: a credential without `exp` is refused (RFC 9901, section 9.7).
    - `status`: a credential that names a status list is refused as long as nobody can look it up.
    - `leeway`: how many seconds the clocks of issuer and verifier may differ.
    """

    issuers: Trust
    key_binding: KeyBinding | UnsafeAcceptWithoutKeyBinding
    maximum_age: timedelta | None = None
    expiry_required: bool = False
    status: UnsafeIgnoreStatus | None = None
    leeway: int = LEEWAY
