"""Whose signature counts: did:keys speak for themselves, a did:web only with keys that are trusted."""

from __future__ import annotations

from collections.abc import Callable

from ..consent import Introduction
from ..did import (
    DidDocument,
    KeyHistory,
    OfflineResolver,
    PublicKey,
    check_jws,
    document_of,
    key_of,
    parse_document,
    parse_jws,
)
from ..encoding import parse_time, sha256
from ..errors import KonsensError, NotTrusted, VerificationError
from ..records import SignedEvent, check_event_signature
from ..registry import PublicLeaf, check_inclusion_proof, leaf_hash, parse_proof
from .container import Container
from .trust import Trust
from .vouched import Vouched

__all__ = [
    "HISTORY",
    "HISTORY_PROOF",
    "TrustedResolver",
    "check_history_in_log",
    "check_trusted_event",
    "check_trusted_jws",
    "did_file",
    "is_its_key",
    "key_in_bundle",
    "keys_of",
]

HISTORY = ".history.json"
HISTORY_PROOF = ".history.tlog-proof"


def is_its_key(did: str) -> bool:
    """Tell whether a DID carries its one key in its name, and so needs nobody to vouch for it."""
    return did.startswith(("did:key:", "did:jwk:"))


def did_file(did: str) -> str:
    """Return the name, without its end, of the files of a bundle that tell a company's keys."""
    return f"dids/{sha256(did.encode()).hex()}"


def keys_of(trust: Trust, kid: str) -> list[PublicKey]:
    """Return the keys that may stand behind `kid`, of a company that is trusted (`trust.company`).

    A file alone does not show which of a did:web's keys a `kid` named: each trusted one may.
    """
    did = kid.partition("#")[0]
    company = trust.check_company(did)
    if is_its_key(did):
        return [key_of(OfflineResolver().resolve(did), kid)]
    if not company.keys:
        raise NotTrusted("trust.company_key", did=did, key="")
    return [PublicKey.from_multikey(key) for key in company.keys]


def key_in_bundle(container: Container, trust: Trust, kid: str, at: str | None = None) -> PublicKey:
    """Return a company's key: a did:key carries it; a did:web must name one that the verifier trusts.

    Without `at`, any that `kid` names or ever named: a notice does not say when it was signed. Raises
    `trust.company`, `trust.company_key`, and what is wrong with document and history in the bundle.
    """
    did = kid.partition("#")[0]
    company = trust.check_company(did)
    if did.startswith("did:key:"):
        return key_of(OfflineResolver().resolve(did), kid)
    name = did_file(did)
    document = parse_document(container.read(f"{name}.json"), did=did)
    told = f"{name}{HISTORY}"
    history = KeyHistory.parse(container.read(told)) if told in container else None
    introduced = Introduction(document, history, ())
    key = introduced.notice_key(kid) if at is None else introduced.key(kid, parse_time(at))
    if key.multikey not in company.keys:
        raise NotTrusted("trust.company_key", did=did, key=key.multikey)
    return key


def check_history_in_log(
    container: Container, did: str, *, vouched: Vouched, note_of: Callable[[str], str]
) -> None:
    """Raise `bundle.keys_unanchored` unless the hash of a did:web's key history is proven to be in a log.

    `note_of` gives the checkpoint of the bundle for an origin; the proof rests on that, letter for letter.
    """
    name = did_file(did)
    if f"{name}{HISTORY}" not in container or f"{name}{HISTORY_PROOF}" not in container:
        raise VerificationError("bundle.keys_unanchored", did=did)
    history = KeyHistory.parse(container.read(f"{name}{HISTORY}"))
    proof = parse_proof(container.read(f"{name}{HISTORY_PROOF}"))
    leaf = PublicLeaf(history.digest)
    try:
        proven = check_inclusion_proof(proof, leaf_hash=leaf_hash(leaf.entry), policy=vouched)
    except VerificationError as error:
        raise VerificationError("bundle.keys_unanchored", did=did) from error
    if history.did != did or proof.checkpoint_note != note_of(proven.origin):
        raise VerificationError("bundle.keys_unanchored", did=did)


def check_trusted_jws(trust: Trust, text: str, *, typ: str, code: str) -> bytes:
    """Return the payload of a JWS that a trusted company signed; `code` names a signature that is wrong."""
    jws = parse_jws(text, typ=typ, max_bytes=len(text) + 1)
    for key in keys_of(trust, jws.kid):
        try:
            return check_jws(jws, key)
        except KonsensError:
            continue
    raise VerificationError(code)


def check_trusted_event(trust: Trust, signed: SignedEvent) -> None:
    """Raise unless a trusted company signed this event (`event.signature`)."""
    *others, last = keys_of(trust, signed.kid)
    for key in others:
        try:
            return check_event_signature(signed, key)
        except VerificationError:
            continue
    return check_event_signature(signed, last)


class TrustedResolver:
    """Resolves a did:web to a document with one of the keys that the verifier trusts, under the kid asked."""

    def __init__(self, trust: Trust, kid: str, place: int) -> None:
        self._trust, self._kid, self._place = trust, kid, place

    def resolve(self, did: str) -> DidDocument:
        """Return the document of `did`."""
        if is_its_key(did):
            return OfflineResolver().resolve(did)
        keys = keys_of(self._trust, self._kid)
        return document_of(did, {self._kid.partition("#")[2]: keys[self._place % len(keys)]})
