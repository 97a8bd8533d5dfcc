"""From a DID to its document. Nothing here asks the network.

>>> from konsens.did.key import did_key
>>> from konsens.did.keys import PrivateKey
>>> did = did_key(PrivateKey.ed25519(bytes(32)).public)
>>> OfflineResolver().resolve(did).id == did
True
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from ..errors import NotTrusted
from .document import DidDocument
from .jwk import resolve_jwk
from .key import resolve_key

__all__ = ["OfflineResolver", "PinnedResolver", "Resolver"]


class Resolver(Protocol):
    """Finds the document of a DID."""

    def resolve(self, did: str) -> DidDocument:
        """Return the document of `did`, or raise a `KonsensError`."""


class OfflineResolver:
    """Resolves the DIDs that carry their key: did:key and did:jwk. Others are `did.unresolved`."""

    def resolve(self, did: str) -> DidDocument:
        """Return the document of `did`; what was resolved once is remembered."""
        return _offline(did)


class PinnedResolver:
    """Resolves to documents that were pinned, and asks `then` for the rest."""

    def __init__(self, documents: Iterable[DidDocument], *, then: Resolver) -> None:
        self._documents = {document.id: document for document in documents}
        self._then = then

    def resolve(self, did: str) -> DidDocument:
        """Return the pinned document of `did`, else what `then` finds."""
        return self._documents.get(did) or self._then.resolve(did)


@lru_cache(maxsize=4096)
def _offline(did: str) -> DidDocument:
    if did.startswith("did:key:"):
        return resolve_key(did)
    if did.startswith("did:jwk:"):
        return resolve_jwk(did)
    raise NotTrusted("did.unresolved", did=did)
