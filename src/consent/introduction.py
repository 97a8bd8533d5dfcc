"""Who a company says it is, and whether that follows from what the wallet remembers of it.

A did:key is its key: nothing that travels with a message can add another. For a did:web the document and the
key history travel with the request; the wallet pins both at first contact, and a later request must follow
from them (`docs/formats.md`, "Who is who").
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ..did import DidDocument, KeyHistory, OfflineResolver, PublicKey, key_of, parse_document
from ..encoding import jcs
from ..errors import NotTrusted, VerificationError

__all__ = ["Introduction", "Pinned", "check_introduction"]

_ARE_THEIR_KEY = ("did:key:", "did:jwk:")


class Pinned(msgspec.Struct, frozen=True):
    """What a wallet remembers of a company since first contact."""

    document: DidDocument
    history: KeyHistory | None


class Introduction(msgspec.Struct, frozen=True):
    """A company's document and history, consistent with each other and with what was pinned."""

    document: DidDocument
    history: KeyHistory | None
    warnings: tuple[str, ...]

    def key(self, kid: str, at: datetime) -> PublicKey:
        """Return the key that `kid` named at `at`."""
        if self.history is not None:
            return self.history.key_at(kid, at)
        return key_of(self.document, kid)

    def notice_key(self, kid: str) -> PublicKey:
        """Return the key that `kid` names or ever named: a notice does not say when it was signed."""
        for entry in self.history.keys if self.history else ():
            if entry.kid == kid:
                return PublicKey.from_multikey(entry.public_key_multibase)
        return key_of(self.document, kid)


def check_introduction(
    company: Mapping[str, Any],
    key_history: Mapping[str, Any] | None,
    *,
    did: str,
    pinned: Pinned | None,
) -> Introduction:
    """Return who the company is, or raise.

    `request.other_company`: the document or history is not that of the signer, or the two give one name to
    different keys. `company.key_changed`: a key other than the pinned one, and no history that leads from it.
    A history that follows and names a further key is taken, with the warning `company.new_key`: that the
    company itself added it, nothing in the message proves.
    """
    document = parse_document(jcs(dict(company)))
    history = None if key_history is None else KeyHistory.parse(jcs(dict(key_history)))
    if document.id != did or (history is not None and history.did != did):
        raise VerificationError("request.other_company", did=did)
    if did.startswith(_ARE_THEIR_KEY):
        document = OfflineResolver().resolve(did)
        if history is not None:
            raise VerificationError("request.other_company", did=did)
    named = {one.kid: one.key.multikey for one in document.relations}
    told = {one.kid: one.public_key_multibase for one in history.keys} if history else {}
    if any(named[kid] != told[kid] for kid in named.keys() & told.keys()):
        raise VerificationError("request.other_company", did=did)
    if pinned is None:
        return Introduction(document, history, ("company.first_contact",))
    if pinned.document.id != did:
        raise NotTrusted("company.key_changed", did=did)
    if pinned.history is None:
        # Without a history there is nothing that a further key could follow from.
        if document != pinned.document or not told.items() <= named.items():
            raise NotTrusted("company.key_changed", did=did)
        return Introduction(document, history, ())
    if history is None:
        raise NotTrusted("company.key_changed", did=did)
    history.check_follows(pinned.history)
    added = len(history.keys) > len(pinned.history.keys)
    return Introduction(document, history, ("company.new_key",) if added else ())
