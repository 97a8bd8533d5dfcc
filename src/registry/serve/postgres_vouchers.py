"""Vouchers in PostgreSQL, in the log's schema: what one node registers, all of them honour."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from ...errors import RefusedByPolicy
from ..postgres.driver import Connection, connect, translated
from .vouchers import LEASE_SECONDS, hash_of

__all__ = ["PostgresVouchers"]


class PostgresVouchers:
    """See `Vouchers`; each call is one durable step, from any thread, on one connection."""

    def __init__(self, dsn: str, *, schema: str) -> None:
        self._dsn, self._schema = dsn, schema
        self._mutex = Lock()
        self._db = self._connect()

    def register(self, hashes: Sequence[bytes], *, member: str, most: int) -> None:
        with self._step() as db:
            # Two nodes that register for one member count one after the other.
            db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{self._schema} {member}"])
            db.execute(
                "INSERT INTO vouchers (hash, member) SELECT hash, %s FROM unnest(%s::bytea[]) AS new(hash)"
                " ON CONFLICT DO NOTHING",
                [member, list(dict.fromkeys(hashes))],
            )
            question = "SELECT count(*) > %s FROM vouchers WHERE member = %s AND idx IS NULL"
            if db.execute(question, [most, member]).fetchone() == (True,):
                raise RefusedByPolicy("append.vouchers", limit=most)

    def unspent(self, vouchers: Sequence[bytes]) -> set[bytes]:
        known = {hash_of(voucher): voucher for voucher in vouchers}
        question = (
            "SELECT hash FROM vouchers WHERE hash = ANY(%s) AND (idx IS NULL"
            " OR (idx < 0 AND idx > %s - extract(epoch FROM clock_timestamp())::bigint))"
        )
        with self._step() as db:
            return {known[bytes(digest)] for (digest,) in db.execute(question, [list(known), LEASE_SECONDS])}

    def reserve(self, vouchers: Sequence[bytes], *, most: int) -> set[bytes]:
        known = {hash_of(voucher): voucher for voucher in vouchers}
        # As in a file beside a log, what is reserved has the moment of it as a negative index, by the
        # one clock of all nodes. What another node is reserving at this moment is not free.
        statement = (
            "WITH free AS MATERIALIZED (SELECT hash FROM vouchers WHERE hash = ANY(%s) AND (idx IS NULL"
            " OR (idx < 0 AND idx > %s - extract(epoch FROM clock_timestamp())::bigint))"
            " LIMIT %s FOR UPDATE SKIP LOCKED) UPDATE vouchers"
            " SET idx = -extract(epoch FROM clock_timestamp())::bigint FROM free"
            " WHERE vouchers.hash = free.hash RETURNING free.hash"
        )
        with self._step() as db:
            taken = db.execute(statement, [list(known), LEASE_SECONDS, most])
            return {known[bytes(digest)] for (digest,) in taken}

    def release(self, vouchers: Collection[bytes]) -> None:
        hashes = sorted(map(hash_of, vouchers))
        statement = "UPDATE vouchers SET idx = NULL WHERE hash = %s AND idx < 0"
        with self._step() as db, db.cursor() as cursor:
            cursor.executemany(statement, [(digest,) for digest in hashes])

    def spend(self, spent: Mapping[bytes, int]) -> None:
        # In one order, or two nodes could wait for each other.
        rows = sorted((hash_of(voucher), index) for voucher, index in spent.items())
        statement = "UPDATE vouchers SET idx = %s WHERE hash = %s AND (idx IS NULL OR idx < 0)"
        with self._step() as db, db.cursor() as cursor:
            cursor.executemany(statement, [(index, digest) for digest, index in rows])

    def close(self) -> None:
        """Let go of the connection."""
        self._db.close()

    @contextmanager
    def _step(self) -> Iterator[Connection]:
        with self._mutex, translated():
            if self._db.closed:
                self._db = self._connect()
            with self._db.transaction():
                yield self._db

    def _connect(self) -> Connection:
        return connect(self._dsn, self._schema, wait=10.0)
