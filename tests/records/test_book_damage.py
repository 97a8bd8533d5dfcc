"""Killed, filled up, written by two, flipped bit by bit: the book verifies, or says what is wrong."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from konsens.errors import KonsensError, NotFound, Unavailable
from konsens.records import Book, check_book
from tests.records.parties import AT, ORIGIN, Writer
from tests.records.writers import CONTEXT, create, grow_a_lane


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.sqlite"


def put(book: Book, settings: dict[str, bytes]) -> None:
    with book.write():
        for key, value in settings.items():
            book.set(key, value)


def kill_a_writer(path: Path, seed: bytes, chance: random.Random) -> int:
    """Start a writer, kill it somewhere, and return how many events it told of."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=grow_a_lane, args=(path, seed, theirs))
    process.start()
    theirs.close()
    told = [ours.recv()]
    time.sleep(chance.random() * 0.03)
    process.kill()
    process.join()
    try:
        while True:
            told.append(ours.recv())
    except EOFError:
        ours.close()
    return len(told)


def survive_kills(path: Path, times: int) -> None:
    Book.create(path).close()
    chance = random.Random(7)
    most = 0
    for _ in range(times):
        told = most = max(most, kill_a_writer(path, bytes(64), chance))
        with Book.open(path) as book:
            count = check_book(book)
            assert count >= told, "an event that was told to be durable is gone"
            assert book.get("last 0") is not None
            assert len(book.outstanding(ORIGIN)) == count, "a transaction was torn"


def test_forty_kills_lose_nothing(path: Path) -> None:
    survive_kills(path, 40)


@pytest.mark.long
def test_five_hundred_kills_lose_nothing(path: Path) -> None:
    survive_kills(path, 500)


def test_a_making_that_was_killed_can_be_made_again(path: Path) -> None:
    chance = random.Random(7)
    for _ in range(15):
        ours, theirs = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=create, args=(path, theirs))
        process.start()
        ours.recv()
        time.sleep(chance.random() * 0.01)
        process.kill()
        process.join()
        try:
            book = Book.open(path)
        except NotFound:
            book = Book.create(path)
        with book:
            assert check_book(book) == 0
        for file in path.parent.iterdir():
            file.unlink()


def test_two_processes_write_and_nothing_is_lost(path: Path) -> None:
    Book.create(path).close()
    pipes, processes = [], []
    for number in (1, 2):
        ours, theirs = CONTEXT.Pipe(duplex=False)
        processes.append(CONTEXT.Process(target=grow_a_lane, args=(path, bytes([number]) * 64, theirs)))
        processes[-1].start()
        pipes.append(ours)
    for pipe in pipes:
        while pipe.recv() != (20, True):
            pass
    for process in processes:
        process.kill()
        process.join()
    with Book.open(path) as book:
        assert check_book(book) >= 42
        assert len({stored.lane for stored in book.events()}) == 2


def test_a_full_disk_changes_nothing_and_is_named(path: Path) -> None:
    with Book.create(path) as book:
        with book.write():
            book.set("before", b"1")
        pages = book.connection.execute("PRAGMA page_count").fetchone()[0]
        book.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(Unavailable) as caught:
            put(book, {f"key {number}": bytes(1000) for number in range(100)})
        assert caught.value.code == "book.disk_full"
        assert not book.connection.in_transaction
        assert (book.get("before"), book.get("key 0")) == (b"1", None)
        book.connection.execute("PRAGMA max_page_count = 1000000")
        with book.write():
            book.set("after", bytes(100_000))
    with Book.open(path) as book:
        assert check_book(book) == 0
        assert book.get("after") == bytes(100_000)


def test_a_book_that_must_not_be_written_is_named(path: Path) -> None:
    with Book.create(path) as book:
        book.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(Unavailable) as caught, book.write():
            book.set("key", b"value")
        assert caught.value.code == "book.storage"


def book_in_one_file(path: Path) -> tuple[bytes, int]:
    writer = Writer()
    with Book.create(path) as book, book.write():
        for _ in range(3):
            book.add(writer.add("given"), received_at=AT)
        book.keep(Writer(seed=b"\x01" * 64).outgoing("given"))
        book.set("key", b"value")
    return path.read_bytes(), 3


def read_all(path: Path) -> int:
    with Book.open(path) as book:
        book.outstanding(ORIGIN)
        book.get("key")
        for stored in book.events():
            book.lane(stored.lane)
        return check_book(book)


def test_a_flipped_bit_is_never_a_traceback(path: Path) -> None:
    """Each byte of the header and of every page's head, and a sample of the rest."""
    whole, count = book_in_one_file(path)
    chance = random.Random(7)
    places = [place for place in range(len(whole)) if place < 100 or place % 4096 < 40]
    places += chance.sample(range(len(whole)), 300)
    named = []
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        try:
            assert read_all(path) == count
        except KonsensError as error:
            named.append(error.code)
    assert len(named) > 100
    assert {code.partition(".")[0] for code in named} <= {"book", "lane"}


@pytest.mark.parametrize("size", [0, 1, 99, 100, 4095, 4096, 8192, -1])
def test_a_file_that_was_cut_off_is_named(path: Path, size: int) -> None:
    whole, _ = book_in_one_file(path)
    path.write_bytes(whole[:size])
    with pytest.raises(KonsensError) as caught:
        read_all(path)
    assert caught.value.code.startswith("book.")


def test_damaged_bytes_in_the_message_of_sqlite_do_no_harm(path: Path) -> None:
    """SQLite names the table whose definition it cannot read, and here the name is no text."""
    whole, _ = book_in_one_file(path)
    assert whole.count(b"tablesettingsetting") == 1
    broken = whole.replace(b"tablesettingsetting", b"table\xff\xfe\xfdtingsetting")
    path.write_bytes(broken.replace(b"CREATE TABLE setting", b"CREATE TABLX setting"))
    with pytest.raises(KonsensError) as caught:
        read_all(path)
    assert caught.value.code == "book.damaged"
