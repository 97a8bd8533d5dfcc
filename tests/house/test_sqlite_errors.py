"""Every failure of an SQLite file is told apart by whether waiting, room or permission would mend it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from konsens.sqlite_errors import Cause, cause_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE thing (body BLOB)")
    return path


def held_by_another(path: Path) -> None:
    with closing(connect(path)) as other, closing(connect(path)) as db:
        other.execute("BEGIN IMMEDIATE")
        db.execute("BEGIN IMMEDIATE")


def filled(path: Path) -> None:
    with closing(connect(path)) as db:
        db.execute("PRAGMA max_page_count = 3")
        db.execute("INSERT INTO thing VALUES (zeroblob(100000))")


def closed_to_writers(path: Path) -> None:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        db.execute("INSERT INTO thing VALUES (1)")


def gone(path: Path) -> None:
    sqlite3.connect(path.parent / "nowhere" / "file.sqlite")


def overwritten(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    with closing(connect(path)) as db:
        db.execute("SELECT * FROM thing")


def without_its_table(path: Path) -> None:
    with closing(connect(path)) as db:
        db.execute("SELECT * FROM nowhere")


def used_after_its_end(path: Path) -> None:
    db = connect(path)
    db.close()
    db.execute("SELECT 1")


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=0)


@pytest.mark.parametrize(
    ("fail", "cause", "problem"),
    [
        (held_by_another, "busy", "SQLITE_BUSY"),
        (filled, "full", "SQLITE_FULL"),
        (closed_to_writers, "storage", "SQLITE_READONLY"),
        (gone, "storage", "SQLITE_CANTOPEN"),
        (overwritten, "damaged", "SQLITE_NOTADB"),
        (without_its_table, "damaged", "SQLITE_ERROR"),
        (used_after_its_end, "damaged", "ProgrammingError"),  # Python's own, without a code
    ],
)
def test_a_failure_has_its_cause(
    path: Path, fail: Callable[[Path], None], cause: Cause, problem: str
) -> None:
    with pytest.raises(sqlite3.Error) as failed:
        fail(path)
    assert cause_of(failed.value) == (cause, problem)


@pytest.mark.parametrize(
    ("extended", "cause"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "busy"),
        (sqlite3.SQLITE_IOERR_FSYNC, "storage"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "storage"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "damaged"),
    ],
)
def test_an_extended_code_goes_with_its_primary_one(extended: int, cause: Cause) -> None:
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = extended
    assert cause_of(error)[0] == cause
