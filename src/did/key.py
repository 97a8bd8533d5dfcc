"""did:key: a DID that is its key (the did:key Method, W3C CCG).

>>> from konsens.did.keys import PrivateKey
>>> did = did_key(PrivateKey.ed25519(bytes(32)).public)
>>> did
'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'
>>> resolve_key(did).relations[0].kid == kid_of(did)
True
"""

from __future__ import annotations

from ..errors import InputError
from .document import DidDocument, document_of
from .keys import PublicKey

__all__ = ["did_key", "kid_of", "resolve_key"]

PREFIX = "did:key:"


def did_key(public: PublicKey) -> str:
    """Return the did:key of a public key."""
    return PREFIX + public.multikey


def kid_of(did: str) -> str:
    """Return the DID URL of the one key of a did:key: its fragment is the key again."""
    if not did.startswith(PREFIX):
        raise InputError("did.method", did=did)
    return f"{did}#{did[len(PREFIX) :]}"


def resolve_key(did: str) -> DidDocument:
    """Return the document that a did:key stands for, or raise by the key's error."""
    if not did.startswith(PREFIX):
        raise InputError("did.method", did=did)
    multikey = did[len(PREFIX) :]
    return document_of(did, {multikey: PublicKey.from_multikey(multikey)})
