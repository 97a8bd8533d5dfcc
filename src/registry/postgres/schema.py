"""The tables of a log, made and brought up to date in numbered steps.

A step is one file of SQL. It is applied once, in one transaction, and recorded with its digest; a file that
is changed afterwards is not what the log was made with, and is refused.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

import msgspec

from ...errors import Conflict, Damaged, InputError, NotFound
from ..tree import EMPTY_ROOT
from .driver import Connection, connect, sql, translated

__all__ = ["ENTRIES_PER_PARTITION", "check_schema", "create_log", "lock_of", "migrate_schema"]

ENTRIES_PER_PARTITION = 1 << 24  # three levels of full tiles, some 3 GB: what is pruned later goes at once
RECORD = """
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY, digest bytea NOT NULL, at timestamptz NOT NULL DEFAULT now()
)"""


class Migration(msgspec.Struct, frozen=True):
    """One numbered step."""

    number: int
    sql: str

    @property
    def digest(self) -> bytes:
        """What is recorded of it."""
        return sha256(self.sql.encode()).digest()


def migrate_schema(dsn: str, schema: str, *, wait: float = 10.0) -> list[int]:
    """Apply what is missing, make the schema if there is none, and return the numbers that were applied.

    Needs the rights of the schema's owner. Two that do it at once wait for each other.
    """
    applied = []
    with connect(dsn, schema, wait=wait) as db, translated(), db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (lock_of(f"{schema}/migrations"),))
        if db.execute("SELECT to_regnamespace(%s)", (schema,)).fetchone() == (None,):
            db.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        db.execute(RECORD)
        done = _recorded(db)
        for migration in migrations():
            if migration.number not in done:
                db.execute(migration.sql)
                db.execute("INSERT INTO migrations VALUES (%s, %s)", (migration.number, migration.digest))
                applied.append(migration.number)
    return applied


def create_log(
    dsn: str, schema: str, *, vkey: str, entries_per_partition: int = ENTRIES_PER_PARTITION
) -> None:
    """Make the empty log of the verifier key `vkey`; `registry.exists` if there is one."""
    migrate_schema(dsn, schema)
    with connect(dsn, schema, wait=10.0) as db, translated(), db.transaction():
        made = db.execute(
            "INSERT INTO log (vkey, entries_per_partition) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (vkey, entries_per_partition),
        )
        if not made.rowcount:
            raise Conflict("registry.exists", folder=schema)
        db.execute("INSERT INTO head (size, root, confirmed) VALUES (0, %s, 0)", (EMPTY_ROOT,))
        db.execute("SELECT make_partition(0), make_partition(1)")


def check_schema(db: Connection, schema: str) -> None:
    """Raise unless the schema is as this konsens makes it.

    `postgres.no_log` if there is no log in it, or an older one; `registry.newer` if a newer konsens made it.
    """
    with translated():
        if db.execute("SELECT to_regclass('migrations')").fetchone() == (None,):
            raise NotFound("postgres.no_log", schema=schema)
        done = _recorded(db)
    if any(migration.number not in done for migration in migrations()):
        raise NotFound("postgres.no_log", schema=schema)
    if len(done) > len(migrations()):
        raise InputError("registry.newer", file=schema)


def lock_of(name: str) -> int:
    """Return the number of the advisory lock for `name`: one for each log of a database."""
    return int.from_bytes(sha256(f"konsens/{name}".encode()).digest()[:8], "big", signed=True)


@cache
def migrations() -> tuple[Migration, ...]:
    """Return all steps in order."""
    folder = files(__package__) / "migrations"
    found = sorted(
        (file.name, file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".sql")
    )
    return tuple(Migration(int(name[:4]), sql) for name, sql in found)


def _recorded(db: Connection) -> set[int]:
    done = {number: bytes(digest) for number, digest in db.execute("SELECT number, digest FROM migrations")}
    for migration in migrations():
        if done.get(migration.number, migration.digest) != migration.digest:
            raise Damaged("registry.damaged", problem=f"migration {migration.number} was another one")
    return set(done)
