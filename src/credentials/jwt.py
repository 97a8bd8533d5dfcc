"""The two signed parts of a presentation: compact JWTs (RFC 7519, section 7; RFC 7515, section 7.1).

Unlike konsens' own messages (`konsens.did.jws`) a token may come from anybody's software, so header members
that we do not know are passed over, as RFC 7515, section 4, asks, except those that change what is verified.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec

from ..did.compact import ALGS
from ..did.keys import Alg, PublicKey
from ..encoding import b64u_decode
from ..errors import InputError, VerificationError
from .door import parse_part

__all__ = ["NumericDate", "UnverifiedJwt", "check_jwt", "numeric_date", "parse_jwt"]

# A key or certificate that the token itself brings (RFC 7515, sections 4.1.2 to 4.1.6), extensions that must
# be understood (4.1.11), a payload that is not base64url (RFC 7797) or compressed (RFC 7516, section 4.1.3).
_REFUSED: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"})

NumericDate = int | float
_LATEST: Final = 253402300799  # the last second of the year 9999, where `datetime` ends
_CACHED_HEADER: Final = 1024


class Header(msgspec.Struct, frozen=True):
    """What the protected header says."""

    alg: Alg
    typ: str | None
    kid: str | None


class UnverifiedJwt(msgspec.Struct, frozen=True):
    """A well-formed JWT whose signature nobody has checked yet."""

    header: Header
    unverified_claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse_jwt(text: str, part: str) -> UnverifiedJwt:
    """Return the parts of a compact JWT; `part` says in an error which of the two it is.

    Raises `sdjwt.jwt`, `sdjwt.header`, `sdjwt.header_refused`, `sdjwt.alg`, `sdjwt.payload`, and those of
    `parse_part`.
    """
    pieces = text.split(".")
    if len(pieces) != 3:
        raise VerificationError("sdjwt.jwt", part=part)
    header = _header(pieces[0], part)
    claims = parse_part(pieces[1], part)
    if type(claims) is not dict:
        raise VerificationError("sdjwt.payload", part=part)
    try:
        signature = b64u_decode(pieces[2], size=64)  # both algorithms have signatures of just this length
    except InputError as error:
        raise VerificationError("sdjwt.signature_form", part=part) from error
    signed = text[: -len(pieces[2]) - 1].encode("ascii")
    return UnverifiedJwt(header, claims, signed, signature)


def check_jwt(jwt: UnverifiedJwt, key: PublicKey, *, other_alg: str, forged: str) -> None:
    """Check the signature under the algorithm of the key: the header chooses nothing.

    Raises the code `other_alg` if the header names an algorithm of another kind of key, and `forged`.
    """
    if jwt.header.alg != key.alg:
        raise VerificationError(other_alg, alg=jwt.header.alg, expected=key.alg)
    try:
        key.check(jwt.signed, jwt.signature)
    except VerificationError as error:
        raise VerificationError(forged) from error


def numeric_date(claims: dict[str, Any], name: str, code: str) -> NumericDate | None:
    """Return a NumericDate claim (RFC 7519, section 2), None if it is missing, or raise `code`."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise VerificationError(code, claim=name)
    return value


def _header(text: str, part: str) -> Header:
    return _parse_header(text, part) if len(text) > _CACHED_HEADER else _known_header(text, part)


def _parse_header(text: str, part: str) -> Header:
    members = parse_part(text, part)
    if type(members) is not dict:
        raise VerificationError("sdjwt.header", part=part)
    refused = _REFUSED.intersection(members)
    if refused:
        raise VerificationError("sdjwt.header_refused", part=part, member=min(refused))
    alg = members.get("alg")
    if not isinstance(alg, str) or alg not in ALGS:
        raise VerificationError("sdjwt.alg", part=part)
    typ, kid = members.get("typ"), members.get("kid")
    if not isinstance(typ, str | None) or not isinstance(kid, str | None):
        raise VerificationError("sdjwt.header", part=part)
    return Header(ALGS[alg], typ, kid)


# All credentials of an issuer's key have the same header letter for letter, and so have all key bindings.
_known_header = lru_cache(maxsize=256)(_parse_header)
