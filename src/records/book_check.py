"""Whether a book still is what was stored: the file, and every event in it from the bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from ..errors import Damaged, InputError, VerificationError
from ..registry.leaf import check_seal_leaf
from .anchor import check_anchored
from .book import Book
from .lane import Lane
from .outbox import Outgoing
from .stored_event import StoredEvent

__all__ = ["check_book"]


def check_book(book: Book, *, progress: Callable[[int, int], None] = lambda _done, _total: None) -> int:
    """Return how many events the book holds, all of them sound; `progress` is told how many are checked.

    `book.damaged` for a broken page, index or reference in the file; `book.event` for an event whose bytes,
    anchor or lane do not fit, or that is filed under something that its bytes do not say, and for a leaf
    on its way that no log would take. Not asked here, for they need a resolver and the log: the signatures
    under events, and their places in the log.
    """
    found = book.connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok" or book.connection.execute("PRAGMA foreign_key_check").fetchone():
        raise Damaged("book.damaged", problem=found)
    for (origin,) in book.connection.execute("SELECT DISTINCT CAST(origin AS TEXT) FROM outbox").fetchall():
        for outgoing in book.outstanding(origin):
            _check_outgoing(outgoing)
    [(total,)] = book.connection.execute("SELECT count(*) FROM event")
    count = 0
    for name, rows in groupby(book.events_by_lane(), key=lambda row: row.lane):
        try:
            count += _check_lane(list(rows))
        except (InputError, VerificationError) as error:
            raise Damaged("book.event", event=name[:12]) from error
        progress(count, total)
    return count


def _check_outgoing(outgoing: Outgoing) -> None:
    try:
        check_seal_leaf(outgoing.seal_leaf, origin=outgoing.origin)
        if outgoing.event:
            check_anchored(outgoing.anchored_at(0))
    except (InputError, VerificationError) as error:
        raise Damaged("book.event", event=outgoing.leaf.hex()[:12]) from error


def _check_lane(rows: list[StoredEvent]) -> int:
    lane = Lane(tuple(row.anchored for row in rows))
    for row, anchored in zip(rows, lane.events, strict=True):
        check_anchored(anchored)
        if row != StoredEvent.of(anchored, lane=lane.name, received_at=row.received_at):
            raise Damaged("book.event", event=row.event_hash[:12])
    return len(rows)
