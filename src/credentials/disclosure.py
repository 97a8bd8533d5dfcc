"""Disclosures: one salted claim each, and the digest that stands in its place.

RFC 9901, section 4.2. The digest is taken over the letters of the disclosure, so any spelling of the JSON
inside is good as long as nobody changes it.

>>> family_name = make_disclosure("_26bc4LT-ac6q2KI6cBW5es", "Möbius", name="family_name")
>>> parse_property(family_name)
('family_name', 'Möbius')
>>> len(digest_of(family_name))
43
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Final

from ..encoding import b64u_encode
from ..errors import VerificationError
from .door import parse_part

__all__ = [
    "DIGEST_LENGTH",
    "HASH",
    "RESERVED",
    "digest_of",
    "make_disclosure",
    "parse_element",
    "parse_property",
]

HASH: Final = "sha-256"  # the only `_sd_alg` that we write or understand (section 4.1.1)
DIGEST_LENGTH: Final = 43
# `_sd` and `...` carry digests (sections 4.1 and 4.2.1); `_sd_alg` has its place at the top only (4.1.1).
RESERVED: Final = frozenset({"_sd", "...", "_sd_alg"})


def make_disclosure(salt: str, value: Any, *, name: str | None = None) -> str:
    """Return the disclosure of a member called `name`, or of an array element (sections 4.2.1, 4.2.2)."""
    return b64u_encode(to_json([salt, value] if name is None else [salt, name, value]))


def digest_of(disclosure: str) -> str:
    """Return the base64url SHA-256 over the ASCII letters of `disclosure` (section 4.2.3)."""
    try:
        return b64u_encode(sha256(disclosure.encode("ascii")).digest())
    except UnicodeEncodeError as error:
        raise VerificationError("sdjwt.base64url", part="disclosure") from error


def parse_property(disclosure: str) -> tuple[str, Any]:
    """Return name and value (section 7.1, steps 3.3.2.1 and 3.3.2.2).

    Raises `sdjwt.disclosure_form`, `sdjwt.salt`, `sdjwt.claim_name` or `sdjwt.reserved_name`.
    """
    _, name, value = _parse(disclosure, 3)
    if type(name) is not str:
        raise VerificationError("sdjwt.claim_name")
    if name in RESERVED:
        raise VerificationError("sdjwt.reserved_name", name=name)
    return name, value


def parse_element(disclosure: str) -> Any:
    """Return the value of an array element (section 7.1, step 3.3.3.1); raises as `parse_property`."""
    return _parse(disclosure, 2)[1]


def to_json(value: Any) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _parse(disclosure: str, length: int) -> list[Any]:
    items = parse_part(disclosure, "disclosure")
    if type(items) is not list or len(items) != length:
        raise VerificationError("sdjwt.disclosure_form", length=length)
    if type(items[0]) is not str:
        raise VerificationError("sdjwt.salt")
    return items
