"""The book: what goes in comes out, once, in its lane, and nothing outside a transaction."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from konsens.errors import Conflict, Damaged, InputError, KonsensError, Locked, NotFound
from konsens.records import AnchoredEvent, Book, Empty, Lane, check_book, prepare_break
from tests.records.parties import AT, COMPANY, CONSENT, COURIER, ORIGIN, RELATION, Writer

replace = msgspec.structs.replace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.sqlite"


@pytest.fixture
def book(path: Path) -> Iterator[Book]:
    with Book.create(path) as book:
        yield book


def lane_of(length: int, *, seed: int = 0) -> list[AnchoredEvent]:
    writer = Writer(seed=bytes([seed]) * 64)
    for number in range(length):
        kind, content = ("withdrawn", [Empty()]) if number % 2 else ("given", [])
        writer.add(kind, *content, index=10 * number + seed)  # type: ignore[arg-type]  # both are types of events
    return writer.events


def put(book: Book, *events: AnchoredEvent) -> list[bool]:
    with book.write():
        return [book.add(event, received_at=AT + timedelta(hours=1)) for event in events]


def refused(call: Callable[..., object], *args: object) -> str:
    with pytest.raises(KonsensError) as caught:
        call(*args)
    return caught.value.code


# --- events


def test_an_event_comes_back_as_it_went_in(book: Book) -> None:
    (anchored,) = lane_of(1)
    assert put(book, anchored) == [True]
    stored = book.event(anchored.event.event_hash)
    assert stored.anchored == anchored
    assert stored.received_at == AT + timedelta(hours=1)
    assert stored.record == CONSENT.record_id
    assert (stored.lane, stored.seq, stored.type) == (anchored.event.event_hash, 0, "given")
    assert book.has(anchored.event.event_hash)
    assert check_book(book) == 1


def test_the_same_event_again_changes_nothing(book: Book) -> None:
    events = lane_of(3)
    assert put(book, *events) == [True, True, True]
    assert put(book, *events) == [False, False, False]
    assert put(book, events[1], events[0], events[2]) == [False, False, False]
    assert check_book(book) == 3


def test_an_unknown_event_is_named(book: Book) -> None:
    assert not book.has("ab" * 32)
    for ask in (book.event, book.lane):
        with pytest.raises(NotFound) as caught:
            ask("ab" * 32)
        assert caught.value.code == "book.no_event"
    assert book.lanes("ab" * 16) == []
    assert list(book.events()) == []


def test_lanes_and_matters_come_back_whole(book: Book) -> None:
    mine = lane_of(3)
    company = Writer(signer=COMPANY, seed=b"\x05" * 64)
    company.add("withdrawn", COURIER, index=7)
    relation = Writer(RELATION, seed=b"\x06" * 64)
    relation.add("opened", Empty(), index=8)
    put(book, *mine, *company.events, *relation.events)
    assert book.lane(mine[0].event.event_hash) == Lane(tuple(mine))
    assert book.lanes(CONSENT.record_id) == [Lane(tuple(mine)), Lane(tuple(company.events))]
    assert [stored.leaf_index for stored in book.events()] == [0, 7, 8, 10, 20]
    assert [stored.leaf_index for stored in book.events(CONSENT.record_id)] == [0, 7, 10, 20]
    assert check_book(book) == 5


def test_an_event_without_the_one_before_it_is_refused(book: Book) -> None:
    events = lane_of(3)
    assert refused(put, book, events[1]) == "lane.gap"
    put(book, events[0])
    assert refused(put, book, events[2]) == "lane.gap"


def test_a_wrong_successor_is_refused(book: Book) -> None:
    first, second = lane_of(2)
    put(book, first)
    assert refused(put, book, replace(second, leaf_index=0)) == "lane.order"


def test_two_successors_of_one_event_are_a_fork(book: Book) -> None:
    writer = Writer()
    put(book, writer.add("given"))
    fork = writer.outgoing("withdrawn", Empty(), target="cd" * 32).anchored_at(99)
    put(book, writer.add("withdrawn", Empty()))
    assert refused(put, book, fork) == "lane.fork"


def test_a_seal_of_the_lane_is_not_opened_again(book: Book) -> None:
    writer = Writer()
    put(book, writer.add("given"), writer.add("withdrawn", Empty()), writer.add("given"))
    again = writer.add("withdrawn", Empty(), next=writer.seal(0))
    assert refused(put, book, again) == "lane.next"


def test_two_events_cannot_claim_one_leaf(book: Book) -> None:
    (one,), (other,) = lane_of(1), lane_of(1, seed=1)
    put(book, one)
    with pytest.raises(Conflict) as caught:
        put(book, replace(other, leaf_index=one.leaf_index))
    assert caught.value.code == "book.leaf_taken"
    assert check_book(book) == 1


# --- transactions


def test_nothing_is_changed_outside_a_transaction(book: Book) -> None:
    (anchored,) = lane_of(1)
    for change in (
        lambda: book.add(anchored, received_at=AT),
        lambda: book.set("key", b"value"),
        lambda: book.keep(Writer().outgoing("given")),
    ):
        assert refused(change) == "book.not_writing"


def test_a_transaction_within_another_is_refused(book: Book) -> None:
    with book.write():
        book.set("a", b"1")
        with pytest.raises(KonsensError) as caught, book.write():
            pass  # pragma: no cover
        assert caught.value.code == "book.nested"
        book.set("b", b"2")
    assert (book.get("a"), book.get("b")) == (b"1", b"2")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, NotFound])
def test_a_transaction_that_fails_never_happened(book: Book, error: type[BaseException]) -> None:
    with pytest.raises(error):
        put_and_fail(book, error)
    assert book.get("key") is None
    assert list(book.events()) == []
    put(book, *lane_of(1))


def put_and_fail(book: Book, error: type[BaseException]) -> None:
    with book.write():
        book.set("key", b"value")
        book.add(lane_of(1)[0], received_at=AT)
        raise error("book.no_event")


def test_readers_wait_for_nobody_and_see_what_was_committed(book: Book, path: Path) -> None:
    with Book.open(path) as reader:
        with book.write():
            book.set("key", b"new")
            assert reader.get("key") is None
        assert reader.get("key") == b"new"


def test_a_second_writer_waits_and_then_says_who_is_in_the_way(book: Book, path: Path) -> None:
    with Book.open(path, wait=0.01) as other, book.write():
        with pytest.raises(Locked) as caught, other.write():
            pass  # pragma: no cover
        assert caught.value.code == "book.busy"
        book.set("key", b"value")
    with Book.open(path) as other, other.write():
        other.set("key", b"other")


# --- settings


def test_settings_are_kept_replaced_and_deleted(book: Book) -> None:
    for value in (b"", b"a", bytes(range(256)), None, b"b"):
        with book.write():
            book.set("key", value)
        assert book.get("key") == value


# --- the file


def test_a_book_is_its_owners_only(path: Path) -> None:
    with Book.create(path) as book:
        put(book, *lane_of(2))
        names = [file.name for file in path.parent.iterdir()]
        assert sorted(names) == ["book.sqlite", "book.sqlite-shm", "book.sqlite-wal"]
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    with Book.open(path) as book:
        assert check_book(book) == 2


def test_a_blank_file_of_others_becomes_its_owners_only(path: Path) -> None:
    path.touch(0o644)
    with Book.create(path) as book:
        put(book, *lane_of(1))
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_what_a_commit_promised_survives_losing_power(book: Book) -> None:
    settings = {
        name: book.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "secure_delete")
    }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "secure_delete": 1,
    }


def test_every_table_is_strict(book: Book) -> None:
    tables = book.connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    assert {name for name, strict in tables if not strict} == {"sqlite_schema"}


def test_a_book_is_made_once(path: Path) -> None:
    Book.create(path).close()
    with pytest.raises(Conflict) as caught:
        Book.create(path)
    assert caught.value.code == "book.exists"


def test_what_is_no_book_is_not_opened(path: Path, tmp_path: Path) -> None:
    assert refused(Book.open, path) == "book.missing"
    assert refused(Book.open, tmp_path) == "book.missing"
    assert refused(Book.create, tmp_path / "nowhere" / "book.sqlite") == "book.storage"
    path.write_bytes(b"")
    assert refused(Book.open, path) == "book.missing"
    Book.create(path).close()
    path.write_bytes(b"SQLite format 3\x00 but not really" + bytes(5000))
    with pytest.raises(Damaged):
        Book.open(path)
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE a (b)")
    other.close()
    for call in (Book.open, Book.create):
        with pytest.raises((Damaged, Conflict)) as caught:
            call(tmp_path / "other.sqlite")
        assert caught.value.code in ("book.not_a_book", "book.exists")


# --- other packages' tables

STEP_ONE = """
CREATE TABLE notice (id TEXT PRIMARY KEY, text TEXT NOT NULL DEFAULT 'a;b') STRICT;
CREATE TRIGGER notice_stays BEFORE DELETE ON notice
BEGIN SELECT raise(ABORT, 'notices stay;'); SELECT 1; END;
"""
STEP_TWO = "ALTER TABLE notice ADD COLUMN language TEXT NOT NULL DEFAULT 'de'"


def test_packages_bring_tables_of_their_own(path: Path) -> None:
    with Book.create(path, migrations={"consent": [STEP_ONE]}) as book:
        with book.write() as connection:
            connection.execute("INSERT INTO notice (id) VALUES ('newsletter')")
        with pytest.raises(sqlite3.IntegrityError), book.write() as connection:
            connection.execute("DELETE FROM notice")
    for _ in range(2):
        with Book.open(path, migrations={"consent": [STEP_ONE, STEP_TWO]}) as book:
            rows = book.connection.execute("SELECT * FROM notice").fetchall()
            assert rows == [("newsletter", "a;b", "de")]
    Book.open(path).close()


def test_a_book_of_a_newer_version_is_refused(path: Path) -> None:
    Book.create(path, migrations={"consent": [STEP_ONE, STEP_TWO]}).close()
    with pytest.raises(InputError) as caught:
        Book.open(path, migrations={"consent": [STEP_ONE]})
    assert caught.value.code == "book.newer"


def test_a_step_that_fails_leaves_the_tables_as_they_were(path: Path) -> None:
    Book.create(path, migrations={"consent": [STEP_ONE]}).close()
    with pytest.raises(KonsensError):
        Book.open(path, migrations={"consent": [STEP_ONE, STEP_TWO + "; CREATE TABLE wrong ("]})
    with Book.open(path, migrations={"consent": [STEP_ONE, STEP_TWO]}) as book:
        assert book.connection.execute("SELECT language FROM notice").fetchall() == []


def test_whatever_another_package_asks_its_errors_have_our_names(book: Book) -> None:
    for ask in (
        lambda: book.connection.execute("SELECT nothing FROM nowhere"),
        lambda: book.connection.executemany("INSERT INTO nowhere VALUES (?)", [(1,)]),
        lambda: book.connection.cursor().execute("no question"),
    ):
        assert refused(ask) == "book.damaged"
    with book.write() as connection:
        connection.executemany("INSERT INTO setting VALUES (?, ?)", [("a", b"1"), ("b", b"2")])
    assert list(book.connection.execute("SELECT key FROM setting ORDER BY key")) == [("a",), ("b",)]


# --- what check_book finds


TAMPERED = [
    ("another salt", "UPDATE event SET salt = zeroblob(32)", "book.event"),
    ("another leaf", "UPDATE event SET leaf = zeroblob(129)", "book.event"),
    ("another event's bytes", "UPDATE event SET jws = (SELECT jws FROM event WHERE seq = 1)", "book.event"),
    ("a changed letter", "UPDATE event SET jws = replace(jws, 'e', 'f') WHERE seq = 0", "book.event"),
    ("no event at all", "UPDATE event SET jws = '' WHERE seq = 1", "book.event"),
    ("an event missing", "DELETE FROM event WHERE seq = 1", "book.event"),
    ("the beginning missing", "DELETE FROM event WHERE seq = 0", "book.event"),
    ("filed under another matter", f"UPDATE event SET record = '{'0' * 32}' WHERE seq = 1", "book.event"),
    ("filed under another signer", "UPDATE event SET signer = 'did:key:z6Mkx' WHERE seq = 1", "book.event"),
    ("filed under another time", "UPDATE event SET at = at + 1 WHERE seq = 2", "book.event"),
    ("filed under another seal", f"UPDATE event SET seal = '{'0' * 64}' WHERE seq = 2", "book.event"),
    ("filed under another lane", f"UPDATE event SET lane = '{'0' * 64}'", "book.event"),
    ("filed under another log", "UPDATE event SET origin = 'log.b.example' WHERE seq = 2", "book.event"),
    ("an order that cannot be", "UPDATE event SET leaf_index = 5 WHERE seq = 2", "book.event"),
    ("a time beyond all times", f"UPDATE event SET received_at = {1 << 60} WHERE seq = 0", "book.event"),
]


@pytest.mark.parametrize(("change", "code"), [pytest.param(c, code, id=name) for name, c, code in TAMPERED])
def test_a_changed_row_is_found(book: Book, change: str, code: str) -> None:
    put(book, *lane_of(3))
    with book.write() as connection:
        connection.execute(change)
    with pytest.raises(Damaged) as caught:
        check_book(book)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("leaf = zeroblob(129)", id="no leaf"),
        pytest.param("origin = 'log.b.example'", id="another log"),
        pytest.param("salt = zeroblob(32)", id="another salt"),
        pytest.param("jws = 'a.b.c'", id="no event"),
    ],
)
def test_a_changed_leaf_on_its_way_is_found(book: Book, change: str) -> None:
    with book.write():
        book.keep(Writer().outgoing("given"))
        book.keep(prepare_break(bytes(32), seal_key=bytes(32), origin=ORIGIN))
    assert check_book(book) == 0
    with book.write() as connection:
        connection.execute(f"UPDATE outbox SET {change} WHERE id = 1")
    with pytest.raises(Damaged) as caught:
        check_book(book)
    assert caught.value.code == "book.event"
