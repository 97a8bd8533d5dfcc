"""DID documents: which keys a DID has, and for what (DID Core 1.0, section 5).

>>> from konsens.did.keys import PrivateKey
>>> document = document_of("did:web:muster.example", {"key-1": PrivateKey.ed25519(bytes(32)).public})
>>> parse_document(jcs(render_document(document))) == document
True
"""

from __future__ import annotations

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
_CONTEXTS = frozenset({"https://www.w3.org/ns/did/v1", "https://www.w3.org/ns/did/v1.1"})
_MULTIKEY = frozenset({"Multikey", "Ed25519VerificationKey2020"})
_JWK = frozenset({"JsonWebKey", "JsonWebKey2020"})


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
    """
    tree = parse(data)
    if not isinstance(tree, dict) or not isinstance(tree.get("id"), str) or not tree["id"].startswith("did:"):
        raise InputError("did.format", member="id")
    _check_context(tree.get("@context"))
    if did is not None and tree["id"] != did:
        raise VerificationError("did.other_document", did=did)
    methods = _methods(tree["id"], tree.get("verificationMethod", []))
    serving: dict[str, list[Purpose]] = {kid: [] for kid in methods}
    for purpose in PURPOSES:
        for entry in _listed(tree, purpose):
            if isinstance(entry, dict):
                embedded = _methods(tree["id"], [entry])
                methods |= embedded
                kids = list(embedded)
            else:
                kids = [_absolute(tree["id"], entry)]
            for kid in kids:
                serving.setdefault(kid, []).append(purpose)
    return DidDocument(
        tree["id"], tuple(Relation(kid, key, tuple(serving[kid])) for kid, key in methods.items())
    )


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


def _methods(did: str, entries: Any) -> dict[str, PublicKey]:
    if not isinstance(entries, list) or len(entries) > MAX_METHODS:
        raise InputError("did.format", member="verificationMethod")
    methods: dict[str, PublicKey] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise InputError("did.format", member="verificationMethod")
        kid = _absolute(did, entry["id"])
        if kid in methods:
            raise InputError("did.format", member="verificationMethod")
        if entry.get("controller") != did:
            raise VerificationError("did.other_controller", kid=kid)
        key = _key(entry)
        if key is not None:
            methods[kid] = key
    return methods


def _key(entry: Mapping[str, Any]) -> PublicKey | None:
    kind, multibase, jwk = entry.get("type"), entry.get("publicKeyMultibase"), entry.get("publicKeyJwk")
    try:
        if kind in _MULTIKEY and isinstance(multibase, str):
            return PublicKey.from_multikey(multibase)
        if kind in _JWK and isinstance(jwk, dict):
            return PublicKey.from_jwk(jwk)
    except InputError as error:
        if error.code != "key.type":
            raise
    return None  # a key of a kind that we do not use


def _listed(tree: Mapping[str, Any], purpose: Purpose) -> list[Any]:
    entries = tree.get(purpose, [])
    if not isinstance(entries, list) or len(entries) > MAX_METHODS:
        raise InputError("did.format", member=purpose)
    if not all(isinstance(entry, str | dict) for entry in entries):
        raise InputError("did.format", member=purpose)
    return entries


def _absolute(did: str, reference: str) -> str:
    """Return a DID URL; a relative one is a fragment of this DID (DID Core 1.0, section 3.2.2)."""
    kid = did + reference if reference.startswith("#") else reference
    if kid.count("#") != 1 or kid.endswith("#"):
        raise InputError("did.format", member="id")
    return kid
