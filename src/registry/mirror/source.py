"""Where a mirror copies from: anything that shows a checkpoint, entries and hashes of the tree."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from ...errors import KonsensError, Unavailable
from ..checkpoint import parse_signed_checkpoint
from ..folder import COSIGNED, LOG
from ..sqlite import SqliteStore
from ..tiles import nodes_of

__all__ = ["FolderSource", "Note", "Noted", "Source"]


class Noted(Protocol):
    """Something with a signed note: a `SignedCheckpoint`, or what a reader of static files fetched."""

    @property
    def note(self) -> str:
        """The checkpoint, as a signed note."""


class Source(Protocol):
    """What is asked of a log. Nothing that it says is believed.

    `checkpoint` is the newest one, with the cosignatures that are there. `entries` and `node` speak about the
    log of the checkpoint that was given out last.
    """

    def checkpoint(self) -> Noted:
        """Return the newest checkpoint."""

    def entries(self, start: int, stop: int) -> list[bytes]:
        """Return entries from `start` on, up to `stop` (excluded), fewer if it likes."""

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree over the entries i·2^level … (i+1)·2^level − 1."""


class Note(msgspec.Struct, frozen=True):
    """A signed note by itself."""

    note: str


class FolderSource:
    """A registry in a folder, somebody else's or one's own; it is only read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = SqliteStore(folder / LOG, read_only=True)
        self._node = nodes_of(self._store)

    def checkpoint(self) -> Note:
        newest = self._store.checkpoint()
        if newest is None:
            raise Unavailable("registry.not_yet_checkpointed", index=0)
        self._node = nodes_of(self._store)
        with suppress(OSError, UnicodeDecodeError, KonsensError):
            kept = (self._folder / COSIGNED).read_text("utf-8")
            if parse_signed_checkpoint(kept).checkpoint == parse_signed_checkpoint(newest[1]).checkpoint:
                return Note(kept)
        return Note(newest[1])

    def entries(self, start: int, stop: int) -> list[bytes]:
        return self._store.entries(start, stop)

    def node(self, level: int, index: int) -> bytes:
        return self._node(level, index)

    def close(self) -> None:
        """Let go of the folder."""
        self._store.close()
