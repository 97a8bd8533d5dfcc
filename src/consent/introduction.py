"""Who a company says it is, and whether that follows from what the wallet remembers of it.

A did:key speaks for itself. For a did:web the document and the key history travel with the request; the
wallet pins both at first contact, and a later request must follow from them (`docs/formats.md`, "Who is
who").
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


def check_introduction(
    company: Mapping[str, Any],
    key_history: Mapping[str, Any] | None,
    *,
    did: str,
    pinned: Pinned | None,
) -> Introduction:
    """Return who the company is, or raise.

    `request.other_company`: the document or history is not that of the signer. `company.key_changed`: a key
    other than the pinned one, and no history that leads from it.
    """
    document = parse_document(jcs(dict(company)))
    history = None if key_history is None else KeyHistory.parse(jcs(dict(key_history)))
    if document.id != did or (history is not None and history.did != did):
        raise VerificationError("request.other_company", did=did)
    if did.startswith("did:key:"):
        document = OfflineResolver().resolve(did)
    if pinned is None:
        return Introduction(document, history, ("company.first_contact",))
    if pinned.document.id != did:
        raise NotTrusted("company.key_changed", did=did)
    if pinned.history is not None:
        if history is None:
            raise NotTrusted("company.key_changed", did=did)
        history.check_follows(pinned.history)
    elif document != pinned.document:
        raise NotTrusted("company.key_changed", did=did)
    return Introduction(document, history, ())
