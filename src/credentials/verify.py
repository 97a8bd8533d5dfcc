"""Verify a presentation: the steps of RFC 9901, section 7, one a line."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ..did.resolver import Resolver
from ..errors import VerificationError
from .issuer import check_issued, find_issuer
from .key_binding import check_key_binding
from .policy import KeyBinding, Policy
from .result import Check, VerifiedCredential, moment
from .reveal import reveal
from .sd_jwt import UnverifiedSdJwt, parse_sd_jwt
from .validity import check_audience, check_in_the_open, check_status, check_times, holder_key

__all__ = ["TYP", "check_typ", "verify"]

TYP: Final = "dc+sd-jwt"  # draft-ietf-oauth-sd-jwt-vc-26, section 2.2.1


def verify(presentation: str, policy: Policy, *, resolve: Resolver, at: datetime) -> VerifiedCredential:
    """Return the credential behind `presentation`, or raise with the code of the first check that failed.

    `resolve` turns the issuer's DID into its document and `at` is the moment of checking. The nonce is
    compared, not spent: whoever may be sent the same presentation twice spends it in a `NonceStore`.
    """
    now = at.timestamp()
    expected = policy.key_binding if isinstance(policy.key_binding, KeyBinding) else None  # 7.3, step 1
    unverified = parse_sd_jwt(presentation)  # 7.3, step 3, and 7.1, step 1
    _check_form(unverified, expected)  # 7.3, step 2
    check_typ(unverified)  # SD-JWT VC, section 2.2.1
    issuer = find_issuer(unverified.jwt, policy.issuers)  # 7.1, step 2.3
    check_issued(unverified.jwt, issuer, resolve)  # 7.1, steps 2.1 and 2.2
    payload = unverified.jwt.unverified_claims  # verified now
    revealed = reveal(payload, unverified.disclosures)  # 7.1, steps 2.5 and 3 to 5
    check_in_the_open(payload, revealed.claims)  # SD-JWT VC, section 2.2.2.3
    claims = revealed.claims
    validity = check_times(  # 7.1, step 6
        claims,
        now=now,
        leeway=policy.leeway,
        maximum_age=policy.maximum_age,
        expiry_required=policy.expiry_required,
    )
    check_audience(claims, expected.audience if expected else None)
    check_status(claims, policy.status)
    holder = key_bound_at = None
    if expected and unverified.key_binding:  # 7.3, step 5
        holder = holder_key(payload)
        key_bound_at = check_key_binding(
            unverified.key_binding,
            unverified.sd_jwt,
            holder=holder,
            expected=expected,
            now=now,
            leeway=policy.leeway,
        )
    return VerifiedCredential(
        card=unverified.card,
        issuer=issuer,
        holder=holder,
        revealed=revealed,
        validity=validity,
        key_bound_at=moment(key_bound_at),
        checks=_CHECKS if key_bound_at is None else _CHECKS_WITH_KEY_BINDING,
    )


def check_typ(unverified: UnverifiedSdJwt) -> None:
    """Raise `credential.typ` for anything but an SD-JWT VC: another kind of token is no credential."""
    if unverified.jwt.header.typ != TYP:
        raise VerificationError("credential.typ", typ=unverified.jwt.header.typ)


def _check_form(unverified: UnverifiedSdJwt, expected: KeyBinding | None) -> None:
    # The policy decides whether there is a key binding, never the sender (section 7.3, step 1).
    if expected and unverified.key_binding is None:
        raise VerificationError("presentation.key_binding_missing")
    if (
        not expected and unverified.key_binding
    ):  # "MUST verify that the final … component is empty" (section 4)
        raise VerificationError("presentation.key_binding_unexpected")


_CHECKS: Final = tuple(
    Check(name, ok=True, detail=detail)
    for name, detail in (
        ("credential.form", "SD-JWT VC, strict base64url and JSON, within all limits"),
        ("credential.issuer", "trusted for this type"),
        ("credential.signature", "by the key that the issuer's DID document names"),
        ("credential.disclosures", "each belongs to one digest, none is forged, repeated or left over"),
        ("credential.in_the_open", "nothing that decides about validity was concealed"),
        ("credential.validity", "in force at the moment of checking"),
    )
)
_CHECKS_WITH_KEY_BINDING: Final = (
    *_CHECKS,
    Check("presentation.holder", ok=True, detail="signed by the key that the credential is bound to"),
    Check("presentation.fresh", ok=True, detail="made within the window of time"),
    Check("presentation.meant_for_us", ok=True, detail="audience and nonce are those of the question"),
    Check("presentation.complete", ok=True, detail="just these disclosures, nothing added or left out"),
)
