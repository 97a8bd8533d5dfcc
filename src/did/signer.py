"""Who signs: a key in memory here, an HSM or a key service behind the same three names elsewhere.

>>> from konsens.did.keys import PrivateKey
>>> signer = LocalSigner(PrivateKey.ed25519(bytes(32)), kid="did:example:1#1")
>>> signer.alg, len(signer.sign(b"hello"))
('EdDSA', 64)
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from .keys import Alg, PrivateKey

__all__ = ["LocalSigner", "Signer"]


class Signer(Protocol):
    """Signs bytes with one key, which a DID URL names."""

    @property
    def alg(self) -> Alg:
        """`EdDSA` or `ES256`, fixed by the key."""

    @property
    def kid(self) -> str:
        """The DID URL of the key."""

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature over `data`."""


class LocalSigner(msgspec.Struct, frozen=True):
    """A signer whose key is in this process."""

    key: PrivateKey
    kid: str

    @property
    def alg(self) -> Alg:
        """The algorithm of the key."""
        return self.key.alg

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature over `data`."""
        return self.key.sign(data)
