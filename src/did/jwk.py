"""did:jwk: a DID that is a JSON Web Key (the did:jwk Method Specification).

>>> from konsens.did.keys import PrivateKey
>>> key = PrivateKey.ed25519(bytes(32)).public
>>> resolve_jwk(did_jwk(key)).relations[0].key == key
True
"""

from __future__ import annotations

from ..encoding import b64u_decode, b64u_encode, jcs
from ..errors import InputError
from ..strict_json import parse
from .document import DidDocument, document_of
from .keys import PublicKey

__all__ = ["did_jwk", "resolve_jwk"]

PREFIX = "did:jwk:"
MAX_LETTERS = 2048


def did_jwk(public: PublicKey) -> str:
    """Return the did:jwk of a public key: its JWK in base64url."""
    return PREFIX + b64u_encode(jcs(public.jwk))


def resolve_jwk(did: str) -> DidDocument:
    """Return the document that a did:jwk stands for; its one key is `#0`, and signs for every purpose."""
    if not did.startswith(PREFIX) or len(did) > MAX_LETTERS:
        raise InputError("did.method", did=did)
    jwk = parse(b64u_decode(did[len(PREFIX) :]))
    if not isinstance(jwk, dict):
        raise InputError("did.format", member="jwk")
    return document_of(did, {"0": PublicKey.from_jwk(jwk)})
