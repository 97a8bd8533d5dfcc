"""What a leaf shows of an event: a salted hash that opens to exactly one event, and only with the salt.

>>> commitment(bytes(32), "a.b.c").hex()[:16]
'959aa84c9589bd91'
"""

from __future__ import annotations

from ..encoding import sha256
from ..errors import InputError, VerificationError

__all__ = ["SALT_BYTES", "check_commitment", "commitment"]

SALT_BYTES = 32


def commitment(salt: bytes, jws_text: str) -> bytes:
    """Return `SHA-256("konsens/commit/v1" ‖ salt(32) ‖ compact JWS bytes)` (docs/formats.md)."""
    if len(salt) != SALT_BYTES:
        raise InputError("commitment.salt", size=SALT_BYTES)
    return sha256(b"konsens/commit/v1", salt, jws_text.encode("ascii"))


def check_commitment(committed: bytes, *, salt: bytes, jws_text: str) -> None:
    """Raise `commitment.mismatch` unless `committed` opens to this event with this salt."""
    if commitment(salt, jws_text) != committed:
        raise VerificationError("commitment.mismatch")
