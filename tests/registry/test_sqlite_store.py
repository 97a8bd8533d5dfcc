"""The store on disk: what it refuses to be, to forget and to wait for."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from konsens.errors import Damaged, InputError, KonsensError, Locked, NotFound
from konsens.registry import MemoryStore, SqliteStore, Store, leaf_hash, root_of
from konsens.registry.store import Tile
from konsens.registry.tiles import TileBuilder, nodes_of

from .logs import leaf, leaves


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SqliteStore.create(tmp_path / "log.sqlite", vkey="a key").close()
    return tmp_path / "log.sqlite"


def put_five(store: Store) -> None:
    with store.writing():
        store.add_entries([one.entry for one in leaves(0, 5)])
        store.add_rows([(one.seal, index) for index, one in enumerate(leaves(0, 5))])
        store.add_tiles([Tile(level=0, index=0, root=bytes(32), hashes=bytes(8192))])
        store.add_checkpoint(5, "a note")


def test_it_is_durable_by_its_settings(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        assert store._value("PRAGMA journal_mode") == "wal"
        assert store._value("PRAGMA synchronous") == 2
        assert store.vkey == "a key"


@pytest.mark.parametrize("asked", [1, 5, 501, 2000], ids="{} seals asked".format)
def test_many_seals_are_found_as_one_by_one(path: Path, asked: int) -> None:
    with closing(SqliteStore(path)) as store:
        put_five(store)
        seals = [one.seal for one in leaves(2, 7)][:asked] + [n.to_bytes(32, "big") for n in range(asked)]
        found = {seal: index for seal in seals if (index := store.broken(seal)) is not None}
        assert store.broken_many(seals) == found != {}


@pytest.mark.parametrize("spans", [1, 249, 250, 251, 700], ids="{} spans asked".format)
@pytest.mark.parametrize("kind", ["on disk", "in memory"])
def test_the_rows_of_many_spans_are_those_of_each(path: Path, kind: str, spans: int) -> None:
    with closing(SqliteStore(path) if kind == "on disk" else MemoryStore()) as store:
        put_five(store)
        asked = [
            ((n << 244).to_bytes(32, "big"), ((n + 1 << 244) - 1).to_bytes(32, "big"))
            for n in sorted(
                {int.from_bytes(one.seal[:2], "big") >> 4 for one in leaves(0, 4)} | {*range(spans)}
            )
        ][-spans:]
        one_by_one = [row for span in asked for row in store.rows([span])]
        assert list(store.rows(asked)) == sorted(one_by_one)
        assert one_by_one


@pytest.mark.parametrize("kind", ["on disk", "in memory"])
def test_the_rows_of_some_entries_come_in_the_order_of_the_log(path: Path, kind: str) -> None:
    with closing(SqliteStore(path) if kind == "on disk" else MemoryStore()) as store:
        put_five(store)
        assert store.rows_of(1, 4) == [(one.seal, index) for index, one in enumerate(leaves(1, 4), 1)]
        assert store.rows_of(5, 9) == []


@pytest.mark.parametrize("table", ["log", "entries", "tiles", "broken", "checkpoints"])
@pytest.mark.parametrize("act", ["UPDATE {} SET rowid = 99", "DELETE FROM {}"], ids=["changed", "removed"])
def test_nothing_is_changed_or_removed(path: Path, table: str, act: str) -> None:
    with closing(SqliteStore(path)) as store:
        put_five(store)
        statement = act.format(table).replace("rowid", "idx" if table == "broken" else "rowid")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store._db.execute(statement)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        pytest.param("INSERT INTO entries VALUES (9, ?)", (leaf(9).entry,), id="an entry out of order"),
        pytest.param("INSERT OR REPLACE INTO entries VALUES (2, ?)", (leaf(9).entry,), id="one replaced"),
        pytest.param("INSERT INTO entries VALUES (5, ?)", (b"hello",), id="an entry of no size"),
        pytest.param("INSERT INTO entries VALUES (5, ?)", ("x" * 129,), id="an entry that is text"),
        pytest.param("INSERT INTO broken VALUES (?, 7)", (leaf(2).seal,), id="a seal twice"),
        pytest.param("INSERT INTO broken VALUES (?, 7)", (b"short",), id="a seal of no size"),
    ],
)
def test_what_cannot_be_is_refused(path: Path, statement: str, values: tuple[object]) -> None:
    with closing(SqliteStore(path)) as store:
        put_five(store)
        with pytest.raises(sqlite3.IntegrityError):
            store._db.execute(statement, values)


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE somebody_elses (x)")


def from_a_later_version(path: Path) -> None:
    SqliteStore.create(path, vkey="").close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")


@pytest.mark.parametrize(
    ("make", "kind", "code"),
    [
        pytest.param(lambda path: None, NotFound, "registry.not_found", id="no file"),
        pytest.param(lambda path: path.mkdir(), NotFound, "registry.not_found", id="a folder"),
        pytest.param(lambda path: path.touch(), Damaged, "registry.not_a_log", id="an empty file"),
        pytest.param(lambda path: path.write_text("x" * 999), Damaged, "registry.not_a_log", id="a text"),
        pytest.param(foreign, Damaged, "registry.not_a_log", id="another program's database"),
        pytest.param(from_a_later_version, InputError, "registry.newer", id="a later version"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to read"])
def test_what_is_not_our_log_is_not_opened_and_not_touched(
    tmp_path: Path, make: Callable[[Path], None], kind: type[KonsensError], code: str, read_only: bool
) -> None:
    path = tmp_path / "other.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(kind) as refused:
        SqliteStore(path, read_only=read_only)
    assert refused.value.code == code
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_writer_that_waits_too_long_is_told_so_and_readers_go_on(path: Path) -> None:
    with closing(SqliteStore(path)) as first, closing(SqliteStore(path, wait=0.1)) as second:
        with first.writing():
            first.add_entries([leaf(0).entry])
            assert second.size() == 0  # not durable yet
            with pytest.raises(Locked) as refused, second.writing():
                pass
            assert refused.value.code == "registry.busy"
        assert second.size() == 1
        with second.writing():
            second.add_entries([leaf(1).entry])
        assert first.size() == 2


def test_a_writer_in_memory_that_waits_too_long_is_told_so() -> None:
    store = MemoryStore(wait=0.1)
    refused: list[KonsensError] = []

    def write() -> None:
        try:
            with store.writing():
                pass
        except Locked as error:
            refused.append(error)

    with store.writing():
        other = threading.Thread(target=write)
        other.start()
        other.join()
    assert [error.code for error in refused] == ["registry.busy"]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[Store]:
    chosen: Store = MemoryStore() if request.param == "memory" else SqliteStore(path)
    yield chosen
    chosen.close()


def test_a_step_that_ends_in_an_error_leaves_no_trace(store: Store) -> None:
    put_five(store)

    def fail() -> None:
        with store.writing():
            store.add_entries([leaf(5).entry])
            store.add_rows([(leaf(5).seal, 5)])
            store.add_checkpoint(6, "another note")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.size() == 5
    assert store.broken(leaf(5).seal) is None
    assert store.checkpoints(0) == [(5, "a note")]
    with store.writing():
        store.add_entries([leaf(6).entry])
    assert store.entry(5) == leaf(6).entry


def test_a_published_checkpoint_stays_as_it_is(store: Store) -> None:
    put_five(store)
    with store.writing():
        store.add_checkpoint(5, "another note")
    assert store.checkpoint() == (5, "a note")


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 66_000])
def test_tiles_give_every_node_of_the_tree(count: int) -> None:
    """Up to two levels of tiles, with the naive tree beside it."""
    entries = [number.to_bytes(33, "big") for number in range(count)]
    hashes = [leaf_hash(entry) for entry in entries]
    store = MemoryStore()
    with store.writing():
        store.add_entries(entries)
        store.add_tiles(TileBuilder().extend(hashes))
    node = nodes_of(store)
    for level in range(17):
        for index in {0, 1, (count >> level) - 2, (count >> level) - 1}:
            if 0 <= index < count >> level:
                assert node(level, index) == root_of(hashes[index << level : (index + 1) << level])


def test_nodes_that_are_asked_for_again_have_grown_with_the_log() -> None:
    hashes = [leaf_hash(number.to_bytes(33, "big")) for number in range(600)]
    store, start = MemoryStore(), 0
    node = nodes_of(store)
    for stop in (3, 4, 200, 255, 256, 300, 600):
        with store.writing():
            store.add_entries([number.to_bytes(33, "big") for number in range(start, stop)])
            store.add_tiles(TileBuilder.at(store, start).extend(hashes[start:stop]))
        start = stop
        for level in range(9):
            for index in range(stop >> level):
                assert node(level, index) == root_of(hashes[index << level : (index + 1) << level])
        assert node(0, stop) == root_of([])


def test_tiles_are_the_same_however_the_leaves_came() -> None:
    entries = [number.to_bytes(33, "big") for number in range(70_000)]
    hashes = [leaf_hash(entry) for entry in entries]
    at_once = TileBuilder().extend(hashes)
    store, stepwise, start = MemoryStore(), [], 0
    for stop in (1, 200, 256, 300, 768, 65_000, 65_536, 70_000):
        more = TileBuilder.at(store, start).extend(hashes[start:stop])
        with store.writing():
            store.add_entries(entries[start:stop])
            store.add_tiles(more)
        stepwise += more
        start = stop
    assert set(stepwise) == set(at_once)
    assert len(at_once) == 70_000 // 256 + 1


def test_evidence_on_a_medium_that_nothing_can_write_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore.create(tmp_path / "log.sqlite", vkey="x")
    with store.writing():
        store.add_entries([bytes(33)])
    opened: list[str] = []
    connect = sqlite3.connect

    def noted(place: str, **more: Any) -> sqlite3.Connection:
        opened.append(place)
        found: sqlite3.Connection = connect(place, **more)
        return found

    monkeypatch.setattr(sqlite3, "connect", noted)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    # What still lies in the WAL would be passed over: then it is opened as ever.
    SqliteStore(tmp_path / "log.sqlite", read_only=True).close()
    store.close()
    with closing(SqliteStore(tmp_path / "log.sqlite", read_only=True)) as copy:
        assert copy.size() == 1
        assert copy.strange() == []
    modes = [place.rpartition("?")[2] for place in opened if "?" in place]
    assert modes == ["mode=ro", "mode=ro&immutable=1"]
