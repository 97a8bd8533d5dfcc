"""Publishing a notice: complete, signed, kept in the book, and its hash in the log for everyone to see.

The public leaf shows later that the words existed before the first consent to them.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..encoding import jcs
from ..errors import Conflict, InputError, RefusedByPolicy
from ..registry import PublicLeaf
from .ledger import Ledger
from .moments import seconds
from .notice import Notice, SignedNotice, draft_notice, sign_notice
from .notice_check import problems_of
from .own import CompanyKeys

__all__ = ["announce", "publish"]


def publish(ledger: Ledger, keys: CompanyKeys, toml: str, *, now: datetime) -> tuple[SignedNotice, int]:
    """Publish the notice of a TOML file; return it with the index of its public leaf.

    Refused: what lacks something (`notice.incomplete`), what asks double opt-in, which comes later
    (`notice.double_opt_in_later`), and other words under a version that is published already
    (`notice.version_exists`). The same file again changes nothing.
    """
    draft = draft_notice(toml)
    if any(purpose.double_opt_in for purpose in draft.purpose):
        raise RefusedByPolicy("notice.double_opt_in_later", notice=draft.id)
    if problems := problems_of(draft):
        raise InputError("notice.incomplete", problems=", ".join(problems))
    if draft.replaces is not None and ledger.notice(draft.replaces) is None:
        raise InputError("notice.replaces_unknown")
    signed = sign_notice(toml, did=ledger.did, signer=keys.signer, at=now)
    with ledger.book.write():
        signed = _keep(ledger, draft, signed, now)
        if signed.notice.in_substance:
            for customer, purpose, channel in ledger.matters_under(signed.notice.replaces or ""):
                ledger.refold(customer, purpose, channel)
    announce(ledger)
    (index,) = ledger.db.execute("SELECT leaf_index FROM notice WHERE hash = ?", (signed.hash,)).fetchone()
    return signed, index


def announce(ledger: Ledger) -> None:
    """Append the public leaf of every notice that has none yet; a crash before is mended here."""
    waiting = ledger.db.execute("SELECT hash FROM notice WHERE leaf_index IS NULL").fetchall()
    if waiting:
        ledger.check_log()
    for (digest,) in waiting:
        raw = bytes.fromhex(digest)
        index = ledger.logs.home.find_public(raw)
        if index is None:
            (index,) = ledger.logs.home.append([PublicLeaf(raw)])
        with ledger.book.write() as db:
            db.execute("UPDATE notice SET leaf_index = ? WHERE hash = ?", (index, digest))
            ledger.note_size(ledger.logs.home.size())


def _keep(ledger: Ledger, draft: Notice, signed: SignedNotice, now: datetime) -> SignedNotice:
    """Store the notice, or return the one of the same id, version and words that is there already."""
    row = ledger.db.execute(
        "SELECT hash FROM notice WHERE id = ? AND version = ?", (draft.id, draft.version)
    ).fetchone()
    if row is None:
        ledger.db.execute(
            "INSERT INTO notice VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (signed.hash, draft.id, draft.version, signed.body, signed.jws, seconds(now)),
        )
        return signed
    stored = ledger.notice(row[0])
    if stored is None or _words(stored.notice, draft) != _words(signed.notice, draft):
        raise Conflict("notice.version_exists", notice=draft.id, version=draft.version)
    return stored


def _words(notice: Notice, draft: Notice) -> bytes:
    """Return all of a notice but the day on which it was published, unless the file itself names it."""
    tree = msgspec.to_builtins(notice)
    if draft.valid_from is None:
        tree.pop("valid_from")
    return jcs(tree)
