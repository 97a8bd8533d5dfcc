"""The signature under everything that konsens says: a compact JWS with one spelling.

The header has exactly `alg`, `kid` and `typ`; header and payload are JCS (RFC 8785); `alg` is fixed by the
key and `kid` is a DID URL of the signer.

>>> from konsens.did.keys import PrivateKey
>>> from konsens.did.signer import LocalSigner
>>> key = PrivateKey.ed25519(bytes(32))
>>> signer = LocalSigner(key, kid="did:example:1#1")
>>> text = sign_jws(b'{"v":1}', typ="konsens-event+jws", signer=signer)
>>> unverified = parse_jws(text, typ="konsens-event+jws")
>>> unverified.kid, check_jws(unverified, key.public)
('did:example:1#1', b'{"v":1}')
"""

from __future__ import annotations

import re

import msgspec

from ..encoding import b64u_encode, jcs
from ..errors import InputError
from ..strict_json import MAX_BYTES, parse
from .compact import UnverifiedCompact, check_compact, parse_compact, sign_compact
from .keys import PublicKey
from .signer import Signer

__all__ = ["UnverifiedJws", "check_jws", "parse_jws", "sign_jws"]

_KID = re.compile(r"did:[^\s#]+#[^\s#]+")  # a DID URL with one fragment


class UnverifiedJws(UnverifiedCompact, frozen=True):
    """A JWS of ours, well formed, whose signature nobody has checked yet."""

    kid: str
    text: str


def sign_jws(payload: bytes, *, typ: str, signer: Signer) -> str:
    """Return the compact JWS by `signer` over `payload`, which must be in its canonical form."""
    _check_kid(signer.kid)
    _check_canonical(payload)
    return sign_compact({"alg": signer.alg, "kid": signer.kid, "typ": typ}, payload, signer.sign)


def parse_jws(text: str, *, typ: str, max_bytes: int = MAX_BYTES) -> UnverifiedJws:
    """Return the parts of a JWS of ours, refused by name unless it has the form above and the type `typ`."""
    parts = parse_compact(text, typ=typ, max_bytes=max_bytes)
    kid = _check_kid(parts.header.get("kid"))
    # Of another order, with white space, or with `Ed25519`, the other name of the algorithm.
    if text.partition(".")[0] != b64u_encode(jcs({"alg": parts.alg, "kid": kid, "typ": typ})):
        raise InputError("input.not_canonical")
    return UnverifiedJws(**msgspec.structs.asdict(parts), kid=kid, text=text)


def check_jws(jws: UnverifiedJws, key: PublicKey) -> bytes:
    """Return the payload of `jws`, signed by `key` and in its canonical form, or raise by name."""
    payload = check_compact(jws, key)
    _check_canonical(payload)
    return payload


def _check_kid(kid: object) -> str:
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InputError("jws.kid")
    return kid


def _check_canonical(payload: bytes) -> None:
    if jcs(parse(payload, max_bytes=len(payload))) != payload:
        raise InputError("input.not_canonical")
