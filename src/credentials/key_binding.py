"""The key binding: the holder's signature over one presentation, for one verifier (RFC 9901, section 4.3)."""

from __future__ import annotations

from datetime import datetime

from ..did.compact import sign_compact
from ..did.keys import PublicKey
from ..did.signer import Signer
from ..encoding import b64u_encode, sha256
from ..errors import VerificationError
from .disclosure import to_json
from .jwt import NumericDate, UnverifiedJwt, check_jwt, numeric_date
from .policy import KeyBinding

__all__ = ["check_key_binding", "sign_key_binding"]


def sign_key_binding(sd_jwt: str, *, audience: str, nonce: str, signer: Signer, at: datetime) -> str:
    """Return the Key Binding JWT over `sd_jwt`, which ends with a tilde."""
    payload = {"aud": audience, "iat": int(at.timestamp()), "nonce": nonce, "sd_hash": _sd_hash(sd_jwt)}
    return sign_compact({"alg": signer.alg, "typ": "kb+jwt"}, to_json(payload), signer.sign)


def check_key_binding(
    jwt: UnverifiedJwt, sd_jwt: str, *, holder: PublicKey, expected: KeyBinding, now: float, leeway: int
) -> NumericDate:
    """Check a key binding by section 7.3, step 5, in its order; return when it was made.

    Raises `presentation.alg`, `presentation.signature`, `presentation.typ`, `presentation.time`,
    `presentation.too_early`, `presentation.too_late`, `presentation.nonce`, `presentation.audience`,
    `presentation.sd_hash` and `presentation.not_valid_now`.
    """
    claims = jwt.unverified_claims
    check_jwt(jwt, holder, other_alg="presentation.alg", forged="presentation.signature")  # steps 5.1 to 5.3
    if jwt.header.typ != "kb+jwt":  # step 5.4
        raise VerificationError("presentation.typ")
    made_at = numeric_date(claims, "iat", "presentation.time")  # step 5.5
    if made_at is None:
        raise VerificationError("presentation.time", claim="iat")
    earliest, latest = expected.window.bounds(now)
    if made_at < earliest:
        raise VerificationError("presentation.too_early")
    if made_at > latest:
        raise VerificationError("presentation.too_late")
    if claims.get("nonce") != expected.nonce:  # step 5.6
        raise VerificationError("presentation.nonce")
    if claims.get("aud") != expected.audience:
        raise VerificationError("presentation.audience")
    if claims.get("sd_hash") != _sd_hash(sd_jwt):  # step 5.7
        raise VerificationError("presentation.sd_hash")
    _check_times(jwt, now, leeway)  # step 5.8
    return made_at


def _check_times(jwt: UnverifiedJwt, now: float, leeway: int) -> None:
    claims = jwt.unverified_claims
    expires_at = numeric_date(claims, "exp", "presentation.time")
    not_before = numeric_date(claims, "nbf", "presentation.time")
    if (expires_at is not None and now >= expires_at + leeway) or (not_before or 0) > now + leeway:
        raise VerificationError("presentation.not_valid_now")


def _sd_hash(sd_jwt: str) -> str:
    return b64u_encode(sha256(sd_jwt.encode("ascii")))
