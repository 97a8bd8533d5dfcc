"""The facts in a company's book, and what its notices and the logs say of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ..errors import Unavailable
from ..records import Book, Matter
from .logs import Logs
from .moments import seconds
from .shelf import Shelf
from .state import FOREVER, Break, Fact, Terms
from .tables import ATTESTED, PENDING_INDEX, Attested, attested_row

__all__ = ["FactStore"]

_FACT = msgspec.msgpack.Decoder(Fact)
_ENCODE = msgspec.msgpack.Encoder().encode
_SIZE = "log.size:"
_LAST_PLACES = """
SELECT (SELECT max(leaf_index) FROM event WHERE origin = ?), (SELECT max(idx) FROM own_time),
  (SELECT max(leaf_index) FROM notice)
"""


class FactStore(Shelf):
    """What of every verified event decides, kept by event and by matter."""

    def __init__(self, book: Book, logs: Logs, *, did: str, seen: int = 0) -> None:
        super().__init__(book)
        self.logs = logs
        self.did = did
        self.seen = seen
        self.look_back()

    def look_back(self) -> None:
        """Note how many entries the home log must have, after all that the book knows of it."""
        places = self.db.execute(_LAST_PLACES, (self.origin,)).fetchone()
        noted = int(self.book.get(_SIZE + self.origin) or 0)
        self.seen = max(self.seen, noted, *(0 if place is None else place + 1 for place in places))

    def check_log(self) -> None:
        """Raise unless the home log is our own and as long as we have ever seen it: before any yes."""
        self.logs.check_current(self.seen)

    def note_size(self, size: int) -> None:
        """Remember how long the home log was, inside `book.write()`."""
        if size > self.seen:
            self.seen = size
        self.book.set(_SIZE + self.origin, str(self.seen).encode())

    @property
    def origin(self) -> str:
        """The home log's name, known also while the log is out of reach."""
        return self.logs.origin

    def facts(self, customer: str, purpose: str = "", channel: str = "") -> list[Fact]:
        """Return the facts of one matter; without purpose and channel those of the relation lane."""
        rows = self.db.execute(
            "SELECT body FROM fact WHERE controller = ? AND customer = ? AND purpose = ? AND channel = ?",
            (self.did, customer, purpose, channel),
        )
        facts = [_FACT.decode(body) for (body,) in rows.fetchall()]
        if customer.startswith("ref:"):
            facts += [row.fact for row in self.attested(customer, purpose, channel)]
        return facts

    def attested(self, customer: str, purpose: str, channel: str) -> list[Attested]:
        """Return the imported rows about a matter, the earliest import first."""
        rows = self.db.execute(
            f"SELECT {ATTESTED} FROM attested a JOIN import_batch i USING (batch)"  # noqa: S608 fixed names
            " WHERE a.customer = ? AND i.controller = ? AND a.purpose = ? AND a.channel = ? ORDER BY a.id",
            (customer, self.did, purpose, channel),
        )
        return [attested_row(*row) for row in rows.fetchall()]

    def batch_rows(self, event: str) -> list[tuple[str, str, str, Attested]]:
        """Return `(customer, purpose, channel, row)` of an import, in the batch's order."""
        rows = self.db.execute(
            f"SELECT a.customer, a.purpose, a.channel, {ATTESTED} FROM import_batch i"  # noqa: S608 fixed names
            " JOIN attested a ON a.id BETWEEN i.batch AND i.batch + i.count - 1"
            " WHERE i.event = ? ORDER BY a.id",
            (event,),
        )
        return [
            (customer, purpose, channel, attested_row(*row))
            for customer, purpose, channel, *row in rows.fetchall()
        ]

    def add_fact(self, fact: Fact, matter: Matter, *, received_at: int) -> None:
        """Keep a fact, inside `book.write()`; the same event again replaces its own row."""
        self.db.execute(
            "INSERT OR REPLACE INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                fact.event,
                matter.controller,
                matter.customer or "",
                matter.purpose or "",
                matter.channel or "",
                received_at,
                fact.index == PENDING_INDEX,
                _ENCODE(fact),
            ),
        )

    def fact_of(self, event: str) -> Fact | None:
        """Return the fact of one event, or None."""
        row = self.db.execute("SELECT body FROM fact WHERE event = ?", (event,)).fetchone()
        return None if row is None else _FACT.decode(row[0])

    def terms(self, facts: Iterable[Fact], purpose: str) -> dict[str, Terms]:
        """Return what notices and requests say about each grant among `facts`."""
        found = {}
        for fact in facts:
            if fact.type in ("given", "renewed") and fact.notice is not None:
                notice = self.notice(fact.notice)
                terms = notice.notice.purpose_named(purpose) if notice else None
                found[fact.event] = Terms(
                    double_opt_in=bool(terms and terms.double_opt_in),
                    superseded_from=self.superseded_from(fact.notice),
                    lapses_at=self._lapses_at(fact.request),
                )
        return found

    def breaks(self, facts: Sequence[Fact], *, offline: bool = False) -> dict[str, Break]:
        """Return what the logs say about the `next` of every fact of a customer's lane.

        A break counts from the last moment at which this company knows the log to have been shorter: the
        head leaf before it, or an append of its own. It could be known from the head leaf after it. With
        `offline` a log that is out of reach tells of none.
        """
        found: dict[str, Break] = {}
        for fact in facts:
            if fact.by != "customer" or fact.next is None:
                continue
            try:
                index = self.logs.broken_at(fact.logs, fact.next)
                if index is not None:
                    found[fact.next] = self._break(index)
            except Unavailable:
                if not offline:
                    raise
        return found

    def check_rows(self, facts: Iterable[Fact]) -> None:
        """Raise `registry.damaged` if a log hides that the seal after one of these facts is broken."""
        self.logs.check_rows((fact.logs, fact.next) for fact in facts if fact.by == "customer" and fact.next)

    def _break(self, index: int) -> Break:
        since = self.shorter_at(index)
        after = self.logs.home.head_after(index)
        return Break(index, since, since if after is None else max(since, seconds(after)))

    def shorter_at(self, index: int) -> int:
        """Return the last known moment at which the home log had no entry `index` yet, or 0."""
        before = self.logs.home.head_before(index)
        row = self.db.execute("SELECT max(at) FROM own_time WHERE idx < ?", (index,)).fetchone()
        return max(seconds(before) if before else 0, row[0] or 0)

    def _lapses_at(self, request: str | None) -> int:
        row = self.db.execute("SELECT expires_at FROM request WHERE hash = ?", (request,)).fetchone()
        return FOREVER if row is None else int(row[0])
