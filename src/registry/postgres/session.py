"""One connection to a log's schema, the log's one lock, and commits whose outcome is known.

With synchronous replication a commit can return although no standby has it: when the waiting is cancelled,
PostgreSQL has committed here all the same, and says so only in a warning (PostgreSQL documentation, 26.2.8,
"Synchronous Replication"). That, and a connection that is lost while committing, is
`postgres.unknown_outcome`: nothing may be signed or acknowledged before it was read again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Any, Literal

from ...errors import Damaged, Locked, Unavailable
from .driver import NEEDED, Connection, connect, ours, psycopg, translated
from .schema import check_schema, lock_of

__all__ = ["Role", "Session"]

Role = Literal["writer", "sequencer", "cluster sequencer"]

GONE_WITHIN = 1.0  # seconds until the server has noticed that a session has ended
LONGEST_COMMIT = 30.0  # seconds for a quorum to answer; then the waiting is cancelled, and the outcome read
# Halves of a lock's number as pg_locks shows them (PostgreSQL documentation, "pg_locks").
HOLDER = """
SELECT pid, coalesce(usename, '?'), coalesce(application_name, '?')
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint << 32 | objid::bigint = %s
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class Session:
    """A connection that is made anew when it was lost, except in the middle of a step.

    - A `writer` takes the log's lock for one step; it waits its turn, then gives up with `registry.busy`.
    - A `sequencer` holds it for as long as the connection lives (`postgres.sequencer_runs` if another does).
      Where the lock is, there are its statements: without the connection it can neither hold nor write.
    - A `cluster sequencer` also refuses a server that would not wait for standbys (`postgres.no_standbys`),
      before and after every commit.
    """

    def __init__(self, dsn: str, schema: str, *, role: Role, wait: float, listen: str | None = None) -> None:
        """Connect. `listen` is the channel of the log, `pending` or `sequenced`, to be woken by."""
        self.schema, self.role = schema, role
        self._channel = listen
        self._dsn, self._wait = dsn, wait
        self._lock = lock_of(schema)
        self._warnings: list[str] = []
        self._in_step = False
        self._db = self._connect()

    def close(self) -> None:
        """Let go of the connection, and of the lock with it."""
        self._db.close()

    def one(self, question: str, *values: object) -> Any:
        """Return the first row of the answer, or None."""
        with translated():
            return self._execute(question, values).fetchone()

    def all(self, question: str, *values: object) -> list[Any]:
        """Return all rows of the answer."""
        with translated():
            return self._execute(question, values).fetchall()

    def change(self, statement: str, *values: object) -> int:
        """Return how many rows a statement touched."""
        with translated():
            return self._execute(statement, values).rowcount

    def many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Execute a statement for each of `rows`, without waiting in between."""
        with translated(), self._cursor() as cursor:
            cursor.executemany(statement, rows)

    def copy(self, table: str, data: bytes) -> None:
        """Add the rows of `data` (see `copying`) to `table`, given with its columns."""
        statement = f"COPY {table} FROM STDIN (FORMAT binary)"
        with translated(), self._cursor() as cursor, cursor.copy(statement) as rows:
            rows.write(data)

    def fileno(self) -> int:
        """Return what becomes readable when somebody speaks on the channel, or the server hangs up."""
        self._alive()
        return self._db.fileno()

    def notified(self, seconds: float = 0.0) -> bool:
        """Wait so many seconds until somebody speaks on the channel, and return whether one did."""
        with translated():
            return bool(list(self._db.notifies(timeout=seconds, stop_after=1)))

    @contextmanager
    def step(self) -> Iterator[None]:
        """Be the only one who writes; when this ends without an error, everything in it is durable."""
        self._alive()
        self._in_step = True
        try:
            with translated():
                self._db.execute(f"BEGIN; SELECT pg_advisory_xact_lock({self._lock})")
                self._check_standbys()
                yield
                self._commit()
        except BaseException:
            with suppress(psycopg.Error):
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._in_step = False

    def at_leisure(self, statement: str) -> None:
        """Execute what a crash may undo, waiting for no disk and no standby; tell who listens `sequenced`."""
        with translated():
            self._alive()
            self._db.execute(
                f"BEGIN; SET LOCAL synchronous_commit = off; {statement};"
                f" NOTIFY {self.schema}_sequenced; COMMIT"
            )

    def _execute(self, question: str, values: tuple[object, ...]) -> psycopg.Cursor[Any]:
        return self._cursor().execute(question, values or None)

    def _cursor(self) -> psycopg.Cursor[Any]:
        if not self._in_step:  # a step ends with the connection that it began with
            self._alive()
        return self._db.cursor(binary=True)

    def _alive(self) -> None:
        if self._db.closed:
            self._db = self._connect()

    def _connect(self) -> Connection:
        db = connect(self._dsn, self.schema, wait=self._wait)
        try:
            db.add_notice_handler(self._hear)
            check_schema(db, self.schema)
            if self.role != "writer":
                _check_settings(db)
                self._take_lock(db)
            if self._channel:
                db.execute(f"LISTEN {self.schema}_{self._channel}")
        except BaseException:
            db.close()
            raise
        return db

    def _take_lock(self, db: Connection) -> None:
        until = monotonic() + GONE_WITHIN
        while db.execute("SELECT pg_try_advisory_lock(%s)", (self._lock,)).fetchone() != (True,):
            if monotonic() > until:
                raise Locked("postgres.sequencer_runs", **self._holder(db))
            sleep(0.02)

    def _holder(self, db: Connection) -> dict[str, object]:
        """Return who has the lock: any role that may connect can take it, so it is named."""
        found = db.execute(HOLDER, (self._lock,)).fetchone() or ("?", "?", "?")
        return dict(zip(("pid", "role", "application"), found, strict=True))

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary or "a warning")

    def _check_standbys(self) -> None:
        if self.role == "cluster sequencer":
            [names] = self.one("SELECT current_setting('synchronous_standby_names')")
            if not names:
                raise Unavailable("postgres.no_standbys")

    def _check_settings_stay(self) -> None:
        """Raise `postgres.session_changed`, and part with the connection, if it is not as it was made."""
        current = self.one(f"SELECT {', '.join('current_setting(%s)' for _ in NEEDED)}", *NEEDED)
        for (name, value), now in zip(NEEDED.items(), current, strict=True):
            if now != value:
                self._db.close()
                raise Unavailable("postgres.session_changed", setting=name, value=now)

    def _commit(self) -> None:
        self._check_settings_stay()
        self._warnings.clear()
        # PostgreSQL's own statement_timeout ends before a commit does.
        watch = threading.Timer(LONGEST_COMMIT, self._db.cancel)
        watch.daemon = True
        watch.start()
        try:
            done = self._db.execute("COMMIT")
        except psycopg.Error as error:
            if self._db.closed:
                raise Unavailable("postgres.unknown_outcome", **ours(error).facts) from error
            raise
        finally:
            watch.cancel()
        if done.statusmessage != "COMMIT":
            raise Damaged("registry.damaged", problem=f"a step ended in {done.statusmessage}")
        if self._warnings:
            raise Unavailable("postgres.unknown_outcome", problem=self._warnings[0])
        self._check_standbys()  # they may have been struck off while the commit waited for them


def _check_settings(db: Connection) -> None:
    """Raise `postgres.not_durable` on a server that loses what it says it has written."""
    for name in ("fsync", "full_page_writes"):
        with translated():
            if db.execute("SELECT current_setting(%s)", (name,)).fetchone() != ("on",):
                raise Unavailable("postgres.not_durable", setting=name)
