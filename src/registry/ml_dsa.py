"""ML-DSA-44 (FIPS 204), with the empty context string: signatures that a quantum computer does not forge.

>>> signature = sign(bytes(32), b"text")
>>> print(check_signature(public_from_seed(bytes(32)), b"text", signature))
None
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError, VerificationError

if TYPE_CHECKING:
    # 20 ms that only those wait for who use it.
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

__all__ = ["PUBLIC_SIZE", "SIGNATURE_SIZE", "check_public", "check_signature", "public_from_seed", "sign"]

PUBLIC_SIZE, SIGNATURE_SIZE = 1312, 2420
"""In bytes (FIPS 204, table 2)."""


def check_public(public: bytes) -> None:
    """Raise `key.format` unless `public` has the size of a public key; every such string is one."""
    if len(public) != PUBLIC_SIZE:
        raise InputError("key.format")


def check_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise `signature.invalid` unless `signature` over `message` is by `public` (FIPS 204, algorithm 3)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    check_public(public)
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature as error:
        raise VerificationError("signature.invalid") from error


def sign(seed: bytes, message: bytes) -> bytes:
    """Return a signature by the key of `seed` (32 bytes); each time another one (FIPS 204, section 3.4)."""
    return _private(seed).sign(message)


def public_from_seed(seed: bytes) -> bytes:
    """Return the public key of a seed (FIPS 204, algorithm 6)."""
    return _private(seed).public_key().public_bytes_raw()


def _private(seed: bytes) -> MLDSA44PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

    return MLDSA44PrivateKey.from_seed_bytes(seed)
