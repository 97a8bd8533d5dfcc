"""Any compact JWS (RFC 7515, section 7.1), read strictly: the header members and types that the caller names.

>>> from konsens.did.keys import PrivateKey
>>> key = PrivateKey.ed25519(bytes(32))
>>> text = sign_compact({"alg": "EdDSA", "typ": "example"}, b"hello", key.sign)
>>> check_compact(parse_compact(text, typ="example"), key.public)
b'hello'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from ..encoding import b64u_decode, b64u_encode, jcs
from ..errors import InputError, VerificationError
from ..strict_json import MAX_BYTES, parse
from .keys import Alg, PublicKey

__all__ = ["ALGS", "UnverifiedCompact", "check_compact", "parse_compact", "sign_compact"]

# `EdDSA` is the old name (RFC 8037, section 3.1) and `Ed25519` the new one (RFC 9864, section 2.2).
# Neither `none` nor any MAC is among them (RFC 8725, sections 3.1 and 3.2).
ALGS: Final[Mapping[str, Alg]] = {"EdDSA": "EdDSA", "Ed25519": "EdDSA", "ES256": "ES256"}

# These change how the other parts are to be read (RFC 7515, section 4.1.11; RFC 7797; RFC 7516, section
# 4.1.3), and this reader does not: no profile can allow them.
_NEVER = frozenset({"b64", "crit", "zip"})

_PLAIN_HEADERS = frozenset({"alg", "kid", "typ"})
_MAX_HEADER = 1 << 16


class UnverifiedCompact(msgspec.Struct, frozen=True):
    """A well-formed JWS whose signature nobody has checked yet."""

    alg: Alg
    header: dict[str, Any]
    unverified_payload: bytes
    signing_input: bytes
    signature: bytes


def parse_compact(
    text: str,
    *,
    typ: str | None,
    allowed_headers: AbstractSet[str] = _PLAIN_HEADERS,
    max_bytes: int = MAX_BYTES,
) -> UnverifiedCompact:
    """Return the parts of `text`, refused by name unless

    - it is at most `max_bytes` long and has three parts in canonical base64url, the signature of 64 bytes;
    - `alg` is `EdDSA`, `Ed25519` or `ES256`: never `none`, a secret shared by both sides, or another one;
    - every header member is in `allowed_headers`: whoever allows `jwk` or `x5c` must decide what to trust;
    - `typ` in the header is `typ`, letter for letter (with `None` it may be anything or missing).
    """
    if len(text) > max_bytes:
        raise InputError("input.too_large", limit=max_bytes)
    signing_input, _, encoded_signature = text.rpartition(".")
    encoded_header, _, encoded_payload = signing_input.partition(".")
    if text.count(".") != 2:
        raise InputError("jws.format")
    header = parse(b64u_decode(encoded_header), max_bytes=_MAX_HEADER, max_depth=4)
    if not isinstance(header, dict):
        raise InputError("jws.format")
    alg = ALGS.get(str(header.get("alg")))
    if alg is None:
        raise VerificationError("jws.alg", alg=header.get("alg"))
    for member in header:
        if member not in allowed_headers or member in _NEVER:
            raise InputError("jws.header", member=member)
    if typ is not None and header.get("typ") != typ:
        raise InputError("jws.typ", typ=header.get("typ"), expected=typ)
    payload = b64u_decode(encoded_payload)
    signature = b64u_decode(encoded_signature, size=64)
    return UnverifiedCompact(alg, header, payload, signing_input.encode("ascii"), signature)


def check_compact(jws: UnverifiedCompact, key: PublicKey) -> bytes:
    """Return the payload, or raise `jws.alg` for a key of another kind and `signature.invalid`."""
    if jws.alg != key.alg:
        raise VerificationError("jws.alg", alg=jws.header["alg"])
    key.check(jws.signing_input, jws.signature)
    return jws.unverified_payload


def sign_compact(header: Mapping[str, Any], payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return the compact JWS of `payload` under `header`, which is written in its canonical form."""
    signing_input = f"{b64u_encode(jcs(header))}.{b64u_encode(payload)}"
    return f"{signing_input}.{b64u_encode(sign(signing_input.encode('ascii')))}"
