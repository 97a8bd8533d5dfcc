"""The SQLite file under a book: how it is made and opened, and how its failures are named."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from ..errors import Conflict, Damaged, InputError, KonsensError, Locked, NotFound, Unavailable
from ..sqlite_errors import cause_of

__all__ = ["Connection", "Migrations", "create_file", "migrate", "open_file", "transaction"]

Migrations = Mapping[str, Sequence[str]]
"""By package, the SQL scripts that made its tables, oldest first; they are only ever added to."""

APPLICATION_ID: Final = 0x6B6F6E62  # "konb"
STATEMENTS = 256  # prepared statements that a connection keeps: more than all packages together use

P = ParamSpec("P")
R = TypeVar("R")


def create_file(path: Path, *, wait: float) -> sqlite3.Connection:
    """Make an empty book that only its owner can read, and open it; `book.exists` if there is one."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        with os.fdopen(handle):
            if not os.fstat(handle).st_size:  # it may have been there; what SQLite puts beside it is like it
                os.fchmod(handle, 0o600)
    except OSError as error:
        raise Unavailable("book.storage", problem=error.strerror) from error
    db = _connect(path, wait)
    try:
        # A making that was cut short leaves a blank file, and making it again succeeds.
        if not _is_blank(db):
            raise Conflict("book.exists", path=path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except BaseException:
        db.close()
        raise
    return db


def open_file(path: Path, *, wait: float) -> sqlite3.Connection:
    """Open the book at `path`: `book.missing`, `book.not_a_book`, `book.damaged`."""
    if not path.is_file():
        raise NotFound("book.missing", path=path)
    db = _connect(path, wait)
    try:
        if _is_blank(db):
            raise NotFound("book.missing", path=path)
        if _number(db, "PRAGMA application_id") != APPLICATION_ID:
            raise Damaged("book.not_a_book", path=path)
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Make everything within one durable step, or none of it, as the only writer."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:  # after some errors SQLite has rolled back by itself
            db.execute("ROLLBACK")


def migrate(db: sqlite3.Connection, migrations: Migrations) -> None:
    """Bring the tables of each package to their newest form, all of them or none.

    A book that knows a step more than this program is refused: `book.newer`.
    """
    if not _pending(db, migrations):
        return
    with transaction(db):
        db.execute(_STEPS)
        for package, script in _pending(db, migrations):  # asked again: another process may have been first
            for statement in _statements(script):
                db.execute(statement)
            db.execute(_DONE, (package,))


_STEPS = "CREATE TABLE IF NOT EXISTS step (package TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT"
_DONE = "INSERT INTO step VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1"


def _pending(db: sqlite3.Connection, migrations: Migrations) -> list[tuple[str, str]]:
    made = _number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'step'")
    # A flipped bit can make a value of another type; the cast makes some number of it.
    steps = "SELECT CAST(package AS TEXT), coalesce(CAST(number AS INTEGER), 0) FROM step"
    done = dict(db.execute(steps).fetchall()) if made else {}
    for package, number in done.items():
        if number > len(migrations.get(package, ())) > 0:
            raise InputError("book.newer", package=package, number=number)
    return [
        (package, step) for package, steps in migrations.items() for step in steps[done.get(package, 0) :]
    ]


def _statements(script: str) -> Iterator[str]:
    """Cut a script: `executescript` would commit first. A trigger has semicolons of its own."""
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement) and statement.strip(" \n;"):
            yield statement
            statement = ""


def _connect(path: Path, wait: float) -> sqlite3.Connection:
    db = _named(sqlite3.connect)(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=wait,
        isolation_level=None,
        cached_statements=STATEMENTS,
        factory=Connection,
    )
    try:
        for setting in (
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",  # what is deleted is overwritten, not only unlinked
            "cache_size = -65536",  # 64 MiB at most: the top of every index stays in memory
            "temp_store = MEMORY",  # no copy of anything in a temporary file
        ):
            db.execute(f"PRAGMA {setting}")
    except BaseException:
        db.close()
        raise
    return db


def _is_blank(db: sqlite3.Connection) -> bool:
    return not _number(db, "PRAGMA application_id") and not _number(db, "SELECT count(*) FROM sqlite_schema")


def _number(db: sqlite3.Connection, question: str) -> int:
    return int(db.execute(question).fetchone()[0])


def _named(call: Callable[P, R]) -> Callable[P, R]:
    """Return `call`, whose SQLite errors have our names.

    `sqlite3.IntegrityError` and `sqlite3.ProgrammingError` stay: they tell of a row that is there already,
    or of a mistake of ours, never of the file.
    """

    def named(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.Error as error:
            raise _ours(error) from error
        except UnicodeDecodeError as error:
            # Python decodes SQLite's message, which may quote damaged bytes of the schema.
            raise Damaged("book.damaged", problem="schema") from error

    return named


class _Cursor(sqlite3.Cursor):
    """A cursor whose errors have our names, so that no package with tables in a book can forget it."""

    execute = _named(sqlite3.Cursor.execute)
    executemany = _named(sqlite3.Cursor.executemany)
    fetchone = _named(sqlite3.Cursor.fetchone)
    fetchall = _named(sqlite3.Cursor.fetchall)
    fetchmany = _named(sqlite3.Cursor.fetchmany)
    __next__ = _named(sqlite3.Cursor.__next__)  # type: ignore[arg-type]  # typeshed has it of any iterator


class Connection(sqlite3.Connection):
    """A connection whose errors have our names, for the book and what lies beside it."""

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self.cursor().execute(sql, parameters)
        return cursor

    def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self.cursor().executemany(sql, parameters)
        return cursor


def _ours(error: sqlite3.Error) -> KonsensError:
    cause, problem = cause_of(error)
    if cause == "busy":
        return Locked("book.busy")
    if cause == "full":
        return Unavailable("book.disk_full")
    if cause == "storage":
        return Unavailable("book.storage", problem=problem)
    return Damaged("book.damaged", problem=problem)
