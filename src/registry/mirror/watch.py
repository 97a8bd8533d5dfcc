"""What a monitor remembers: the seals it watches, those that broke, what it has told, and what went wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import Damaged, Locked, Unavailable
from ...sqlite_errors import cause_of

__all__ = ["WatchFile"]

APPLICATION_ID = 0x4B4E534D  # "KNSM", in the file's header (SQLite file format, section 1.3.17)
HEADER = f"PRAGMA application_id = {APPLICATION_ID};"
SCHEMA = """
CREATE TABLE progress (seen INTEGER NOT NULL) STRICT;
INSERT INTO progress VALUES (0);
CREATE TABLE watched (seal BLOB PRIMARY KEY CHECK (length(seal) = 32)) STRICT, WITHOUT ROWID;
CREATE TABLE breaks (
    seal BLOB PRIMARY KEY, idx INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE problems (code TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
"""
AHEAD = """
CREATE TABLE IF NOT EXISTS ahead (only INTEGER PRIMARY KEY CHECK (only = 0), stopped INTEGER NOT NULL) STRICT;
INSERT INTO ahead VALUES (0, 0) ON CONFLICT DO NOTHING;
"""  # a file of an earlier version has none
QUESTIONS_AT_ONCE = 500


class WatchFile:
    """The memory of a monitor in one SQLite file; `step` is one durable step."""

    def __init__(self, path: Path, *, wait: float = 10.0) -> None:
        self._path = path
        with self._translated():
            self._db = sqlite3.connect(path, timeout=wait, isolation_level=None)
            try:
                found = self._db.execute("PRAGMA application_id").fetchone()[0]
                if found not in (0, APPLICATION_ID) or (found == 0 and self._tables()):
                    raise Damaged("monitor.state", file=path)
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                if found == 0:
                    self._db.executescript(f"BEGIN IMMEDIATE; {HEADER} {SCHEMA} COMMIT;")
                if not self._one("SELECT count(*) FROM sqlite_schema WHERE name = 'ahead'"):
                    self._db.executescript(f"BEGIN IMMEDIATE; {AHEAD} COMMIT;")
            except BaseException:
                self._db.close()
                raise

    @contextmanager
    def step(self) -> Iterator[None]:
        """Change what is remembered in one durable step."""
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def seen(self) -> int:
        """Return up to which index the entries were compared with what is watched."""
        return int(self._one("SELECT seen FROM progress"))

    def set_seen(self, size: int) -> None:
        """Say that the entries below `size` were compared."""
        self._db.execute("UPDATE progress SET seen = ?", (size,))

    def ahead(self) -> int:
        """Return at which index the last look at what lies beyond the mirror stopped."""
        return int(self._one("SELECT stopped FROM ahead"))

    def set_ahead(self, index: int) -> None:
        """Say that the last look stopped there."""
        self._db.execute("UPDATE ahead SET stopped = ?", (index,))

    def count(self) -> int:
        """Return how many seals are watched."""
        return int(self._one("SELECT count(*) FROM watched"))

    def add(self, seals: Iterable[bytes]) -> None:
        """Watch more seals."""
        self._db.executemany("INSERT INTO watched VALUES (?) ON CONFLICT DO NOTHING", ((s,) for s in seals))

    def remove(self, seals: Iterable[bytes]) -> None:
        """Watch these no longer, and forget what was found about them."""
        for table in ("watched", "breaks"):
            self._db.executemany(f"DELETE FROM {table} WHERE seal = ?", ((seal,) for seal in seals))  # noqa: S608 (two fixed names)

    def among(self, seals: Sequence[bytes]) -> set[bytes]:
        """Return those of `seals` that are watched."""
        found: set[bytes] = set()
        with self._translated():
            for start in range(0, len(seals), QUESTIONS_AT_ONCE):
                some = seals[start : start + QUESTIONS_AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = self._db.execute(f"SELECT seal FROM watched WHERE seal IN ({marks})", some)  # noqa: S608 (only question marks)
                found.update(seal for (seal,) in rows)
        return found

    def note_breaks(self, rows: Iterable[tuple[bytes, int]]) -> None:
        """Remember broken seals with the index of their leaves."""
        self._db.executemany(
            "INSERT INTO breaks (seal, idx) VALUES (?, ?)"
            " ON CONFLICT (seal) DO UPDATE SET idx = excluded.idx",
            rows,
        )

    def untold(self) -> list[tuple[bytes, int]]:
        """Return the broken seals that were not settled yet, by index."""
        with self._translated():
            return self._db.execute("SELECT seal, idx FROM breaks WHERE told = 0 ORDER BY idx").fetchall()

    def settle(self, seals: Iterable[bytes]) -> None:
        """Say that whoever had to know about these does."""
        self._db.executemany("UPDATE breaks SET told = 1 WHERE seal = ?", ((seal,) for seal in seals))

    def note_problem(self, code: str, seconds: int) -> int:
        """Remember a problem, and return when it was first seen."""
        self._db.execute(
            "INSERT INTO problems VALUES (?, ?, ?) ON CONFLICT (code) DO UPDATE SET last = excluded.last",
            (code, seconds, seconds),
        )
        return int(self._one("SELECT first FROM problems WHERE code = ?", code))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _tables(self) -> int:
        return int(self._one("SELECT count(*) FROM sqlite_schema"))

    def _one(self, question: str, *values: object) -> int | str:
        with self._translated():
            found: int | str = self._db.execute(question, values).fetchone()[0]
            return found

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a bug of ours: a closed file, another thread
        except sqlite3.Error as error:
            cause, _ = cause_of(error)
            if cause == "busy":
                raise Locked("monitor.busy") from error
            if cause in ("full", "storage"):
                raise Unavailable("monitor.cannot_write", problem=error) from error
            raise Damaged("monitor.state", file=self._path) from error
