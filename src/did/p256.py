"""ECDSA with P-256 and SHA-256 (ES256), for the profiles that ask for it.

Only a key of this kind loads this module: it takes longer to import than most commands run.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import InputError, VerificationError

__all__ = [
    "check_point",
    "check_scalar",
    "check_signature",
    "check_uncompressed",
    "public_from_scalar",
    "sign",
    "uncompressed",
]

_CURVE = ec.SECP256R1()
_ES256 = ec.ECDSA(SHA256())
_ES256_DETERMINISTIC = ec.ECDSA(SHA256(), deterministic_signing=True)  # RFC 6979: no randomness in the core

# Finding y for x costs a third of a signature check, and a company's key checks many.
_POINTS: dict[bytes, ec.EllipticCurvePublicKey] = {}
_MOST_POINTS = 1024


def check_point(raw: bytes) -> None:
    """Raise `key.format` or `key.off_curve` unless `raw` is the 33 bytes of a compressed point."""
    _point(raw)


def check_uncompressed(raw: bytes, encoded: bytes) -> None:
    """Raise `key.off_curve` unless `encoded` (65 bytes) is the point of `raw`, and on the curve.

    A third of the price of finding y, and it proves that it is this y.
    """
    _load(raw, encoded)


def uncompressed(raw: bytes) -> bytes:
    """Return the 65 bytes `04 ‖ x ‖ y` of a compressed point."""
    return _point(raw).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def check_signature(raw: bytes, message: bytes, signature: bytes) -> None:
    """Raise `signature.invalid` unless r ‖ s, 32 bytes each (RFC 7518, section 3.4), is by this key."""
    if len(signature) != 64:
        raise VerificationError("signature.invalid")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        _point(raw).verify(encode_dss_signature(r, s), message, _ES256)
    except InvalidSignature as error:
        raise VerificationError("signature.invalid") from error


def check_scalar(scalar: bytes) -> None:
    """Raise `key.format` unless `scalar` is 1 to n − 1."""
    _private(scalar)


def public_from_scalar(scalar: bytes) -> bytes:
    """Return the 33 bytes of the compressed public point."""
    return _private(scalar).public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def sign(scalar: bytes, message: bytes) -> bytes:
    """Return r ‖ s; the same message gives the same bytes."""
    r, s = decode_dss_signature(_private(scalar).sign(message, _ES256_DETERMINISTIC))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _point(raw: bytes) -> ec.EllipticCurvePublicKey:
    if len(raw) != 33 or raw[0] not in (2, 3):
        raise InputError("key.format")
    return _POINTS.get(raw) or _load(raw, raw)


def _load(raw: bytes, encoded: bytes) -> ec.EllipticCurvePublicKey:
    """Return the point of `encoded`, which is on the curve, and remember it under `raw`."""
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, encoded)
    except ValueError as error:
        raise VerificationError("key.off_curve") from error
    if len(_POINTS) >= _MOST_POINTS:
        _POINTS.clear()
    _POINTS[raw] = point
    return point


def _private(scalar: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        return ec.derive_private_key(int.from_bytes(scalar, "big"), _CURVE)
    except ValueError as error:
        raise InputError("key.format") from error
