"""What a wallet keeps: a credential with all its disclosures (RFC 9901, section 7.2)."""

from __future__ import annotations

from datetime import datetime

from ..did.keys import PublicKey
from ..did.resolver import Resolver
from ..errors import VerificationError
from .issuer import check_issued, find_issuer, types_of
from .path import ClaimPath
from .policy import LEEWAY, Trust
from .result import Credential
from .reveal import reveal
from .sd_jwt import UnverifiedSdJwt, parse_sd_jwt
from .validity import check_in_the_open, check_times, holder_key, parse_times
from .verify import check_typ

__all__ = ["HeldCredential", "hold", "open_held"]


class HeldCredential(Credential, frozen=True, kw_only=True):
    """A credential in the hands of its holder, who sees every claim.

    `types` are `vct` and the additional ones.
    """

    text: str
    types: tuple[str, ...]

    @property
    def concealable(self) -> tuple[ClaimPath, ...]:
        """The paths of the claims that the holder can show or withhold."""
        return tuple(self.revealed.shown)

    @property
    def issuer(self) -> str | None:
        """The `iss`."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else None


def hold(
    text: str, *, trust: Trust, resolve: Resolver, at: datetime, holder: PublicKey | None = None
) -> HeldCredential:
    """Check a credential that an issuer gave out, before the wallet keeps it.

    The steps of section 7.1 as a verifier takes them; a status is not looked up. With `holder`, the
    credential must be bound to that key (`credential.other_holder`). A presentation is refused: it was made
    for somebody else (`credential.is_presentation`, section 7.2).
    """
    unverified = _parse(text)
    issuer = find_issuer(unverified.jwt, trust)
    check_issued(unverified.jwt, issuer, resolve)
    held = _held(text, unverified)
    check_in_the_open(unverified.jwt.unverified_claims, held.claims)
    check_times(held.claims, now=at.timestamp(), leeway=LEEWAY)
    if holder is not None and held.holder != holder:
        raise VerificationError("credential.other_holder")
    return held


def open_held(text: str) -> HeldCredential:
    """Return a credential that `hold` has let in before, and that was kept where nobody can change it.

    Checks the form and the disclosures again, not the signature: a wallet shows what it has, offline and
    after expiry too.
    """
    return _held(text, _parse(text))


def _parse(text: str) -> UnverifiedSdJwt:
    unverified = parse_sd_jwt(text)
    if unverified.key_binding:
        raise VerificationError("credential.is_presentation")
    check_typ(unverified)
    return unverified


def _held(text: str, unverified: UnverifiedSdJwt) -> HeldCredential:
    payload = unverified.jwt.unverified_claims
    revealed = reveal(payload, unverified.disclosures)
    return HeldCredential(
        text=text,
        card=unverified.card,
        types=types_of(payload),
        holder=holder_key(payload) if "cnf" in payload else None,
        revealed=revealed,
        validity=parse_times(revealed.claims),
    )
