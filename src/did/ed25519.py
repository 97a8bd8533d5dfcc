"""Ed25519 (RFC 8032) with one answer: a signature that one library accepts, every library accepts.

Libraries differ on small-order points, on points not in their one spelling and on the cofactor. konsens
refuses the first two before any library is asked and then makes one cofactorless check.

>>> key = public_from_seed(bytes(32))
>>> check_signature(key, b"hello", sign(bytes(32), b"hello"))
>>> check_signature(key, b"hallo", sign(bytes(32), b"hello"))
Traceback (most recent call last):
    ...
konsens.errors.VerificationError: signature.invalid: The signature does not fit the text and the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from ..errors import InputError, VerificationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["check_point", "check_signature", "public_from_seed", "sign", "sign_many"]

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493

# The y-coordinates of the eight points whose order divides 8: identity, order 2, order 4 (twice), order 8.
_SMALL_ORDER_Y = (
    1,
    P - 1,
    0,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
)

# Both sign bits of each, and every y ≥ p: RFC 8032, section 5.1.3, step 1, refuses the latter, and so must
# it be with -0 (x = 0 and sign 1, step 4), which only the first two of the small-order points can spell.
_REFUSED = frozenset(
    (y | sign << 255).to_bytes(32, "little") for y in (*_SMALL_ORDER_Y, *range(P, 2**255)) for sign in (0, 1)
)


def check_point(point: bytes) -> None:
    """Refuse an encoded point that is not 32 bytes long, of small order, or not in its one spelling.

    Raises `key.format` for the length and `key.weak` for the rest. With a key of small order one signature
    fits any text, so evidence under it is worth nothing. A point off the curve passes: no signature fits it.
    """
    if len(point) != 32:
        raise InputError("key.format")
    if point in _REFUSED:
        raise VerificationError("key.weak")


def check_signature(key: bytes, message: bytes, signature: bytes) -> None:
    """Raise `signature.invalid` unless `signature` over `message` is by `key`, and `key.weak` for a weak key.

    In this order: A and R are neither of small order nor non-canonical, S < L (RFC 8032, section 5.1.7,
    step 1), and S·B = R + k·A without the cofactor.
    """
    check_point(key)
    if (
        len(signature) != 64
        or signature[:32] in _REFUSED
        or int.from_bytes(signature[32:], "little") >= L
        or not _verifies(key, message, signature)
    ):
        raise VerificationError("signature.invalid")


def sign(seed: bytes, message: bytes) -> bytes:
    """Return the 64 bytes of the deterministic signature over `message` (RFC 8032, section 5.1.6)."""
    return _private(seed).sign(message)


def sign_many(seed: bytes, messages: Iterable[bytes]) -> list[bytes]:
    """Return what `sign` returns for each of `messages`, in a third of its time: the key is made once."""
    if len(seed) != 32:
        raise InputError("key.format")
    secret = crypto_sign_seed_keypair(seed)[1]
    return [crypto_sign(message, secret)[:64] for message in messages]


def public_from_seed(seed: bytes) -> bytes:
    """Return the 32 bytes of the public key that belongs to the 32 bytes of `seed`."""
    return _private(seed).public_key().public_bytes_raw()


def _private(seed: bytes) -> Ed25519PrivateKey:
    if len(seed) != 32:
        raise InputError("key.format")
    # Only who signs pays for loading it; who merely checks has libsodium.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def _by_libsodium(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True


def _by_cryptography(key: bytes, message: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# Whether libsodium multiplies by the cofactor depends on its build. This signature, whose R has a part of
# order 8, fits only with the cofactor: a libsodium that accepts it is not asked.
_COFACTOR_PROBE = (
    bytes.fromhex("6e28aadd03f51afa75ecdc40a6d65b586f0a60a1cb54ea3cb1efcf4846d5301f"),
    b"konsens",
    bytes.fromhex(
        "b2f1002123bbf1016b0f6e335b83ff559add4384736e60929c510d5bb89b760d"
        "3453ebb908dc8f9ca0c210139bbd936f5e75cb7ebcd51567c83b3c75e89db202"
    ),
)

_verifies: Callable[[bytes, bytes, bytes], bool] = (
    _by_cryptography if _by_libsodium(*_COFACTOR_PROBE) else _by_libsodium
)
