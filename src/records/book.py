"""A party's own store in clear: events with their place in a log, leaves on their way, and settings.

>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder, Book.create(Path(folder) / "book.sqlite") as book:
...     with book.write():
...         book.set("name", b"Muster-Shop")
...     book.get("name")
b'Muster-Shop'
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from ..errors import Conflict, KonsensError, NotFound, VerificationError
from .anchor import AnchoredEvent
from .book_file import Migrations, create_file, migrate, open_file, transaction
from .content import EventHash
from .lane import Lane, check_successor
from .outbox import Outgoing, Sent
from .stored_event import StoredEvent, parse_row, stored_event

__all__ = ["Book", "Migrations"]

TABLES: Final = (
    """
    CREATE TABLE event (
        hash TEXT PRIMARY KEY, lane TEXT NOT NULL, seq INTEGER NOT NULL, seal TEXT NOT NULL,
        record TEXT NOT NULL, signer TEXT NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
        received_at INTEGER NOT NULL, origin TEXT NOT NULL, leaf_index INTEGER NOT NULL,
        salt BLOB NOT NULL, leaf BLOB NOT NULL, jws TEXT NOT NULL,
        UNIQUE (lane, seq), UNIQUE (origin, leaf_index)
    ) STRICT;
    CREATE INDEX event_record ON event (record);
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY, origin TEXT NOT NULL, leaf BLOB NOT NULL UNIQUE, jws TEXT, salt BLOB,
        CHECK ((jws IS NULL) = (salt IS NULL))
    ) STRICT;
    CREATE TABLE setting (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    """,
)

# The columns of `event` are the members of `StoredEvent`, in this order.
_SELECT = "SELECT * FROM event WHERE "
_INSERT = "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (hash) DO NOTHING"


class Book:
    """One party's store; it is also the `Outbox` of its leaves.

    - What a `write()` did is on the disk when it ends, or nothing of it happened.
    - One writer at a time, over all processes; a reader waits for nobody, and each question sees one moment.
    - Nothing is changed outside a `write()`, and none is opened within another.
    - An event is in it once, after everything before it in its lane, and was verified before it came.
    - A book belongs to the thread that opened it; each thread opens its own.

    Other packages bring tables of their own by `migrations`, and use `connection` for them.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, migrations: Migrations) -> None:
        self.path = path
        self.connection = connection
        try:
            migrate(connection, {"records": TABLES, **migrations})
        except BaseException:
            connection.close()
            raise

    @classmethod
    def create(cls, path: Path, *, migrations: Migrations | None = None, wait: float = 5) -> Book:
        """Make an empty book (mode 0600) and open it; `book.exists` if there is one."""
        return cls(path, create_file(path, wait=wait), migrations or {})

    @classmethod
    def open(cls, path: Path, *, migrations: Migrations | None = None, wait: float = 5) -> Book:
        """Open a book; `wait` is how many seconds to wait for another writer before `book.busy`."""
        return cls(path, open_file(path, wait=wait), migrations or {})

    def close(self) -> None:
        """Close the file; the last one to do so also folds the write-ahead log back into it."""
        self.connection.close()

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Make everything within one durable transaction."""
        if self.connection.in_transaction:
            raise KonsensError("book.nested")
        with transaction(self.connection):
            yield self.connection

    # --- events

    def add(self, anchored: AnchoredEvent, *, received_at: datetime) -> bool:
        """Add a verified event; return whether it is new.

        The caller has checked signature, anchor and log. What only the book can see is checked here: the
        event before it is there (`lane.gap`), it follows that one (`check_successor`), nothing else does
        (`lane.fork`), its `next` is no earlier seal of the lane (`lane.next`), and no other event claims its
        leaf (`book.leaf_taken`).
        """
        self._check_writing()
        signed = anchored.event
        if signed.event.seq == 0:
            lane = signed.event_hash
        elif self.has(signed.event_hash):
            return False
        else:
            lane = self._lane_of(anchored)
        row = StoredEvent.of(anchored, lane=lane, received_at=received_at)
        try:
            return self.connection.execute(_INSERT, msgspec.structs.astuple(row)).rowcount == 1
        except sqlite3.IntegrityError as error:
            raise Conflict("book.leaf_taken", origin=row.origin, index=row.leaf_index) from error

    def has(self, event_hash: str) -> bool:
        """Tell whether the book holds this event."""
        return self._one("SELECT 1 FROM event WHERE hash = ?", event_hash) is not None

    def event(self, event_hash: str) -> StoredEvent:
        """Return an event, or raise `book.no_event`."""
        row = self._one(_SELECT + "hash = ?", event_hash)
        if row is None:
            raise NotFound("book.no_event", event=event_hash[:12])
        return parse_row(row)

    def lane(self, name: str) -> Lane:
        """Return the lane whose event 0 has this hash, checked anew, or raise `book.no_event`."""
        events = tuple(stored.anchored for stored in self._events("lane = ? ORDER BY seq", name))
        if not events:
            raise NotFound("book.no_event", event=name[:12])
        return Lane(events)

    def lanes(self, record: str) -> list[Lane]:
        """Return all lanes about a matter, whoever signed them, in order of their first leaves."""
        heads = self._events("record = ? AND seq = 0 ORDER BY origin, leaf_index", record)
        return [self.lane(head.event_hash) for head in heads]

    def events(self, record: str | None = None) -> Iterator[StoredEvent]:
        """Yield all events, or those of one matter, by log and index."""
        if record is None:
            return self._events("1 ORDER BY origin, leaf_index")
        return self._events("record = ? ORDER BY origin, leaf_index", record)

    def events_by_lane(self) -> Iterator[StoredEvent]:
        """Yield all events, lane after lane."""
        return self._events("1 ORDER BY lane, seq")

    def move(self, origin: str, places: Mapping[str, int]) -> None:
        """Note where events lie in a log that was put back to an older state and got them again.

        The caller has seen them there. No leaf is another event's (`book.leaf_taken`), and the index still
        grows along each lane (`lane.order` and the like, see `Lane`).
        """
        self._check_writing()
        # All of them aside first: one may take the place that another one leaves.
        aside = "UPDATE event SET leaf_index = -1 - leaf_index WHERE hash = ?"
        self.connection.executemany(aside, [(event,) for event in places])
        try:
            self.connection.executemany(
                "UPDATE event SET leaf_index = ? WHERE hash = ?",
                [(index, event) for event, index in places.items()],
            )
        except sqlite3.IntegrityError as error:
            raise Conflict("book.leaf_taken", origin=origin, index=max(places.values())) from error
        for lane in {self.event(event).lane for event in places}:
            self.lane(lane)

    # --- leaves on their way (`Outbox`)

    def keep(self, outgoing: Outgoing) -> None:
        """Store a leaf before it leaves; the same one again changes nothing."""
        self._check_writing()
        text = outgoing.event.text if outgoing.event else None
        self.connection.execute(
            "INSERT INTO outbox (origin, leaf, jws, salt) VALUES (?, ?, ?, ?) ON CONFLICT (leaf) DO NOTHING",
            (outgoing.origin, outgoing.leaf, text, outgoing.salt),
        )

    def outstanding(self, origin: str) -> Sequence[Outgoing]:
        """Return the leaves for this log that are not settled, in the order in which they were kept."""
        rows = self.connection.execute(
            "SELECT CAST(leaf AS BLOB), CAST(jws AS TEXT), CAST(salt AS BLOB) FROM outbox "
            "WHERE origin = ? ORDER BY id",
            (origin,),
        )
        return [
            Outgoing(origin, leaf, stored_event(text) if text else None, salt)
            for leaf, text, salt in rows.fetchall()
        ]

    def settle(self, sent: Sent) -> None:
        """Take note of the log's answer; an own event counts as received when it was signed."""
        self._check_writing()
        outgoing = sent.outgoing
        self.connection.execute("DELETE FROM outbox WHERE leaf = ?", (outgoing.leaf,))
        if outgoing.event and sent.leaf_index is not None:
            self.add(outgoing.anchored_at(sent.leaf_index), received_at=outgoing.event.event.at)

    # --- settings

    def get(self, key: str) -> bytes | None:
        """Return a setting, or None."""
        value: bytes | None
        (value,) = self._one("SELECT CAST(value AS BLOB) FROM setting WHERE key = ?", key) or (None,)
        return value

    def set(self, key: str, value: bytes | None) -> None:
        """Store a setting; None deletes it."""
        self._check_writing()
        if value is None:
            self.connection.execute("DELETE FROM setting WHERE key = ?", (key,))
        else:
            self.connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))

    # --- within

    def _lane_of(self, anchored: AnchoredEvent) -> EventHash:
        """Return the lane that `anchored` continues, after every check that needs the events before it."""
        event, name = anchored.event.event, anchored.event.event_hash[:12]
        try:
            previous = self.event(str(event.prev))
        except NotFound as error:
            raise VerificationError("lane.gap", event=name, seq=event.seq - 1) from error
        check_successor(previous.anchored, anchored)
        of_lane = "SELECT 1 FROM event WHERE lane = ? AND "
        if self._one(of_lane + "seq = ?", previous.lane, event.seq):
            raise VerificationError("lane.fork", event=name, seq=event.seq)
        if self._one(of_lane + "seal = ?", previous.lane, event.next):
            raise VerificationError("lane.next", event=name)
        return previous.lane

    def _events(self, where: str, *values: str) -> Iterator[StoredEvent]:
        rows = self.connection.execute(_SELECT + where, values)
        return map(parse_row, rows)

    def _one(self, question: str, *values: object) -> Any:
        return self.connection.execute(question, values).fetchone()

    def _check_writing(self) -> None:
        if not self.connection.in_transaction:
            raise KonsensError("book.not_writing")
