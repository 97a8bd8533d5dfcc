"""DID documents: which keys a DID has, and for what (DID Core 1.0, section 5).

>>> import json
>>> from konsens.did.keys import PrivateKey
>>> document = document_of("did:web:muster.example", {"key-1": PrivateKey.ed25519(bytes(32)).public})
>>> parse_document(json.dumps(render_document(document))) == document
True
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from ..errors import InputError, VerificationError
from ..strict_json import parse
from .keys import PublicKey

__all__ = ["DidDocument", "Purpose", "Relation", "document_of", "key_of", "parse_document", "render_document"]

Purpose = Literal["assertionMethod", "authentication"]
PURPOSES: Final[tuple[Purpose, ...]] = ("assertionMethod", "authentication")
MAX_METHODS: Final = 64
_DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._%-]")  # DID Core 1.0, section 3.1
_DID_URL = re.compile(_DID.pattern + r"[!-~]*")
_CONTEXTS = ("https://www.w3.org/ns/did/v1", "https://www.w3.org/ns/did/v1.1")
_MULTIKEY = ("Multikey", "Ed25519VerificationKey2020")
_JWK = ("JsonWebKey", "JsonWebKey2020")
_ENDS = {"expires", "revoked"}
_OTHER_KEYS = ("key.type", "key.use", "key.alg")


class Relation(msgspec.Struct, frozen=True):
    """A key under its DID URL, and the purposes it serves (DID Core 1.0, section 5.3)."""

    kid: str
    key: PublicKey
    purposes: tuple[Purpose, ...]


class DidDocument(msgspec.Struct, frozen=True):
    """The keys of one DID that can sign. Keys of other kinds, services and the rest are passed over."""

    id: str
    relations: tuple[Relation, ...]


def document_of(did: str, keys: Mapping[str, PublicKey]) -> DidDocument:
    """Return a document in which every key (by its fragment) serves both purposes."""
    return DidDocument(did, tuple(Relation(f"{did}#{name}", key, PURPOSES) for name, key in keys.items()))


def key_of(document: DidDocument, kid: str, purpose: Purpose = "assertionMethod") -> PublicKey:
    """Return the key `kid` of the document.

    Raises `did.other_document` for a DID URL of another DID, `did.no_key` for a key that is not there or
    does not serve `purpose`.
    """
    if kid.partition("#")[0] != document.id:
        raise VerificationError("did.other_document", did=document.id)
    for relation in document.relations:
        if relation.kid == kid and purpose in relation.purposes:
            return relation.key
    raise VerificationError("did.no_key", kid=kid, purpose=purpose)


def parse_document(data: bytes | str, *, did: str | None = None) -> DidDocument:
    """Return the document behind its JSON (DID Core 1.0, section 6.2, with or without `@context`).

    With `did`, a document of another DID is refused (`did.other_document`). Raises `did.format` for what is
    no DID document, and the errors of keys for a weak or malformed key of a kind that we use.

    Passed over are methods that cannot sign for this DID: of another kind or use, under another DID's name
    or controller (Controlled Identifiers 1.0, section 3.3), and any that `expires` or is `revoked` (section
    2.2), since a document is read without a clock; when a key ended, the key history says.
    """
    tree = parse(data)
    own = tree.get("id") if isinstance(tree, dict) else None
    if not isinstance(own, str) or not _DID.fullmatch(own):
        raise InputError("did.format", member="id")
    if did is not None and own != did:
        raise VerificationError("did.other_document", did=did)
    _check_context(tree.get("@context"))
    served = {purpose: _listed(tree, purpose) for purpose in PURPOSES}
    embedded = [entry for entries in served.values() for entry in entries if isinstance(entry, dict)]
    methods = [_method(own, entry) for entry in _listed(tree, "verificationMethod") + embedded]
    if len({kid for kid, _ in methods}) != len(methods):
        raise InputError("did.format", member="verificationMethod")
    kids = {purpose: {_kid(own, entry) for entry in entries} for purpose, entries in served.items()}
    relations = tuple(
        Relation(kid, key, tuple(purpose for purpose in PURPOSES if kid in kids[purpose]))
        for kid, key in methods
        if key is not None
    )
    return DidDocument(own, relations)


def render_document(document: DidDocument) -> dict[str, Any]:
    """Return the document as JSON, its keys as Multikeys (Controlled Identifiers 1.0, section 2.2.2)."""
    rendered: dict[str, Any] = {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": document.id,
        "verificationMethod": [
            {
                "id": relation.kid,
                "type": "Multikey",
                "controller": document.id,
                "publicKeyMultibase": relation.key.multikey,
            }
            for relation in document.relations
        ],
    }
    for purpose in PURPOSES:
        rendered[purpose] = [each.kid for each in document.relations if purpose in each.purposes]
    return rendered


def _check_context(context: Any) -> None:
    first = context[0] if isinstance(context, list) and context else context
    if context is not None and first not in _CONTEXTS:
        raise InputError("did.format", member="@context")


def _listed(tree: Mapping[str, Any], member: str) -> list[Any]:
    entries = tree.get(member, [])
    if not isinstance(entries, list) or len(entries) > MAX_METHODS:
        raise InputError("did.format", member=member)
    return entries


def _method(did: str, entry: Any) -> tuple[str, PublicKey | None]:
    """Return the DID URL of a verification method and its key, None if it cannot sign for `did`."""
    if not isinstance(entry, dict):
        raise InputError("did.format", member="verificationMethod")
    kid = _kid(did, entry)
    if not kid.startswith(f"{did}#") or entry.get("controller") != did or not _ENDS.isdisjoint(entry):
        return kid, None
    return kid, _key(entry)


def _key(entry: Mapping[str, Any]) -> PublicKey | None:
    kind, multibase, jwk = entry.get("type"), entry.get("publicKeyMultibase"), entry.get("publicKeyJwk")
    try:
        if kind in _MULTIKEY and isinstance(multibase, str):
            return PublicKey.from_multikey(multibase)
        if kind in _JWK and isinstance(jwk, dict):
            return PublicKey.from_jwk(jwk)
    except InputError as error:
        if error.code not in _OTHER_KEYS:
            raise
    return None


def _kid(did: str, entry: Any) -> str:
    """Return the DID URL of a method, or of a reference to one; a relative one is a fragment of this DID.

    In a did:web document only absolute ones are allowed (did:web, "Key Material and Document Handling").
    """
    reference = entry.get("id") if isinstance(entry, dict) else entry
    if isinstance(reference, str) and reference.startswith("#") and not did.startswith("did:web:"):
        reference = did + reference
    if not isinstance(reference, str) or not _DID_URL.fullmatch(reference):
        raise InputError("did.format", member="id")
    return reference
