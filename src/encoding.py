"""Letters: how bytes, numbers and times are written where two programs must write alike.

>>> b64u_encode(b"konsens")
'a29uc2Vucw'
>>> jcs({"b": 1, "a": "ä"})
b'{"a":"\\xc3\\xa4","b":1}'
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import base58
import rfc8785

from .errors import InputError

__all__ = [
    "b64u_decode",
    "b64u_encode",
    "format_time",
    "from_hex",
    "jcs",
    "multibase_decode",
    "multibase_encode",
    "parse_time",
    "sha256",
]


def sha256(*parts: bytes) -> bytes:
    """Return the 32 bytes of SHA-256 over the concatenation of `parts`."""
    return hashlib.sha256(b"".join(parts)).digest()


def b64u_encode(data: bytes) -> str:
    """Return base64url without padding (RFC 4648, section 5; RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


_URLSAFE = bytes.maketrans(b"-_", b"+/")


def b64u_decode(text: str, *, size: int | None = None) -> bytes:
    """Return the bytes behind canonical base64url without padding.

    Refused, with `input.base64url`: padding, foreign letters, white space, and spare bits that are not
    zero (RFC 4648, section 3.5), so that one value has one spelling. With `size`, any other length too.
    """
    try:
        raw = text.encode("ascii")
        if b"+" in raw or b"/" in raw or b"=" in raw:
            raise ValueError
        data = binascii.a2b_base64(raw.translate(_URLSAFE) + b"=" * (-len(raw) % 4), strict_mode=True)
        if b64u_encode(data) != text or (size is not None and len(data) != size):
            raise ValueError
    except ValueError as error:
        raise InputError("input.base64url") from error
    return data


def from_hex(text: str, *, size: int = 32) -> bytes:
    """Return the bytes behind `size` × 2 lower-case hex digits, or raise `input.hex`."""
    if len(text) != 2 * size or not all(c in "0123456789abcdef" for c in text):
        raise InputError("input.hex", size=2 * size)
    return bytes.fromhex(text)


def multibase_encode(data: bytes) -> str:
    """Return base58btc multibase, which begins with `z` (Controlled Identifiers 1.0, section 2.4)."""
    return "z" + base58.b58encode(data).decode("ascii")


def multibase_decode(text: str, *, longest: int = 128) -> bytes:
    """Return the bytes behind base58btc multibase of at most `longest` letters, or raise `input.multibase`."""
    try:
        if not text.startswith("z") or len(text) > longest:
            raise ValueError
        return base58.b58decode(text[1:].encode("ascii"))
    except ValueError as error:
        raise InputError("input.multibase") from error


def jcs(value: Any) -> bytes:
    """Return the canonical JSON form in UTF-8 (RFC 8785)."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise InputError("input.not_canonical") from error


def format_time(at: datetime) -> str:
    """Return RFC 3339 in UTC with `Z` and whole seconds; fractions are cut off."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Return the moment behind `2026-11-22T10:00:00Z`; no other spelling is taken (`input.time`)."""
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InputError("input.time") from error
    if format_time(at) != text:
        raise InputError("input.time")
    return at
