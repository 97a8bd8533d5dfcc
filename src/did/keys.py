"""Public and private keys: Ed25519 by default, P-256 for the profiles that ask for it.

A `PublicKey` that exists is sound: length, curve and weakness were checked when it was made.

>>> key = PrivateKey.ed25519(bytes(32))
>>> key.public.multikey
'z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'
>>> key.public.check(b"hello", key.sign(b"hello"))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..encoding import b64u_decode, b64u_encode, jcs, multibase_decode, multibase_encode, sha256
from ..errors import InputError, VerificationError
from . import ed25519

__all__ = ["Alg", "PrivateKey", "PublicKey"]

Alg = Literal["EdDSA", "ES256"]

# Multicodec prefixes of the did:key method; those with an `alg` are ours, the others are refused by name.
_ALG_PREFIX: dict[Alg, bytes] = {"EdDSA": b"\xed\x01", "ES256": b"\x80\x24"}
_FOREIGN_PREFIX = {
    b"\xec\x01": "X25519",
    b"\xe7\x01": "secp256k1",
    b"\x81\x24": "P-384",
    b"\x82\x24": "P-521",
    b"\x85\x24": "RSA",
    b"\xea\x01": "BLS12-381 G1",
    b"\xeb\x01": "BLS12-381 G2",
    b"\xee\x01": "BLS12-381 G1 and G2",
}
_LONGEST_MULTIKEY = 1024  # an RSA key of 4096 bits has some 720 letters, and must be refused by its name


class PublicKey(msgspec.Struct, frozen=True):
    """A key to check signatures with; `raw` has 32 bytes for Ed25519, and for P-256 the compressed 33."""

    alg: Alg
    raw: bytes

    def __post_init__(self) -> None:
        if self.alg == "EdDSA":
            ed25519.check_point(self.raw)
        else:
            from . import p256  # here and below: only a key of this kind pays for loading it

            p256.check_point(self.raw)

    @classmethod
    def from_multikey(cls, text: str) -> PublicKey:
        """Return the key behind a Multikey (Controlled Identifiers 1.0, section 2.2.2), `z6Mk…` or `zDn…`."""
        data = multibase_decode(text, longest=_LONGEST_MULTIKEY)
        for alg, prefix in _ALG_PREFIX.items():
            if data.startswith(prefix):
                return cls(alg, data[2:])
        raise InputError("key.type", type=_FOREIGN_PREFIX.get(data[:2], data[:2].hex()))

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> PublicKey:
        """Return the key of a public JWK (RFC 7517; RFC 8037, section 2; RFC 7518, section 6.2.1).

        `use`, `key_ops` and `alg`, where present, must allow checking signatures with just this key
        (RFC 7517, sections 4.2 to 4.4); a private member is refused, every other member is passed over.
        """
        if "d" in jwk:
            raise InputError("key.private")
        return _public_of_jwk(jwk, "verify")

    @property
    def multikey(self) -> str:
        """The Multikey: `z6Mk…` for Ed25519, `zDn…` for P-256."""
        return multibase_encode(_ALG_PREFIX[self.alg] + self.raw)

    @property
    def jwk(self) -> dict[str, str]:
        """The public JWK with the members that RFC 7638, section 3.2, requires, and no others."""
        if self.alg == "EdDSA":
            return {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(self.raw)}
        from . import p256

        point = p256.uncompressed(self.raw)
        return {"kty": "EC", "crv": "P-256", "x": b64u_encode(point[1:33]), "y": b64u_encode(point[33:])}

    @property
    def thumbprint(self) -> bytes:
        """The 32 bytes of the JWK thumbprint under SHA-256 (RFC 7638, section 3)."""
        return sha256(jcs(self.jwk))

    def check(self, message: bytes, signature: bytes) -> None:
        """Raise `signature.invalid` unless `signature` (64 bytes) over `message` is by this key.

        ES256 is r ‖ s, 32 bytes each (RFC 7518, section 3.4).
        """
        if self.alg == "EdDSA":
            ed25519.check_signature(self.raw, message, signature)
            return
        from . import p256

        p256.check_signature(self.raw, message, signature)


class PrivateKey(msgspec.Struct, frozen=True):
    """A key to sign with. Nothing that prints it shows the secret."""

    alg: Alg
    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != 32:
            raise InputError("key.format")
        if self.alg == "ES256":
            from . import p256

            p256.check_scalar(self.secret)

    def __repr__(self) -> str:
        return f"PrivateKey({self.alg!r}, <redacted>)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("alg", self.alg), ("secret", "<redacted>")]

    @classmethod
    def ed25519(cls, seed: bytes) -> PrivateKey:
        """Return the Ed25519 key of a seed of 32 bytes."""
        return cls("EdDSA", seed)

    @classmethod
    def p256(cls, scalar: bytes) -> PrivateKey:
        """Return the P-256 key of a big-endian scalar of 32 bytes, 1 to n − 1."""
        return cls("ES256", scalar)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> PrivateKey:
        """Return the key of a private JWK whose public members belong to its `d` (else `key.mismatch`)."""
        public = _public_of_jwk(jwk, "sign")
        key = cls(public.alg, _member(jwk, "d"))
        if key.public != public:
            raise VerificationError("key.mismatch")
        return key

    @property
    def public(self) -> PublicKey:
        """The public key."""
        if self.alg == "EdDSA":
            return PublicKey("EdDSA", ed25519.public_from_seed(self.secret))
        from . import p256

        return PublicKey("ES256", p256.public_from_scalar(self.secret))

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature over `message`; the same message gives the same bytes."""
        if self.alg == "EdDSA":
            return ed25519.sign(self.secret, message)
        from . import p256

        return p256.sign(self.secret, message)


def _public_of_jwk(jwk: Mapping[str, Any], operation: str) -> PublicKey:
    kind = (jwk.get("kty"), jwk.get("crv"))
    if kind == ("OKP", "Ed25519"):
        key = PublicKey("EdDSA", _member(jwk, "x"))
        algs = ["EdDSA", "Ed25519"]  # RFC 9864, section 2.2
    elif kind == ("EC", "P-256"):
        from . import p256

        x, y = _member(jwk, "x"), _member(jwk, "y")
        raw = bytes([2 + (y[-1] & 1)]) + x
        p256.check_uncompressed(raw, b"\x04" + x + y)
        key, algs = PublicKey("ES256", raw), ["ES256"]
    else:
        raise InputError("key.type", type=kind[1] or kind[0])
    operations = jwk.get("key_ops", [operation])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or operation not in operations:
        raise InputError("key.use")
    if jwk.get("alg", key.alg) not in algs:
        raise InputError("key.alg", alg=jwk["alg"])
    return key


def _member(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise InputError("key.format")
    return b64u_decode(value, size=32)
