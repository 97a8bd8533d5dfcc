"""ML-DSA-44 (FIPS 204), with the empty context string: signatures that a quantum computer does not forge.

>>> signature = sign(bytes(32), b"text")
>>> print(check_signature(public_from_seed(bytes(32)), b"text", signature))
None
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from ..errors import InputError, Unavailable, VerificationError

__all__ = ["PUBLIC_SIZE", "SIGNATURE_SIZE", "check_public", "check_signature", "public_from_seed", "sign"]

PUBLIC_SIZE, SIGNATURE_SIZE = 1312, 2420
"""In bytes (FIPS 204, table 2)."""


def check_public(public: bytes) -> None:
    """Raise `key.format` unless `public` has the size of a public key; every such string is one."""
    if len(public) != PUBLIC_SIZE:
        raise InputError("key.format")


def check_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise `signature.invalid` unless `signature` over `message` is by `public` (FIPS 204, algorithm 3).

    `note.no_ml_dsa` where the installed cryptography cannot tell, here and below.
    """
    check_public(public)
    with _library() as mldsa:
        from cryptography.exceptions import InvalidSignature

        try:
            mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature as error:
            raise VerificationError("signature.invalid") from error


def sign(seed: bytes, message: bytes) -> bytes:
    """Return a signature by the key of `seed` (32 bytes); each time another one (FIPS 204, section 3.4)."""
    with _library() as mldsa:
        return bytes(mldsa.MLDSA44PrivateKey.from_seed_bytes(seed).sign(message))


def public_from_seed(seed: bytes) -> bytes:
    """Return the public key of a seed (FIPS 204, algorithm 6)."""
    with _library() as mldsa:
        return bytes(mldsa.MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw())


@contextmanager
def _library() -> Iterator[ModuleType]:
    """Import here: only those wait for it, and only those need a cryptography that has it, who use it."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import mldsa
    except ImportError as error:
        raise Unavailable("note.no_ml_dsa") from error
    try:
        yield mldsa
    except UnsupportedAlgorithm as error:  # what it was built with has none
        raise Unavailable("note.no_ml_dsa") from error
