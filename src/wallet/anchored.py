"""Whether a company's keys stand in public: a did:web's count once a log holds the hash of their history.

A did:key is its key and needs no log. Document and history of a did:web are signed by nobody: anybody can
write one that goes on from the pinned one. A log shows it to everybody, so it cannot be meant for one
customer alone, and the company can see it (`docs/decisions/key-history-in-the-log.md`).
"""

from __future__ import annotations

from ..consent.introduction import Pinned
from ..did import DidDocument, KeyHistory
from ..errors import NotTrusted
from .logs import Logs

__all__ = ["check_keys_public"]

_ARE_THEIR_KEY = ("did:key:", "did:jwk:")


def check_keys_public(
    logs: Logs, document: DidDocument, history: KeyHistory | None, *, pinned: Pinned | None
) -> None:
    """Raise `company.key_unanchored` unless a log that the wallet knows holds the history of these keys.

    A did:web without a history, and a document with a key that its history does not name, are refused alike.
    A history that was pinned lay in a log then, and a log forgets nothing: it is not looked up again. Where a
    log cannot be asked and no other one holds the history, its own error: unknown, so no.
    """
    if document.id.startswith(_ARE_THEIR_KEY):
        return
    told = {(entry.kid, entry.public_key_multibase) for entry in history.keys} if history else set()
    if history is None or not {(one.kid, one.key.multikey) for one in document.relations} <= told:
        raise NotTrusted("company.key_unanchored", did=document.id)
    if (pinned is None or pinned.history != history) and not logs.holds_public(history.digest):
        raise NotTrusted("company.key_unanchored", did=document.id)
