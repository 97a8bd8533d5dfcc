"""What a witness remembers: of each log the newest checkpoint that it cosigned, in one SQLite file.

>>> import tempfile
>>> state = WitnessState.open(Path(tempfile.mkdtemp()) / "witness.sqlite")
>>> print(state.newest("log.muster.example"))
None
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

import msgspec

from ...errors import Damaged, Locked, Unavailable
from ...sqlite_errors import cause_of

__all__ = ["Cosigned", "WitnessState"]

APPLICATION_ID = 0x4B4E5357  # "KNSW", in the file's header (SQLite file format, section 1.3.17)
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE IF NOT EXISTS newest (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL CHECK (size >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    seconds INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forks (
    origin TEXT PRIMARY KEY, cosigned TEXT NOT NULL, other TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS newest_grows BEFORE UPDATE ON newest
WHEN NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root) OR NEW.seconds < OLD.seconds
BEGIN SELECT raise(ABORT, 'a witness never goes back'); END;
CREATE TRIGGER IF NOT EXISTS newest_stays BEFORE DELETE ON newest
BEGIN SELECT raise(ABORT, 'a witness never forgets'); END;
"""


class Cosigned(msgspec.Struct, frozen=True):
    """The newest checkpoint of a log that was cosigned, and when; `note` bears both signatures."""

    origin: str
    size: int
    root: bytes
    seconds: int
    note: str


class WitnessState:
    """The memory of a witness, which any number of threads and processes may share.

    - `step` is one durable compare-and-set: of two that start from the same checkpoint, one wins.
    - What a step returned for is on the medium, before anybody sees the cosignature.
    - A log's size never shrinks, and its root never changes at the same size.
    """

    def __init__(self, path: Path, *, wait: float = 10.0) -> None:
        self.path = path
        self._lock = Lock()
        with _translated(path):
            self._db = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    @classmethod
    def open(cls, path: Path, *, wait: float = 10.0) -> WitnessState:
        """Open the state in the file `path`, or begin one there. Raises `witness.state`, `witness.busy`."""
        return cls(path, wait=wait)

    def newest(self, origin: str) -> Cosigned | None:
        """Return the newest cosigned checkpoint of a log, or None."""
        with self._lock, _translated(self.path):
            return self._newest(origin)

    def step(self, origin: str, decide: Callable[[Cosigned | None], Cosigned | None]) -> None:
        """Let `decide` see the newest checkpoint of a log, and keep what it returns, durably; None keeps it.

        `decide` raises to leave everything as it is. Nobody else steps meanwhile.
        """
        with self._lock, _translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                fresh = decide(self._newest(origin))
                if fresh is not None:
                    self._db.execute(
                        "INSERT INTO newest VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE SET"
                        " size = excluded.size, root = excluded.root, seconds = excluded.seconds,"
                        " note = excluded.note",
                        (fresh.origin, fresh.size, fresh.root, fresh.seconds, fresh.note),
                    )
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def keep_fork(self, origin: str, cosigned: str, other: str) -> None:
        """Keep two notes in which a log contradicts itself; the first such pair of a log is enough."""
        with self._lock, _translated(self.path):
            self._db.execute(
                "INSERT INTO forks VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (origin, cosigned, other)
            )

    def fork(self, origin: str) -> tuple[str, str] | None:
        """Return two notes of different roots for one size that a log has signed, if it ever showed such."""
        with self._lock, _translated(self.path):
            found: tuple[str, str] | None = self._db.execute(
                "SELECT cosigned, other FROM forks WHERE origin = ?", (origin,)
            ).fetchone()
            return found

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _prepare(self) -> None:
        found = self._db.execute("PRAGMA application_id").fetchone()[0]
        if found not in (0, APPLICATION_ID) or (found == 0 and self._tables()):
            raise Damaged("witness.state", problem=self.path)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        if found == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")

    def _tables(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])

    def _newest(self, origin: str) -> Cosigned | None:
        row = self._db.execute(
            "SELECT origin, size, root, seconds, note FROM newest WHERE origin = ?", (origin,)
        ).fetchone()
        return Cosigned(*row) if row else None


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a bug of ours: a closed state
    except sqlite3.Error as error:
        cause, _ = cause_of(error)
        if cause == "busy":
            raise Locked("witness.busy") from error
        if cause in ("full", "storage"):
            raise Unavailable("witness.cannot_write", problem=error) from error
        raise Damaged("witness.state", problem=f"{path}: {error}") from error
