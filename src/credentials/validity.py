"""Whether a credential is in force (RFC 9901, section 7.1, step 6), and what must stand in the open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import msgspec

from ..did.keys import PublicKey
from ..errors import KonsensError, RefusedByPolicy, Unavailable, VerificationError
from .jwt import NumericDate, numeric_date
from .policy import UnsafeIgnoreStatus

__all__ = [
    "ABOUT_THE_CREDENTIAL",
    "NEVER_CONCEALED",
    "Validity",
    "check_audience",
    "check_in_the_open",
    "check_status",
    "check_times",
    "holder_key",
    "parse_times",
]

# "including any of their sub-claims" (draft-ietf-oauth-sd-jwt-vc-26, section 2.2.2.3).
NEVER_CONCEALED: Final = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"})

# The registered claims that say nothing of the person (RFC 7519, section 4.1; SD-JWT VC, section 2.2.2.2).
ABOUT_THE_CREDENTIAL: Final = NEVER_CONCEALED | {"aud", "iat"}


class Validity(msgspec.Struct, frozen=True):
    """The times that a credential names, in seconds since 1970."""

    issued_at: NumericDate | None
    not_before: NumericDate | None
    expires_at: NumericDate | None


def check_in_the_open(payload: dict[str, Any], claims: dict[str, Any]) -> None:
    """Raise `credential.concealed` if a claim that decides about validity, or a part of it, was concealed.

    A holder could withhold it, and nobody would see that it was ever there. `payload` is what the issuer
    signed and `claims` what came of it.
    """
    for name in NEVER_CONCEALED:
        if name in claims and (name not in payload or claims[name] != payload[name]):
            raise VerificationError("credential.concealed", claim=name)


def check_times(
    claims: dict[str, Any],
    *,
    now: float,
    leeway: int,
    maximum_age: timedelta | None = None,
    expiry_required: bool = False,
) -> Validity:
    """Check that the credential is in force at `now`, and return its times.

    Raises `credential.time`, `credential.expired`, `credential.no_expiry`, `credential.not_yet_valid`,
    `credential.issued_later` and `credential.too_old`.
    """
    validity = parse_times(claims)
    issued_at, not_before, expires_at = validity.issued_at, validity.not_before, validity.expires_at
    if expires_at is not None and now >= expires_at + leeway:  # RFC 7519, section 4.1.4
        raise VerificationError("credential.expired")
    if expires_at is None and expiry_required:
        raise VerificationError("credential.no_expiry")
    if not_before is not None and now < not_before - leeway:  # RFC 7519, section 4.1.5
        raise VerificationError("credential.not_yet_valid")
    if issued_at is not None and now < issued_at - leeway:
        raise VerificationError("credential.issued_later")
    if maximum_age is not None and (issued_at is None or now - issued_at > maximum_age.total_seconds()):
        raise RefusedByPolicy("credential.too_old", days=maximum_age.days)
    return validity


def check_audience(claims: dict[str, Any], audience: str | None) -> None:
    """Raise `credential.audience` if the credential is meant for named verifiers of which we are none."""
    aud = claims.get("aud", audience)  # RFC 7519, section 4.1.3
    if aud != audience and not (type(aud) is list and audience in aud):
        raise VerificationError("credential.audience")


def check_status(claims: dict[str, Any], ignore: UnsafeIgnoreStatus | None) -> None:
    """Raise `credential.status_unknown` for a credential that names a status which nobody looked up."""
    if "status" in claims and ignore is None:
        raise Unavailable("credential.status_unknown")


def parse_times(claims: dict[str, Any]) -> Validity:
    """Return the times that the claims name, or raise `credential.time`."""
    return Validity(*(numeric_date(claims, name, "credential.time") for name in ("iat", "nbf", "exp")))


def holder_key(claims: dict[str, Any]) -> PublicKey:
    """Return the key of `cnf.jwk` (RFC 7800, section 3.2), or raise `credential.holder_key`."""
    cnf = claims.get("cnf")
    if type(cnf) is not dict or type(cnf.get("jwk")) is not dict or not cnf.keys().isdisjoint(("jwe", "jku")):
        raise VerificationError("credential.holder_key")  # one key and no other (section 3.1)
    try:
        return PublicKey.from_jwk(cnf["jwk"])
    except KonsensError as error:
        raise VerificationError("credential.holder_key") from error
