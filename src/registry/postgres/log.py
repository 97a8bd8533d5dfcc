"""The verbs of a log, on one in PostgreSQL: for those who read and prove, and for small tools that append."""

from __future__ import annotations

from typing import Self

from ...errors import Damaged, InputError, Unavailable, VerificationError
from ..checkpoint import check_checkpoint
from ..folder import check_registry_origin
from ..log import SealLog
from ..note import NoteSigner, parse_vkey, render_vkey
from .schema import ENTRIES_PER_PARTITION
from .store import PostgresStore

__all__ = ["PostgresLog", "create_postgres", "open_postgres"]


class PostgresLog(SealLog):
    """The log in a schema.

    While a sequencer runs, `append` and `publish` wait for it in vain (`registry.busy`): an `Intake` appends.
    It belongs to the thread that opened it.
    """

    def __init__(self, store: PostgresStore) -> None:
        try:
            super().__init__(store, parse_vkey(store.vkey))
        except (InputError, VerificationError) as error:
            store.close()
            raise Damaged("registry.vkey", folder=store.session.schema) from error
        self._postgres = store

    def confirmed(self) -> int:
        """Return how many entries are certain; what comes after them must not be acknowledged."""
        return self._postgres.confirmed()

    def cosigned(self) -> str | None:
        return self._postgres.cosigned()

    def keep_cosigned(self, note: str) -> None:
        """Keep a checkpoint of this log with cosignatures; proofs that are made now carry them.

        Raises `registry.not_yet_checkpointed` unless it is one that was published here. A note about an
        older checkpoint than the one kept is passed over.
        """
        given = check_checkpoint(note, self.vkey)
        published = next(iter(self._postgres.checkpoints(given.size)), (0, ""))
        if published[0] != given.size or check_checkpoint(published[1], self.vkey).root != given.root:
            raise Unavailable("registry.not_yet_checkpointed", index=given.size - 1)
        self._postgres.keep_cosigned(given.size, note)
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create_postgres(
    dsn: str, *, schema: str, signer: NoteSigner, entries_per_partition: int = ENTRIES_PER_PARTITION
) -> PostgresLog:
    """Make an empty log under the signer's name, and open it. Raises `registry.origin`, `registry.exists`."""
    check_registry_origin(signer.name)
    vkey = render_vkey(signer.vkey)
    return PostgresLog(
        PostgresStore.create(dsn, schema=schema, vkey=vkey, entries_per_partition=entries_per_partition)
    )


def open_postgres(dsn: str, *, schema: str, wait: float = 10.0) -> PostgresLog:
    """Open the log in `schema` of the database that `dsn` names (libpq, "Connection Strings").

    Raises `postgres.no_log`, `postgres.no_driver` without psycopg, `registry.cannot_write` if nobody answers.
    """
    return PostgresLog(PostgresStore(dsn, schema=schema, wait=wait))
