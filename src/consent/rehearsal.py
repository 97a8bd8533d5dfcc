"""Rehearsing: every verb done in full on a copy in memory, so that it can be shown and nothing happened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

from ..errors import Conflict, NotFound, Unavailable
from ..records import Book
from ..registry import PublicLeaf, SealLeaf, SignedCheckpoint
from .log import Log

__all__ = ["RehearsedLog", "copy_of_book"]


class RehearsedLog:
    """A log that takes every leaf and writes none: what is appended comes after all that is there."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._start = log.size()
        self._entries: list[bytes] = []
        self._seals: dict[bytes, int] = {}

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._log.origin

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> list[int]:
        """Return the index that each leaf would have now."""
        self._log.check_own()
        return [self._add(leaf) for leaf in leaves]

    def find_public(self, digest: bytes) -> int | None:
        """Return the index of the public leaf over `digest`, or None."""
        entry = PublicLeaf(digest).entry
        if entry in self._entries:
            return self._start + self._entries.index(entry)
        return self._log.find_public(digest)

    def checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint, or None."""
        return self._log.checkpoint()

    def size(self) -> int:
        """Return how many entries there would be."""
        return self._start + len(self._entries)

    def entry(self, index: int) -> bytes:
        """Return the bytes of entry `index`."""
        if index < self._start:
            return self._log.entry(index)
        if index >= self.size():
            raise NotFound("registry.no_entry", index=index)
        return self._entries[index - self._start]

    def find(self, seal: bytes) -> int | None:
        """Return the index of the leaf that broke `seal`, or None."""
        return self._seals.get(seal, self._log.find(seal))

    def events_since(self, index: int) -> Iterator[tuple[int, bytes]]:
        """Yield index and bytes of every entry that there would be from `index` on."""
        for at, entry in self._log.events_since(index):
            if at < self._start:
                yield at, entry
        first = max(index, self._start)
        yield from enumerate(self._entries[first - self._start :], first)

    def check_own(self, *, size: int = 0) -> None:
        """Raise `registry.copy` or `registry.rolled_back` unless this is our log, as long as we saw it."""
        self._log.check_own(size=size - len(self._entries))

    def look(self, seals: Sequence[bytes], *, size: int = 0) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken, or raise as `check_own` does."""
        self.check_own(size=size)
        return self.broken_many(seals)

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken."""
        return self._log.broken_many(seals) | {seal: i for seal, i in self._seals.items() if seal in seals}

    def prove_inclusion(self, index: int) -> str:
        """Return a tlog-proof of an entry that is there."""
        if index >= self._start:
            raise Unavailable("registry.not_yet_checkpointed", index=index)
        return self._log.prove_inclusion(index)

    def head_before(self, index: int) -> datetime | None:
        """Return the time of the last head leaf before `index`."""
        return self._log.head_before(index)

    def head_after(self, index: int) -> datetime | None:
        """Return the time of the first head leaf after `index`."""
        return self._log.head_after(index)

    def _add(self, leaf: SealLeaf | PublicLeaf) -> int:
        if isinstance(leaf, SealLeaf):
            index = self.find(leaf.seal)
            if index is not None and self.entry(index) != leaf.entry:
                raise Conflict("seal.already_broken", seal=leaf.seal.hex())
        else:
            index = self.find_public(leaf.digest)
        if index is None:
            index = self.size()
            self._entries.append(leaf.entry)
            if isinstance(leaf, SealLeaf):
                self._seals[leaf.seal] = index
        return index


def copy_of_book(book: Book) -> Book:
    """Return a book in memory with everything that `book` holds."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    book.connection.backup(memory)
    return Book(book.path, memory, {})
