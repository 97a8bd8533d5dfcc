"""The one way to PostgreSQL: connecting, and saying in our words what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import Damaged, InputError, KonsensError, Locked, Unavailable

try:
    import psycopg
    from psycopg import conninfo, sql
except ImportError as error:
    raise Unavailable("postgres.no_driver") from error

__all__ = ["NEEDED", "Connection", "check_schema_name", "connect", "ours", "psycopg", "sql", "translated"]

Connection = psycopg.Connection[Any]

NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")
# A host that is gone without a word is noticed after some ten seconds, not after the system's two hours.
SETTINGS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "konsens",
    "target_session_attrs": "read-write",  # of several hosts the one that takes writes
}
# Each connection sets these for itself, whatever its DSN or role say, and looks again before a step commits:
# that no standby has a commit is told by a warning and in no other way.
NEEDED = {"client_min_messages": "warning", "synchronous_commit": "on"}
BUSY = ("55P03", "40001", "40P01")  # lock not available, serialization failure, deadlock
FULL = "KS001"  # our own: check_room
# Integrity, our triggers, data and index corrupted (PostgreSQL documentation, appendix A).
DAMAGED = ("23", "P0", "XX")


def check_schema_name(schema: str) -> None:
    """Raise `postgres.schema_name` unless a log may live under this name: small letters, digits, `_`."""
    if not NAME.fullmatch(schema) or schema.startswith("pg_"):
        raise InputError("postgres.schema_name", schema=schema)


def connect(dsn: str, schema: str, *, wait: float, settings: dict[str, str] | None = None) -> Connection:
    """Return a connection that sees `schema` only and is never in a transaction unless it is told to.

    With several hosts in `dsn` it is one to the first that takes writes. `wait` is how many seconds to wait
    for somebody else's lock.
    """
    check_schema_name(schema)
    given = {
        "search_path": f"{schema}, pg_temp",
        "lock_timeout": f"{int(wait * 1000)}ms",
        "client_encoding": "utf8",
        **NEEDED,
    } | (settings or {})
    known = _parsed(dsn)
    with translated():
        db = psycopg.connect(
            dsn, autocommit=True, **{name: value for name, value in SETTINGS.items() if name not in known}
        )
        try:
            sets = ", ".join("set_config(%s, %s, false)" for _ in given)
            db.execute(f"SELECT {sets}", [part for one in given.items() for part in one])
        except BaseException:
            db.close()
            raise
    return db


def _parsed(dsn: str) -> dict[str, Any]:
    try:
        known: dict[str, Any] = conninfo.conninfo_to_dict(dsn)
    except psycopg.Error as error:
        raise InputError("postgres.dsn") from error  # without its words: they repeat the password
    return known


@contextmanager
def translated() -> Iterator[None]:
    """Let no error of the driver out."""
    try:
        yield
    except psycopg.Error as error:
        raise ours(error) from error


def ours(error: psycopg.Error) -> KonsensError:
    """Return our error for one of PostgreSQL's, by its five-letter code."""
    state = error.sqlstate or ""
    problem = (error.diag.message_primary or str(error).partition("\n")[0]).strip()
    if state in BUSY:
        return Locked("registry.busy")
    if state == FULL:
        return Unavailable("postgres.too_many_waiting", most=error.diag.message_detail or "?")
    if state.startswith(DAMAGED):
        return Damaged("registry.damaged", problem=problem)
    return Unavailable("registry.cannot_write", problem=problem)
