"""What the log asks of the place that keeps it: a `Store`, and what every store promises.

A store is dumb on purpose. It keeps what the log hands it, all or nothing, and never changes or forgets it;
which leaf may enter, and what follows from the entries, is decided in `log.py` and `walk.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from .seal_map import Row, Span

__all__ = ["Store", "Tile"]


class Tile(msgspec.Struct, frozen=True):
    """256 neighbouring hashes of one height, and the root over them (C2SP tlog-tiles, "Merkle Tree")."""

    level: int
    index: int
    root: bytes
    hashes: bytes


class Store(Protocol):
    """Entries in order, and what is derived from them so that it need not be computed again.

    - `writing()` is one durable step: everything added inside it is kept, or nothing is. Only one writer is
      inside at a time, in this process or another; who waits too long gets `registry.busy`.
    - `add_…` works inside `writing()` only.
    - Nothing that was added is ever changed or removed.
    - Readers see what other processes have added as soon as it is durable.
    """

    def size(self) -> int:
        """Return how many entries there are."""

    def entry(self, index: int) -> bytes | None:
        """Return the bytes of one entry, or None."""

    def entries(self, start: int, stop: int) -> list[bytes]:
        """Return the entries from `start` up to, not including, `stop`, or as far as there is no gap."""

    def broken(self, seal: bytes) -> int | None:
        """Return the index of the seal leaf that broke `seal`, or None."""

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken."""

    def rows(self, spans: Sequence[Span]) -> Iterable[Row]:
        """Return the broken seals in any of `spans`, which are in order and apart, each with its index."""

    def rows_of(self, start: int, stop: int) -> list[Row]:
        """Return the broken seals of the entries from `start` up to, not including, `stop`, by index."""

    def row_count(self, start: int) -> int:
        """Return how many seals are broken by the entry `start` or a later one."""

    def public(self, digest: bytes) -> int | None:
        """Return the index of the public leaf over `digest`, or None."""

    def head_below(self, index: int) -> int | None:
        """Return the index of the last head leaf below `index`, or None."""

    def head_from(self, index: int) -> int | None:
        """Return the index of the first head leaf at or after `index`, or None."""

    def tile(self, level: int, index: int) -> Tile | None:
        """Return one full tile, or None while it is not full."""

    def tile_roots(self, level: int, start: int, stop: int) -> list[bytes]:
        """Return the roots of the full tiles from `start` up to, not including, `stop`."""

    def tile_count(self) -> int:
        """Return how many full tiles there are, over all levels."""

    def checkpoint(self) -> tuple[int, str] | None:
        """Return size and signed note of the newest published checkpoint, or None."""

    def checkpoints(self, start: int) -> list[tuple[int, str]]:
        """Return size and signed note of every published checkpoint of `start` entries or more, in order."""

    def writing(self) -> AbstractContextManager[None]:
        """Enter the one place where something can be added; see the rules above."""

    def add_entries(self, entries: Sequence[bytes]) -> None:
        """Add entries at the end."""

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Add broken seals."""

    def add_tiles(self, tiles: Sequence[Tile]) -> None:
        """Add full tiles."""

    def add_checkpoint(self, size: int, note: str) -> None:
        """Add a published checkpoint; one that is there already stays as it is."""

    def close(self) -> None:
        """Let go of the store."""
