"""The tables: what they refuse to be, to forget and to share; how they are made and kept up to date."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from konsens.errors import Conflict, Damaged, InputError, Locked, NotFound, Unavailable
from konsens.registry import NoteSigner, SealLog, SignerHead, render_vkey
from konsens.registry.postgres import Intake, PostgresStore, create_postgres, migrate_schema, open_postgres
from konsens.registry.postgres.schema import create_log, migrations
from tests.registry.logs import AT, SIGNER, VKEY, later, leaf, leaves, public

from .nodes import Node
from .running import Log, until

TABLES = ["log", "entries", "entries_0", "published", "broken", "tiles", "checkpoints"]


@pytest.fixture(scope="module")
def filled(server: Node, tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Make a log with something in every table. The tests leave it as it is."""
    log = Log.create(server.dsn, "filled", tmp_path_factory.mktemp("filled"))
    with open_postgres(log.dsn, schema="filled") as own:
        own.append([*leaves(0, 300), public(1)])
        own.publish(SIGNER, at=AT, remembered=log.remembered)
    return log


@pytest.fixture
def db(filled: Log) -> Iterator[psycopg.Connection]:
    with psycopg.connect(filled.dsn, autocommit=True, options="-csearch_path=filled") as connection:
        yield connection


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("act", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nothing_is_changed_or_removed(db: psycopg.Connection, table: str, act: str) -> None:
    column = {"log": "vkey", "checkpoints": "note", "broken": "seal", "published": "digest"}.get(table, "idx")
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        db.execute(act.format(table, column, column))


@pytest.mark.parametrize(
    "act",
    [
        pytest.param("DELETE FROM head", id="removed"),
        pytest.param("TRUNCATE head", id="emptied"),
        pytest.param("UPDATE head SET size = size - 1", id="moved back"),
        pytest.param(
            "UPDATE head SET root = decode(repeat('00', 32), 'hex')", id="the same size, another root"
        ),
    ],
)
def test_the_head_only_grows(db: psycopg.Connection, act: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        db.execute(act)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        pytest.param("entries", (309, leaf(900).entry), id="an entry out of order"),
        pytest.param("entries_0", (309, leaf(900).entry), id="the same, straight into its partition"),
        pytest.param("entries", (2, leaf(900).entry), id="an entry in the place of another"),
        pytest.param("entries", (302, b"hello"), id="an entry of no size"),
        pytest.param("entries", (-1, leaf(900).entry), id="an entry before the first"),
        pytest.param("entries", (1 << 40, leaf(900).entry), id="an entry far beyond"),
        pytest.param("broken", (leaf(2).seal, 302), id="a seal twice"),
        pytest.param("broken", (b"short", 302), id="a seal of no size"),
        pytest.param("published", (public(1).digest, 302), id="a document twice"),
        pytest.param("tiles", (0, 0, bytes(32), bytes(8192)), id="a tile twice"),
        pytest.param("tiles", (0, 9, bytes(32), bytes(8191)), id="a tile that is not full"),
        pytest.param("checkpoints", (302, "another"), id="a checkpoint of the same size"),
        pytest.param("log", (False, "x", 1), id="a second log"),
        pytest.param("head", (False, 0, bytes(32), 0), id="a second head"),
    ],
)
def test_what_cannot_be_is_refused(db: psycopg.Connection, table: str, values: tuple[object, ...]) -> None:
    marks = ", ".join(["%s"] * len(values))
    with pytest.raises((psycopg.errors.RaiseException, psycopg.errors.IntegrityError)):
        db.execute(f"INSERT INTO {table} VALUES ({marks})", values)


def test_a_database_that_answers_what_cannot_be_is_damage(filled: Log) -> None:
    with closing(filled.store()) as store:

        def twice() -> None:
            with store.writing():
                store.add_rows([(leaf(2).seal, 400)])

        with pytest.raises(Damaged) as refused:
            twice()
        assert refused.value.code == "registry.damaged"
        assert store.row_count(0) == 300


def test_partitions_are_made_ahead_and_every_entry_is_found(server: Node, schema: str) -> None:
    store = PostgresStore.create(server.dsn, schema=schema, vkey=render_vkey(VKEY), entries_per_partition=50)
    with closing(SealLog(store, VKEY)) as log:
        for start in (0, 30, 49, 51, 100, 260, 261):
            log.append(leaves(start, start + 40))
        assert [entry for _, entry in log.events_since(0)] == store.entries(0, 999)
        parts = server.do(f"SELECT count(*) FROM pg_inherits WHERE inhparent = '{schema}.entries'::regclass")
        assert parts == [(store.size() // 50 + 2,)]
        assert store.entries(45, 55) == [store.entry(index) for index in range(45, 55)]
        assert [store.head_below(9), store.head_from(0)] == [None, None]


def test_two_logs_of_one_database_do_not_know_of_each_other(server: Node, tmp_path: Path) -> None:
    other = NoteSigner("log.other.example", bytes(31) + b"\7")
    with (
        create_postgres(server.dsn, schema="ours", signer=SIGNER) as ours,
        create_postgres(server.dsn, schema="theirs", signer=other) as theirs,
        Log(server.dsn, "ours", tmp_path).sequencer(),  # and each has its own lock
    ):
        theirs.append([public(1)])
        assert (ours.size(), theirs.size()) == (0, 1)
        assert (ours.origin, theirs.origin) == (SIGNER.name, other.name)


def test_a_writer_that_waits_too_long_is_told_so_and_readers_go_on(server: Node, schema: str) -> None:
    create_postgres(server.dsn, schema=schema, signer=SIGNER).close()
    with (
        closing(PostgresStore(server.dsn, schema=schema)) as first,
        closing(PostgresStore(server.dsn, schema=schema, wait=0.1)) as second,
    ):
        with first.writing():
            first.add_entries([leaf(0).entry])
            assert second.size() == 0
            with pytest.raises(Locked) as refused, second.writing():
                pass
            assert refused.value.code == "registry.busy"
        assert second.size() == 1
        with second.writing():
            second.add_entries([leaf(1).entry])
        assert first.size() == 2
        assert first.entries(0, 9) == [leaf(0).entry, leaf(1).entry]


def test_many_writers_take_turns(server: Node, schema: str) -> None:
    create_postgres(server.dsn, schema=schema, signer=SIGNER).close()

    def write(number: int) -> list[int]:
        with open_postgres(server.dsn, schema=schema) as log:
            return [log.append([leaf(10 * number + n)])[0] for n in range(10)]

    with ThreadPoolExecutor(4) as pool:
        places = [place for some in pool.map(write, range(4)) for place in some]
    assert sorted(places) == list(range(40))
    Log(server.dsn, schema, Path()).check()


def test_the_newest_cosigned_note_is_kept(filled: Log) -> None:
    with open_postgres(filled.dsn, schema="filled") as log:
        newest = log.checkpoint()
        assert newest is not None
        assert log.cosigned() is None
        log.keep_cosigned(newest.note)
        assert log.cosigned() == newest.note
        log.append([public(7)])
        later_one = log.publish(SIGNER, at=later(1), remembered=filled.remembered)
        log.keep_cosigned(later_one.note)
        log.keep_cosigned(newest.note)
        assert log.cosigned() == later_one.note


# --- making it, and what is no log ---


def test_migrations_are_applied_once_also_by_two_at_once(server: Node, schema: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        applied = list(pool.map(lambda _: migrate_schema(server.dsn, schema), range(2)))
    assert sorted(applied) == [[], [one.number for one in migrations()]]
    assert migrate_schema(server.dsn, schema) == []


def test_a_schema_that_has_a_log_gets_no_second_one(server: Node, schema: str) -> None:
    create_log(server.dsn, schema, vkey=render_vkey(VKEY))
    with pytest.raises(Conflict) as refused:
        create_log(server.dsn, schema, vkey=render_vkey(VKEY))
    assert refused.value.code == "registry.exists"


@pytest.mark.parametrize("schema_name", ["", "Upper", "1st", "a-b", "pg_toast", "a" * 41, 'x"; DROP', "ä"])
def test_a_name_that_could_be_misread_is_no_schema(schema_name: str) -> None:
    with pytest.raises(InputError) as refused:
        open_postgres("host=/nowhere", schema=schema_name)
    assert refused.value.code == "postgres.schema_name"


@pytest.mark.parametrize("made", ["nothing", "an empty schema", "tables without a log", "older tables"])
def test_where_there_is_no_log_none_is_opened(server: Node, schema: str, made: str) -> None:
    if made != "nothing":
        server.do(f"CREATE SCHEMA {schema}")
    if made in ("tables without a log", "older tables"):
        migrate_schema(server.dsn, schema)
    if made == "older tables":
        server.do(f"DELETE FROM {schema}.migrations")
    with pytest.raises(NotFound) as refused:
        open_postgres(server.dsn, schema=schema)
    assert refused.value.code == "postgres.no_log"


def test_tables_of_a_newer_konsens_are_not_opened(server: Node, schema: str) -> None:
    create_log(server.dsn, schema, vkey=render_vkey(VKEY))
    server.do(f"INSERT INTO {schema}.migrations VALUES (999, '')")
    with pytest.raises(InputError) as refused:
        open_postgres(server.dsn, schema=schema)
    assert refused.value.code == "registry.newer"


def test_tables_that_were_made_by_another_file_are_not_opened(server: Node, schema: str) -> None:
    create_log(server.dsn, schema, vkey=render_vkey(VKEY))
    server.do(f"UPDATE {schema}.migrations SET digest = '' WHERE number = 1")
    with pytest.raises(Damaged) as refused:
        open_postgres(server.dsn, schema=schema)
    assert refused.value.code == "registry.damaged"


def test_a_key_that_cannot_be_read_is_damage(server: Node, schema: str) -> None:
    create_log(server.dsn, schema, vkey="not a key")
    with pytest.raises(Damaged) as refused:
        open_postgres(server.dsn, schema=schema)
    assert refused.value.code == "registry.vkey"


def test_a_server_that_is_not_there_is_unknown_and_comes_back(node: Node, schema: str) -> None:
    with create_postgres(node.dsn, schema=schema, signer=SIGNER) as log:
        log.append([leaf(1)])
        node.stop()
        for _ in range(2):
            with pytest.raises(Unavailable) as refused:
                log.size()
            assert refused.value.code == "registry.cannot_write"
        with pytest.raises(Unavailable):
            open_postgres(node.dsn, schema=schema)
        node.start()
        assert log.size() == 1
        assert log.append([leaf(2)]) == [1]


# --- roles ---


def test_each_role_may_do_its_part_and_no_more(node: Node, tmp_path: Path) -> None:
    """The statements are those of the page for operators."""
    log = Log.create(node.dsn, "konsens", tmp_path)
    page = Path(__file__).resolve().parents[3] / "docs" / "registry-postgres.md"
    statements = page.read_text("utf-8").partition("```sql\n-- roles\n")[2].partition("```")[0]
    with psycopg.connect(node.dsn, autocommit=True) as db:
        db.execute(statements)
    dsn = node.dsn.replace("user=postgres", "user={}").format
    stop = threading.Event()
    own = Log(dsn("konsens_sequencer"), "konsens", tmp_path)
    with own.sequencer(publish_every=0) as sequencer:
        thread = threading.Thread(target=sequencer.run, args=(stop,))
        thread.start()
        with Intake(dsn("konsens_intake"), VKEY, schema="konsens") as intake:
            intake.append(leaves(0, 600))  # beyond the first partition
            intake.append(leaves(0, 3))
        with open_postgres(dsn("konsens_reader"), schema="konsens") as reader:
            until(reader.checkpoint)
            assert reader.prove_inclusion(0)
        stop.set()
        thread.join()
    for role in ("konsens_intake", "konsens_reader"):
        with open_postgres(dsn(role), schema="konsens") as meddler, pytest.raises(Unavailable) as refused:
            meddler.append([leaf(9999)])
        assert "permission denied" in refused.value.message()
    with psycopg.connect(dsn("konsens_reader")) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("SELECT * FROM konsens.pending")
    with psycopg.connect(dsn("konsens_sequencer")) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("ALTER TABLE konsens.entries DISABLE TRIGGER stays")
    assert SignerHead(log.remembered.path).load(SIGNER.name) is not None
    assert len(log.check()) > 600


@pytest.mark.parametrize("how", ["only its own roles", "only who writes may lock"])
def test_a_role_that_the_page_keeps_out_cannot_stop_the_log(server: Node, how: str) -> None:
    name = f"kept_out_{len(how)}"
    for role in ("konsens_reader", "konsens_intake", "konsens_sequencer", "outsider"):
        with suppress(psycopg.errors.DuplicateObject):
            server.do(f"CREATE ROLE {role} LOGIN")
    server.do(f"CREATE DATABASE {name}")
    dsn = server.dsn.replace("dbname=postgres", f"dbname={name}")
    page = Path(__file__).resolve().parents[3] / "docs" / "registry-postgres.md"
    statements = page.read_text("utf-8").partition(f"```sql\n-- {how}\n")[2].partition("```")[0]
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(statements.replace("DATABASE konsens", f"DATABASE {name}"))
    with pytest.raises(psycopg.Error, match="permission denied"):
        lock_as(dsn, "outsider")
    lock_as(dsn, "konsens_sequencer")


def lock_as(dsn: str, role: str) -> None:
    with psycopg.connect(dsn.replace("user=postgres", f"user={role}")) as db:
        db.execute("SELECT pg_try_advisory_lock(1)")
