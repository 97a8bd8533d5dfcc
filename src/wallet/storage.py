"""The SQLite file under a vault: how it is made, opened, locked, and how its failures are named."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..durable import sync
from ..errors import Conflict, Damaged, InputError, KonsensError, Locked, NotFound, Unavailable
from ..sqlite_errors import cause_of
from .header import MAX_HEADER_BYTES

__all__ = [
    "blobs",
    "connect",
    "create_file",
    "hold",
    "named_failures",
    "publish",
    "read_head",
    "temporary_beside",
]

APPLICATION_ID = 0x6B6F6E76  # "konv"
SCHEMA_VERSION = 1
SCHEMA = [
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), "
    "header BLOB NOT NULL, root BLOB NOT NULL) STRICT",
    "CREATE TABLE record (name BLOB PRIMARY KEY, "
    "nonce BLOB NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID",
]


@contextmanager
def named_failures() -> Iterator[None]:
    """Translate what SQLite and the operating system raise into errors with a code."""
    try:
        yield
    except sqlite3.Error as error:
        raise _named(error) from error
    except UnicodeDecodeError as error:
        # Python decodes SQLite's message, which may quote damaged bytes of the schema.
        raise Damaged("wallet.damaged", problem="schema") from error
    except OSError as error:
        raise Unavailable("wallet.storage", problem=error.strerror) from error


def _named(error: sqlite3.Error) -> KonsensError:
    cause, problem = cause_of(error)
    if cause == "busy":
        return Locked("wallet.busy")
    if cause == "full":
        return Unavailable("wallet.disk_full")
    if cause == "storage":
        return Unavailable("wallet.storage", problem=problem)
    return Damaged("wallet.damaged", problem=problem)


def create_file(path: Path) -> sqlite3.Connection:
    """Create an empty file with our schema, readable by its owner only, open for the first records.

    The file is to be made under a temporary name and published when it is whole.
    """
    db = _open(path)
    _settings(db)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    for statement in SCHEMA:
        db.execute(statement)
    db.execute("PRAGMA journal_mode = WAL")
    return db


def connect(path: Path) -> sqlite3.Connection:
    """Open the file of an existing vault and hold it to exactly our schema, so that it brings no triggers."""
    if not path.is_file():
        raise NotFound("wallet.missing", path=path)
    db = _open(path)
    try:
        _settings(db)
        if _number(db, "application_id") != APPLICATION_ID:
            raise Damaged("wallet.not_a_vault", path=path)
        if (version := _number(db, "user_version")) != SCHEMA_VERSION:
            raise InputError("wallet.version", version=version)
        if [sql for (sql,) in db.execute("SELECT sql FROM sqlite_schema ORDER BY rowid")] != SCHEMA:
            raise Damaged("wallet.damaged", problem="schema")
        db.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        db.close()
        raise
    return db


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=5)


def _settings(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")  # what was deleted or replaced is overwritten, not only unlinked


def _number(db: sqlite3.Connection, pragma: str) -> int:
    return int(db.execute(f"PRAGMA {pragma}").fetchone()[0])


def read_head(db: sqlite3.Connection) -> tuple[bytes, ...]:
    """Return header and root, or raise `wallet.header`."""
    rows = db.execute(
        "SELECT header, root FROM head WHERE length(header) <= ?", (MAX_HEADER_BYTES,)
    ).fetchall()
    if len(rows) != 1:
        raise Damaged("wallet.header")
    return blobs(rows[0])


def blobs(row: tuple[object, ...]) -> tuple[bytes, ...]:
    """Return a row all of whose values are bytes: a flipped bit can make text or a number of them."""
    if not all(isinstance(value, bytes) for value in row):
        raise Damaged("wallet.record")
    return tuple(value for value in row if isinstance(value, bytes))


@contextmanager
def hold(path: Path, *, wait: float) -> Iterator[None]:
    """Hold the one lock of the writers, beyond a single transaction, or raise `wallet.busy`.

    SQLite's own file lock on an empty file beside the vault: it waits, it works wherever SQLite does, and
    the system releases it when the process dies.
    """
    with named_failures():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        lock = sqlite3.connect(path, isolation_level=None, timeout=wait)
    try:
        with named_failures():
            lock.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        lock.close()


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Yield the name of a new empty file (0600) in the folder of `path`, gone afterwards."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        for leftover in (name, f"{name}-wal", f"{name}-shm", f"{name}-journal", f"{name}.lock"):
            with suppress(FileNotFoundError):
                os.unlink(leftover)


def publish(temporary: Path, path: Path, *, taken: str | None) -> None:
    """Give a finished file its name in one step.

    If the name is taken, raise `Conflict` with the code `taken`; with None, replace what is there.
    """
    sync(temporary)
    if taken is None:
        os.replace(temporary, path)
    else:
        _link(temporary, path, taken)
    sync(path.parent)


def _link(temporary: Path, path: Path, taken: str) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise Conflict(taken, path=path, file=path) from error
    except OSError:
        # The file system of a memory stick has no links: look, then move.
        if path.exists():
            raise Conflict(taken, path=path, file=path) from None
        os.replace(temporary, path)
