"""The store on disk: one SQLite file, made so that what a commit returned for is on the medium.

WAL with synchronous=FULL, STRICT tables, and triggers that refuse every UPDATE and DELETE. The triggers and
the checks guard against a slip, not against a hostile hand: whoever may write the file may do anything to it,
which is why the operator checks every entry again before signing over it, and why there is `fsck`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import Damaged, InputError, Locked, NotFound, Unavailable
from ..sqlite_errors import cause_of
from .seal_map import Row, Span
from .sqlite_schema import APPLICATION_ID, HEADER, SCHEMA, VERSION
from .store import Tile

__all__ = ["SCHEMA", "SqliteStore"]

STATEMENTS = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"
WAL_PAGES = 4000  # the rows of a thousand seals touch a thousand pages: fold them back every few steps only
CACHE_KIB = 16384  # at most: the broken seals of some hundred thousand consents stay in memory
ROWS_PER_QUESTION = 2  # in the time that one seal takes to look up, two rows and more are read in order
QUESTIONS_AT_ONCE = 500  # below the least number of parameters that SQLite was ever built with
SPANS_AT_ONCE = QUESTIONS_AT_ONCE // 2


class SqliteStore:
    """Entries and what follows from them in one SQLite file; see `Store` for the rules.

    It belongs to the thread that opened it. Each process opens its own.
    """

    def __init__(self, path: Path, *, wait: float = 10.0, read_only: bool = False) -> None:
        """Open the log in the file `path`; `wait` is for how many seconds to wait for another writer."""
        if not path.is_file():
            raise NotFound("registry.not_found", folder=path.parent)
        self._fixed = path if read_only and _cannot_change(path) else None
        mode = "ro&immutable=1" if self._fixed else "ro" if read_only else "rw"
        with _translated():
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=wait, isolation_level=None
            )
        # A damaged letter must not hide the rest: what it stands in fails its own check.
        self._db.text_factory = lambda text: text.decode("utf-8", "replace")
        try:
            with _translated():
                if self._value("PRAGMA application_id") != APPLICATION_ID:
                    raise Damaged("registry.not_a_log", problem=path)
                if self._value("PRAGMA user_version") != VERSION:
                    raise InputError("registry.newer", file=path)
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
                self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
                self.vkey = str(self._value("SELECT vkey FROM log"))
        except BaseException:
            self._db.close()
            raise

    @classmethod
    def create(cls, path: Path, *, vkey: str) -> SqliteStore:
        """Make an empty log of the verifier key `vkey` in the new file `path`, and open it."""
        with _translated():
            db = sqlite3.connect(path, isolation_level=None)
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.executescript(f"BEGIN; {HEADER} {SCHEMA}")
                db.execute("INSERT INTO log VALUES (?)", (vkey,))
                db.execute("COMMIT")
            finally:
                db.close()
        return cls(path)

    @classmethod
    def scratch(cls) -> SqliteStore:
        """Return an empty store that ends with its closing and never waits for the medium."""
        store = cls.__new__(cls)
        store.vkey, store._fixed = "", None
        store._db = sqlite3.connect("", isolation_level=None)  # SQLite's own temporary file
        store._db.execute("PRAGMA synchronous = OFF")
        store._db.executescript(SCHEMA)
        return store

    def size(self) -> int:
        return int(self._value("SELECT coalesce(max(idx), -1) + 1 FROM entries"))

    def entry(self, index: int) -> bytes | None:
        found: tuple[bytes] | None = self._one("SELECT CAST(entry AS BLOB) FROM entries WHERE idx = ?", index)
        return found and found[0]

    def entries(self, start: int, stop: int) -> list[bytes]:
        # The cast costs nothing where there are bytes, and a flipped bit can make text of them.
        found = self._all(
            "SELECT idx, CAST(entry AS BLOB) FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx",
            start,
            stop,
        )
        if found and found[-1][0] != start + len(found) - 1:
            found = [row for place, row in enumerate(found, start) if place == row[0]]
        return [entry for _, entry in found]

    def broken(self, seal: bytes) -> int | None:
        return self._index("SELECT idx FROM broken WHERE seal = ?", seal)

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        if len(seals) > QUESTIONS_AT_ONCE and len(seals) * ROWS_PER_QUESTION > self.size():
            return self._broken_among(frozenset(seals))
        found: dict[bytes, int] = {}
        for start in range(0, len(seals), QUESTIONS_AT_ONCE):
            some = seals[start : start + QUESTIONS_AT_ONCE]
            marks = ",".join("?" * len(some))
            found.update(self._all(f"SELECT seal, idx FROM broken WHERE seal IN ({marks})", *some))  # noqa: S608 (only question marks)
        return found

    def _broken_among(self, seals: frozenset[bytes]) -> dict[bytes, int]:
        """Return those of `seals` that are broken, by reading every row once."""
        with _translated():
            rows = self._db.execute("SELECT seal, idx FROM broken")
            return {seal: index for seal, index in rows if seal in seals}

    def look(self, seals: Sequence[bytes]) -> tuple[int, dict[bytes, int]]:
        """Return how many entries there are and which of `seals` are broken, both at one moment."""
        if len(seals) > QUESTIONS_AT_ONCE:
            with self.reading():
                return self.size(), self.broken_many(seals)
        marks = ",".join("?" * len(seals))
        rows = self._all(
            f"SELECT seal, idx FROM broken WHERE seal IN ({marks})"  # noqa: S608 (only question marks)
            " UNION ALL SELECT NULL, coalesce(max(idx), -1) FROM entries",
            *seals,
        )
        found = dict(rows)
        return found.pop(None) + 1, found

    def rows(self, spans: Sequence[Span]) -> Iterable[Row]:
        found: list[Row] = []
        for start in range(0, len(spans), SPANS_AT_ONCE):
            some = spans[start : start + SPANS_AT_ONCE]
            # A row that is not of our form counts as missing; `row_count` counts it all the same.
            found += self._all(
                f"WITH spans(first, last) AS (VALUES {','.join(['(?, ?)'] * len(some))})"  # noqa: S608 (only question marks)
                " SELECT seal, idx FROM spans CROSS JOIN broken WHERE seal BETWEEN first AND last"
                " AND length(seal) = 32 AND typeof(idx) = 'integer' AND idx >= 0",
                *chain.from_iterable(some),
            )
        return found

    def rows_of(self, start: int, stop: int) -> list[Row]:
        return self._all("SELECT seal, idx FROM broken WHERE idx >= ? AND idx < ? ORDER BY idx", start, stop)

    def row_count(self, start: int) -> int:
        return int(self._one("SELECT count(*) FROM broken WHERE idx >= ?", start)[0])

    def public(self, digest: bytes) -> int | None:
        return self._index(
            "SELECT idx FROM entries WHERE length(entry) = 33 AND substr(entry, 2) = ?", digest
        )

    def head_below(self, index: int) -> int | None:
        return self._index(
            "SELECT idx FROM entries WHERE length(entry) = 73 AND idx < ? ORDER BY idx DESC LIMIT 1", index
        )

    def head_from(self, index: int) -> int | None:
        return self._index(
            "SELECT idx FROM entries WHERE length(entry) = 73 AND idx >= ? ORDER BY idx LIMIT 1", index
        )

    def tile(self, level: int, index: int) -> Tile | None:
        found = self._one("SELECT root, hashes FROM tiles WHERE level = ? AND idx = ?", level, index)
        return Tile(level, index, *found) if found else None

    def tile_roots(self, level: int, start: int, stop: int) -> list[bytes]:
        found = self._all(
            "SELECT root FROM tiles WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx", level, start, stop
        )
        return [root for (root,) in found]

    def tile_count(self) -> int:
        return int(self._value("SELECT count(*) FROM tiles"))

    def checkpoint(self) -> tuple[int, str] | None:
        newest: tuple[int, str] | None = self._one(
            "SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1"
        )
        return newest

    def checkpoints(self, start: int) -> list[tuple[int, str]]:
        return self._all("SELECT size, note FROM checkpoints WHERE size >= ? ORDER BY size", start)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See the log as it is at one moment, whatever others append meanwhile."""
        with _translated():
            self._db.execute("BEGIN")
            try:
                self._value("SELECT 1 FROM sqlite_schema")  # the moment is that of the first look
                yield
            finally:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[None]:
        with _translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors; then there is nothing left to undo.
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def add_entries(self, entries: Sequence[bytes]) -> None:
        self._db.executemany("INSERT INTO entries VALUES (?, ?)", enumerate(entries, self.size()))

    def add_rows(self, rows: Sequence[Row]) -> None:
        # In their order the rows touch each page of the tree once.
        self._db.executemany("INSERT INTO broken VALUES (?, ?)", sorted(rows))

    def add_tiles(self, tiles: Sequence[Tile]) -> None:
        rows = [(tile.level, tile.index, tile.root, tile.hashes) for tile in tiles]
        self._db.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)

    def add_checkpoint(self, size: int, note: str) -> None:
        self._db.execute("INSERT INTO checkpoints VALUES (?, ?) ON CONFLICT DO NOTHING", (size, note))

    def damage(self) -> list[str]:
        """Return what SQLite itself finds wrong with the file."""
        return [str(line) for (line,) in self._all("PRAGMA integrity_check(10)") if line != "ok"]

    def strange(self) -> list[str]:
        """Return what in the file is not as `create` made it: tables, triggers, journal mode."""
        with closing(sqlite3.connect(":memory:")) as db:
            db.executescript(SCHEMA)
            ours = {sql for (sql,) in db.execute(STATEMENTS)}
        found = [f"journal mode {mode}" for mode in self._journal_modes() if mode != "wal"]
        return found + sorted(ours ^ {sql for (sql,) in self._all(STATEMENTS)})

    def _journal_modes(self) -> list[str]:
        if self._fixed is None:
            return [mode for (mode,) in self._all("PRAGMA journal_mode")]
        with self._fixed.open("rb") as file:  # of a file that cannot change SQLite does not tell
            return ["wal" if file.read(20)[18:] == b"\2\2" else "delete"]

    def close(self) -> None:
        """Close the file; the last one to do so also folds the WAL back into it."""
        self._db.close()

    def _one(self, question: str, *values: object) -> Any:
        try:
            return self._db.execute(question, values).fetchone()
        except sqlite3.Error as error:
            raise _ours(error) from error

    def _index(self, question: str, value: object) -> int | None:
        found: tuple[int] | None = self._one(question, value)
        return found and found[0]

    def _all(self, question: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise _ours(error) from error

    def _value(self, question: str) -> Any:
        found = self._one(question)
        return found[0] if found else None


def _cannot_change(path: Path) -> bool:
    """Tell whether a log lies whole in its file, on a file system that is mounted for reading only.

    There SQLite cannot make the files that readers and writers share, and nobody needs them.
    """
    wal = path.with_name(path.name + "-wal")
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY) and not (wal.exists() and wal.stat().st_size)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _ours(error) from error


def _ours(error: sqlite3.Error) -> Exception:
    """Return our error for one of SQLite's."""
    if isinstance(error, sqlite3.ProgrammingError):
        return error  # a bug of ours: a closed store, another thread
    cause, name = cause_of(error)
    if cause == "busy":
        return Locked("registry.busy")
    if name == "SQLITE_NOTADB":
        return Damaged("registry.not_a_log", problem=error)
    if cause in ("full", "storage"):
        return Unavailable("registry.cannot_write", problem=error)
    return Damaged("registry.damaged", problem=error)
