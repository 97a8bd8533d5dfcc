"""The notices that a company has published, as the book keeps them."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from ..errors import NotFound
from ..records import Book
from .notice import SignedNotice, parse_notice
from .state import FOREVER

__all__ = ["Shelf"]


class Shelf:
    """Reads the published notices of a book."""

    def __init__(self, book: Book) -> None:
        self.book = book

    @property
    def db(self) -> sqlite3.Connection:
        """The book's own connection."""
        return self.book.connection

    def notice(self, digest: str) -> SignedNotice | None:
        """Return a published notice by its hash, or None."""
        row = self.db.execute("SELECT body, jws FROM notice WHERE hash = ?", (digest,)).fetchone()
        return None if row is None else SignedNotice(parse_notice(row[0]), row[0], row[1])

    def notices(self) -> list[tuple[SignedNotice, int | None]]:
        """Return every published notice with its leaf, oldest first."""
        rows = self.db.execute("SELECT body, jws, leaf_index FROM notice ORDER BY published_at, rowid")
        return [(SignedNotice(parse_notice(body), body, jws), leaf) for body, jws, leaf in rows.fetchall()]

    def notice_leaf(self, digest: str) -> int | None:
        """Return the index of a notice's public leaf, or None while it has none."""
        row = self.db.execute("SELECT leaf_index FROM notice WHERE hash = ?", (digest,)).fetchone()
        return None if row is None else row[0]

    def newest_notice(self, notice_id: str) -> SignedNotice:
        """Return the newest version of a notice, or raise `notice.unknown`."""
        row = self.db.execute(
            "SELECT hash FROM notice WHERE id = ? ORDER BY published_at DESC, rowid DESC", (notice_id,)
        ).fetchone()
        found = None if row is None else self.notice(row[0])
        if found is None:
            raise NotFound("notice.unknown", notice=notice_id)
        return found

    def superseded_from(self, digest: str) -> int:
        """Return since when another notice replaces this one in substance, or `FOREVER`."""
        for signed, _ in self.notices():
            notice = signed.notice
            if notice.replaces == digest and notice.in_substance and notice.valid_from:
                return min(FOREVER, int(datetime.fromisoformat(notice.valid_from).timestamp()))
        return FOREVER
