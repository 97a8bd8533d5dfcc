"""Letters: how bytes, numbers and times are written where two programs must write alike.

>>> b64u_encode(b"konsens")
'a29uc2Vucw'
>>> jcs({"b": 1, "a": "ä"})
b'{"a":"\\xc3\\xa4","b":1}'
"""

from __future__ import annotations

import binascii
import hashlib
from datetime import UTC, datetime
from typing import Any

import base58
import msgspec
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
    return binascii.b2a_base64(data, newline=False).translate(_TO_URLSAFE, b"=").decode("ascii")


def b64u_decode(text: str, *, size: int | None = None) -> bytes:
    """Return the bytes behind canonical base64url without padding.

    Refused, with `input.base64url`: padding, foreign letters, white space, and spare bits that are not
    zero (RFC 4648, section 3.5), so that one value has one spelling. With `size`, any other length too.
    """
    try:
        raw = text.encode("ascii").translate(_FROM_URLSAFE)
        over = len(raw) % 4
        data = binascii.a2b_base64(raw + _PADDING[over], strict_mode=True)
        if text[-1:] not in _LAST[over] or (size is not None and len(data) != size):
            raise ValueError
    except ValueError as error:
        raise InputError("input.base64url") from error
    return data


_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URLSAFE = bytes.maketrans(b"-_+/=", b"+/!!!")  # strict mode refuses `!`
_PADDING = (b"", b"===", b"==", b"=")  # a single letter over is never right, and strict mode says so
# With two or three letters over, the last one carries four or two spare bits: these have them zero.
_LAST = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "", "AQgw", "AEIMQUYcgkosw048")


def from_hex(text: str, *, size: int = 32) -> bytes:
    """Return the bytes behind `size` × 2 lower-case hex digits, or raise `input.hex`."""
    try:
        data = bytes.fromhex(text)
        if len(data) != size or data.hex() != text:  # `fromhex` alone passes over spaces and capitals
            raise ValueError
    except ValueError as error:
        raise InputError("input.hex", size=2 * size) from error
    return data


def multibase_encode(data: bytes) -> str:
    """Return base58btc multibase, which begins with `z` (Controlled Identifiers 1.0, section 2.4)."""
    return "z" + base58.b58encode(data).decode("ascii")


def multibase_decode(text: str, *, longest: int = 128) -> bytes:
    """Return the bytes behind base58btc multibase of up to `longest` letters, or raise `input.multibase`."""
    try:
        if not text.startswith("z") or len(text) > longest:
            raise ValueError
        if text[-1].isspace():  # base58 passes over white space at the end
            raise ValueError
        data = base58.b58decode(text[1:].encode("ascii"))
    except ValueError as error:
        raise InputError("input.multibase") from error
    return data


def jcs(value: Any) -> bytes:
    """Return the canonical JSON form in UTF-8 (RFC 8785), or raise `input.not_canonical`."""
    try:
        if _is_plain(value):
            return _SORTED.encode(value)
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise InputError("input.not_canonical") from error


_SORTED = msgspec.json.Encoder(order="sorted")
_LARGEST = (1 << 53) - 1


def _is_plain(value: Any) -> bool:
    """Return whether msgspec, five times as fast, writes `value` as RFC 8785 asks.

    Strings are escaped alike (section 3.2.2.2). Not plain are floats (section 3.2.2.3), integers that a
    double does not carry, and member names beyond ASCII, whose order is that of UTF-16 (section 3.2.3).
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-_LARGEST <= value <= _LARGEST)
    if kind is dict:
        return all(type(name) is str and name.isascii() and _is_plain(value[name]) for name in value)
    return kind is list and all(map(_is_plain, value))


def format_time(at: datetime) -> str:
    """Return RFC 3339 in UTC with `Z` and whole seconds; fractions are cut off.

    A moment without a time zone is nobody's moment: `TypeError`, since only our own code could pass one.
    """
    if at.tzinfo is None:
        raise TypeError("a moment needs its time zone")
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def parse_time(text: str) -> datetime:
    """Return the moment behind `2026-11-22T10:00:00Z`; no other spelling is taken (`input.time`)."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None or format_time(at) != text:
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise InputError("input.time") from error
    return at
