"""Who issued a credential, and is it trusted for this type (RFC 9901, section 7.1, step 2.3).

The SD-JWT VC draft (draft-ietf-oauth-sd-jwt-vc-26, section 2.5) defines JWT VC Issuer Metadata and inline
X.509 certificates as ways to an issuer's key and lets others stand beside them. Ours is the DID: `kid` is a
DID URL, its DID is the issuer, and `iss`, where present, is that very DID.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from ..did.document import key_of
from ..did.resolver import Resolver
from ..errors import InputError, NotTrusted, RefusedByPolicy, VerificationError
from .jwt import UnverifiedJwt, check_jwt
from .policy import Trust, UnsafeAcceptAnyIssuer

__all__ = ["Issuer", "check_issued", "find_issuer", "types_of"]


class Issuer(msgspec.Struct, frozen=True):
    """The DID that issued a credential, its key, and the types for which it was trusted."""

    did: str
    kid: str
    types: tuple[str, ...]


def find_issuer(jwt: UnverifiedJwt, trust: Trust) -> Issuer:
    """Return the issuer that the token names, if it is trusted for a type that the token claims.

    The names are unverified until the signature was checked under the key that they lead to. They are
    compared with the trusted ones first, so that no stranger makes us resolve a DID of his choice.
    Raises `credential.kid`, `credential.other_issuer`, `credential.vct`, `credential.aka_vcts`,
    `credential.type` and `credential.issuer`.
    """
    did, kid = _name(jwt)
    types = types_of(jwt.unverified_claims)
    if isinstance(trust, UnsafeAcceptAnyIssuer):
        return Issuer(did, kid, types)
    expected = tuple(name for name in types if name in trust)
    if not expected:
        raise RefusedByPolicy("credential.type", type=types[0])
    # A type is as good as the trust in whoever claims it, for each type anew (draft, section 7.7).
    trusted = tuple(name for name in expected if _trusts(trust[name], did))
    if not trusted:
        raise NotTrusted("credential.issuer", issuer=did, type=expected[0])
    return Issuer(did, kid, trusted)


def check_issued(jwt: UnverifiedJwt, issuer: Issuer, resolve: Resolver) -> None:
    """Check the signature under the key that `kid` names in the issuer's DID document (steps 2.1 and 2.2).

    Raises `credential.issuer_key`, `credential.alg` and `credential.signature`.
    """
    try:
        key = key_of(resolve.resolve(issuer.did), issuer.kid)
    except (InputError, VerificationError) as error:
        raise VerificationError("credential.issuer_key", kid=issuer.kid) from error
    check_jwt(jwt, key, other_alg="credential.alg", forged="credential.signature")


def types_of(claims: dict[str, Any]) -> tuple[str, ...]:
    """Return `vct` and the additional types of `aka_vcts` (draft, sections 2.2.2.1 and 2.2.2.2)."""
    vct = claims.get("vct")
    if type(vct) is not str or not vct:
        raise VerificationError("credential.vct")
    if "aka_vcts" not in claims:
        return (vct,)
    others = claims["aka_vcts"]
    if (
        type(others) is not list
        or not others
        or not all(type(name) is str for name in others)
        or vct in others
    ):
        raise VerificationError("credential.aka_vcts")
    return (vct, *others)


def _name(jwt: UnverifiedJwt) -> tuple[str, str]:
    kid, iss = jwt.header.kid, jwt.unverified_claims.get("iss")
    if kid is None or type(iss) not in (str, type(None)):
        raise VerificationError("credential.kid")
    if kid.startswith("#") and iss:  # a relative DID URL (DID Core 1.0, section 3.2.2)
        kid = f"{iss}{kid}"
    did, _, fragment = kid.partition("#")
    if not did.startswith("did:") or not fragment:
        raise VerificationError("credential.kid")
    if iss is not None and iss != did:
        raise VerificationError("credential.other_issuer", issuer=iss, kid=kid)
    return did, kid


def _trusts(trusted: Collection[str] | UnsafeAcceptAnyIssuer, did: str) -> bool:
    if isinstance(trusted, UnsafeAcceptAnyIssuer):
        return True
    return not isinstance(trusted, str) and did in trusted  # a DID may be a part of a longer one
