"""What a verification returns: the credential as it was shown, and what was checked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from ..did.jwk import did_jwk
from ..did.key import did_key
from ..did.keys import PublicKey
from .issuer import Issuer
from .jwt import NumericDate
from .path import ClaimPath
from .reveal import Revealed
from .validity import ABOUT_THE_CREDENTIAL, Validity

__all__ = ["Check", "Credential", "VerifiedCredential", "moment"]


class Check(msgspec.Struct, frozen=True):
    """One check that was made, under a stable name."""

    name: str
    ok: bool
    detail: str


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What holder and verifier know of a credential.

    `card` is its id, the same in every presentation of it; `holder` the key that it is bound to.
    """

    card: str
    holder: PublicKey | None
    revealed: Revealed
    validity: Validity

    @property
    def claims(self) -> dict[str, Any]:
        """The Processed SD-JWT Payload (RFC 9901, section 7.1): every claim that is not withheld."""
        return self.revealed.claims

    @property
    def type(self) -> str:
        """The `vct`."""
        return str(self.claims["vct"])

    @property
    def subject(self) -> str | None:
        """The `sub`, if it is a text."""
        subject = self.claims.get("sub")
        return subject if isinstance(subject, str) else None

    @property
    def always_shown(self) -> tuple[ClaimPath, ...]:
        """The claims that nobody can withhold: they are in every presentation.

        Without those about the credential itself, such as `iss` and `exp`, and without a `sub` that only
        repeats the holder's key as a DID; any other `sub` says something of the person, and is named.
        """
        technical = ABOUT_THE_CREDENTIAL
        if self.holder is not None and self.subject in (did_key(self.holder), did_jwk(self.holder)):
            technical |= {"sub"}
        return tuple(path for path in self.revealed.in_the_open() if path[0] not in technical)

    @property
    def issued_at(self) -> datetime | None:
        """The `iat`."""
        return moment(self.validity.issued_at)

    @property
    def expires_at(self) -> datetime | None:
        """The `exp`."""
        return moment(self.validity.expires_at)


class VerifiedCredential(Credential, frozen=True, kw_only=True):
    """A credential as it was shown, of which every check passed.

    `holder` and `key_bound_at` say whose key signed the presentation, and when; without key binding nobody
    proved anything, and both are None.
    """

    issuer: Issuer
    key_bound_at: datetime | None
    checks: tuple[Check, ...]

    @property
    def shown(self) -> tuple[ClaimPath, ...]:
        """The paths of the claims that the holder chose to show."""
        return tuple(self.revealed.shown)

    @property
    def withheld(self) -> int:
        """How many digests had no disclosure: claims that were not shown, and decoys."""
        return self.revealed.withheld


def moment(seconds: NumericDate | None) -> datetime | None:
    """Return a NumericDate as a time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
