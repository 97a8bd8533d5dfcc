"""Sequencers that run beside a test, and what can be said of a log as a whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from konsens.errors import KonsensError, Locked, Unavailable
from konsens.registry import SealLeaf, SealMap, SignerHead, SqliteStore
from konsens.registry.leaf import parse_leaf
from konsens.registry.postgres import PostgresStore, Sequencer, create_postgres
from konsens.registry.walk import Walk
from tests.registry.logs import ORIGIN, SIGNER, VKEY

PATIENCE = 10.0


class Log:
    """A log in some schema, and the home of its operator."""

    def __init__(self, dsn: str, schema: str, home: Path) -> None:
        self.dsn, self.schema, self.home = dsn, schema, home

    @classmethod
    def create(cls, dsn: str, schema: str, home: Path) -> Log:
        create_postgres(dsn, schema=schema, signer=SIGNER, entries_per_partition=512).close()
        return cls(dsn, schema, home)

    @property
    def remembered(self) -> SignerHead:
        return SignerHead(self.home / "signed", wait=0.2)

    def sequencer(self, **named: Any) -> Sequencer:
        given: dict[str, Any] = {"single_node": True, "remembered": self.remembered, **named}
        return Sequencer(self.dsn, SIGNER, schema=self.schema, **given)

    @contextmanager
    def running(self, **named: Any) -> Iterator[list[KonsensError]]:
        """Let a sequencer run; yields the list into which the error goes that ended it, if one does."""
        stop, ended = threading.Event(), list[KonsensError]()
        sequencer = self.sequencer(**named)  # what it refuses is raised here, before the thread

        def run() -> None:
            try:
                with sequencer:
                    sequencer.run(stop)
            except KonsensError as error:
                ended.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield ended
        finally:
            stop.set()
            thread.join()

    def store(self) -> PostgresStore:
        return PostgresStore(self.dsn, schema=self.schema)

    def check(self) -> list[bytes]:
        """Go over the whole log as `fsck` does, and return its entries."""
        with closing(self.store()) as store, closing(SqliteStore.scratch()) as rows:
            walk = Walk(store, SealMap(rows.rows, size=0), origin=ORIGIN, problem=fail)
            entries = store.entries(0, store.size())
            for index, entry in enumerate(entries):
                one = parse_leaf(entry)
                if isinstance(one, SealLeaf):
                    rows.add_rows([(one.seal, index)])
            walk.feed(entries)
            assert walk.size == store.size() == len(entries)
            assert store.session.one("SELECT root FROM head") == (walk.frontier.root(),)
            assert store.row_count(0) == walk.seal_count
            assert store.tile_count() == walk.tile_count
            for size, note in store.checkpoints(0):
                walk.check_published(size, note, VKEY)
            return entries


def fail(check: str, index: int) -> None:
    raise AssertionError(f"{check} at {index}")


def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.005)


def sequence_for_ever(log: Log) -> None:
    """Sequence and publish until killed: what a process of its own does."""
    while True:
        with suppress(Locked, Unavailable), log.sequencer(publish_every=0.05) as sequencer:
            sequencer.run(threading.Event())
