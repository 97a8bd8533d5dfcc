"""A member's signature under a request: a compact JWS of ours in the header `Authorization: Konsens …`.

Appending twice is appending once, so a request that somebody repeats does no harm and needs no nonce; the
moment only keeps old ones from being collected.

>>> from ...did import LocalSigner, PrivateKey, did_key, kid_of
>>> key = PrivateKey.ed25519(bytes(32))
>>> signer, at = LocalSigner(key, kid_of(did_key(key.public))), datetime(2026, 11, 22, tzinfo=UTC)
>>> header = sign_request(b"{}", origin="log.muster.example", at=at, signer=signer)
>>> check_request(header, b"{}", origin="log.muster.example", at=at) == did_key(key.public)
True
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal

import msgspec

from ...did import OfflineResolver, Signer, check_jws, key_of, parse_jws, sign_jws
from ...encoding import format_time, jcs, parse_time
from ...errors import KonsensError, NotTrusted
from ...strict_json import decode

__all__ = ["check_request", "sign_request"]

TYP = "konsens-append+jws"
SCHEME = "Konsens "
WINDOW = timedelta(minutes=5)
MOST_BYTES = 4096


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: str
    body: str
    at: str
    v: Literal[1] = 1


def sign_request(body: bytes, *, origin: str, at: datetime, signer: Signer) -> str:
    """Return the header that says: this member sends this body to the log `origin`, now."""
    signed = _Signed(origin, sha256(body).hexdigest(), format_time(at.astimezone(UTC)))
    return SCHEME + sign_jws(jcs(msgspec.to_builtins(signed)), typ=TYP, signer=signer)


def check_request(header: str, body: bytes, *, origin: str, at: datetime) -> str:
    """Return the DID (did:key or did:jwk) that signed the request, or raise `append.unsigned`.

    Refused: another scheme, body or log, a moment more than five minutes away, a signature that fails.
    """
    try:
        if not header.startswith(SCHEME):
            raise NotTrusted("append.unsigned")
        unverified = parse_jws(header.removeprefix(SCHEME), typ=TYP, max_bytes=MOST_BYTES)
        did = unverified.kid.partition("#")[0]
        key = key_of(OfflineResolver().resolve(did), unverified.kid)
        signed = decode(check_jws(unverified, key), _Signed)
        if (signed.origin, signed.body) != (origin, sha256(body).hexdigest()):
            raise NotTrusted("append.unsigned")
        if abs(parse_time(signed.at) - at) > WINDOW:
            raise NotTrusted("append.unsigned")
    except KonsensError as error:
        raise NotTrusted("append.unsigned") from error
    return did
