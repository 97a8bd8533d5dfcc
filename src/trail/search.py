"""Searching the trail, and the exact words behind a record."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..errors import InputError, NotFound
from .desk import Desk
from .query import Query
from .view import EventLine

__all__ = ["Wording", "search", "wording"]

SHORTEST_PREFIX = 6


class Wording(msgspec.Struct, frozen=True):
    """What a person was shown; `leaf_index` is that of the notice's public leaf."""

    notice: str
    version: str
    language: str
    text: str
    hash: str
    leaf_index: int | None


def search(desk: Desk, asked: Query, *, now: datetime) -> list[EventLine]:
    """Return every event that matches, once, in the order of the log.

    A period bounds the events themselves, not only the records that they belong to. Raises
    `trail.unknown_person`.
    """
    view = desk.look(asked, now=now)
    found = {(event.event, event.record): event for record in view.records for event in record.events}
    shown = (event for event in found.values() if _received_within(event, asked))
    return sorted(shown, key=lambda event: (event.origin, event.leaf_index, event.record))


def wording(desk: Desk, record: str, *, language: str | None = None) -> Wording:
    """Return the words that the newest grant (or refusal) of a record names.

    `record` is an id or a prefix of six letters that only one id has. The language is the one asked for,
    else the one in which the grant was given. Raises `trail.unknown_record`, `trail.ambiguous_record`,
    `trail.no_wording` and `trail.no_language`.
    """
    ledger = desk.ledger
    chosen = None
    for stored in ledger.book.events(_record(desk, record)):
        content = stored.anchored.event.event.content
        if getattr(content, "notice", None) is not None:
            chosen = content
    signed = ledger.notice(getattr(chosen, "notice", "")) if chosen else None
    if signed is None:
        raise NotFound("trail.no_wording", record=record)
    texts = signed.notice.text
    wanted = language or getattr(chosen, "language", None) or signed.notice.languages[0]
    if wanted not in texts:
        raise NotFound("trail.no_language", language=wanted, languages=", ".join(signed.notice.languages))
    return Wording(
        notice=signed.notice.id,
        version=signed.notice.version,
        language=wanted,
        text=texts[wanted],
        hash=signed.hash,
        leaf_index=ledger.notice_leaf(signed.hash),
    )


def _record(desk: Desk, prefix: str) -> str:
    """Return the one record whose id begins so."""
    if not (SHORTEST_PREFIX <= len(prefix) <= 32) or not set(prefix) <= set("0123456789abcdef"):
        raise InputError("trail.record_prefix", shortest=SHORTEST_PREFIX)
    rows = desk.ledger.db.execute(
        "SELECT DISTINCT record FROM event WHERE record >= ? AND record < ? LIMIT 2", (prefix, prefix + "g")
    ).fetchall()
    if not rows:
        raise NotFound("trail.unknown_record", record=prefix)
    if len(rows) > 1:
        raise InputError("trail.ambiguous_record", record=prefix)
    return str(rows[0][0])


def _received_within(event: EventLine, asked: Query) -> bool:
    at = datetime.fromisoformat(event.received_at)
    return not ((asked.start and at < asked.start) or (asked.end and at > asked.end))
