"""Processes that write to a book until somebody kills them."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

from konsens.records import Book, Empty
from tests.records.parties import AT, Writer

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.records.parties"])


def grow_a_lane(path: Path, seed: bytes, told: Connection) -> None:
    """Add event after event to one lane, tell the number of each when it is durable."""
    writer = Writer(seed=seed)
    with Book.open(path, wait=30) as book:
        for number in range(10_000):
            content = [Empty()] if number % 2 else []
            outgoing = writer.outgoing("withdrawn" if number % 2 else "given", *content)
            anchored = outgoing.anchored_at(10 * number + seed[0])
            writer.events.append(anchored)
            with book.write():
                new = book.add(anchored, received_at=AT)
                book.set(f"last {seed[0]}", str(number).encode())
                book.keep(outgoing)
            told.send((number, new))


def create(path: Path, told: Connection) -> None:
    """Make a book."""
    told.send("ready")
    Book.create(path).close()
    told.send("done")
