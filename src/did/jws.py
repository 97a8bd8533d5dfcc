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

from ..encoding import b64u_decode, jcs
from ..errors import InputError, VerificationError
from ..strict_json import MAX_BYTES, parse
from .compact import parse_compact, sign_compact
from .keys import Alg, PublicKey
from .signer import Signer

__all__ = ["UnverifiedJws", "check_jws", "parse_jws", "sign_jws"]

_KID = re.compile(r"did:[^\s#]+#[^\s#]+")  # a DID URL with one fragment


class UnverifiedJws(msgspec.Struct, frozen=True):
    """A JWS of ours, well formed, whose signature nobody has checked yet."""

    alg: Alg
    kid: str
    unverified_payload: bytes
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
    if parts.header["alg"] != parts.alg:  # `Ed25519` would be a second spelling of `EdDSA`
        raise VerificationError("jws.alg", alg=parts.header["alg"])
    if b64u_decode(text.partition(".")[0]) != jcs(parts.header):
        raise InputError("input.not_canonical")
    return UnverifiedJws(parts.alg, kid, parts.unverified_payload, text)


def check_jws(jws: UnverifiedJws, key: PublicKey) -> bytes:
    """Return the payload of `jws`, signed by `key` and in its canonical form, or raise by name."""
    if jws.alg != key.alg:
        raise VerificationError("jws.alg", alg=jws.alg)
    signing_input, _, signature = jws.text.rpartition(".")
    key.check(signing_input.encode("ascii"), b64u_decode(signature, size=64))
    _check_canonical(jws.unverified_payload)
    return jws.unverified_payload


def _check_kid(kid: object) -> str:
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InputError("jws.kid")
    return kid


def _check_canonical(payload: bytes) -> None:
    if jcs(parse(payload, max_bytes=len(payload))) != payload:
        raise InputError("input.not_canonical")
