"""What a verification returns: the credential as it was shown, and what was checked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from ..did.keys import PublicKey
from .issuer import Issuer
from .jwt import NumericDate
from .path import ClaimPath
from .reveal import Revealed
from .validity import Validity

__all__ = ["Check", "VerifiedCredential", "moment"]


class Check(msgspec.Struct, frozen=True):
    """One check that was made, under a stable name."""

    name: str
    ok: bool
    detail: str


class VerifiedCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential of which every check passed.

    - `card`: the id of the credential, the same in every presentation of it.
    - `issuer`: its DID, the `kid` that signed, and the types for which it was trusted.
    - `holder`: the key that the credential is bound to, None if it is bound to none.
    - `key_bound_at`: when the holder signed this presentation, None without key binding.
    """

    card: str
    issuer: Issuer
    holder: PublicKey | None
    revealed: Revealed
    validity: Validity
    key_bound_at: datetime | None
    checks: tuple[Check, ...]

    @property
    def claims(self) -> dict[str, Any]:
        """Everything that was shown, the Processed SD-JWT Payload (RFC 9901, section 7.1)."""
        return self.revealed.claims

    @property
    def type(self) -> str:
        """The `vct`."""
        return str(self.claims["vct"])

    @property
    def subject(self) -> str | None:
        """The `sub`, if the issuer wrote one and it was shown."""
        subject = self.claims.get("sub")
        return subject if isinstance(subject, str) else None

    @property
    def shown(self) -> tuple[ClaimPath, ...]:
        """The paths of the claims that the holder chose to show."""
        return tuple(self.revealed.shown)

    @property
    def withheld(self) -> int:
        """How many digests had no disclosure: claims that were not shown, and decoys."""
        return self.revealed.withheld

    @property
    def issued_at(self) -> datetime | None:
        """The `iat`."""
        return moment(self.validity.issued_at)

    @property
    def expires_at(self) -> datetime | None:
        """The `exp`."""
        return moment(self.validity.expires_at)


def moment(seconds: NumericDate | None) -> datetime | None:
    """Return a NumericDate as a time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
