"""A store in memory, with the same promises as the one on disk except that it ends with the process.

>>> store = MemoryStore()
>>> with store.writing():
...     store.add_entries([bytes(33)])
>>> store.size()
1
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from ..errors import Locked
from .leaf import HEAD_LEAF_SIZE, PUBLIC_LEAF_SIZE
from .seal_map import Row, Span
from .store import Tile

__all__ = ["MemoryStore"]


class MemoryStore:
    """Entries and what follows from them in lists and mappings; see `Store` for the rules."""

    def __init__(self, *, wait: float = 10.0) -> None:
        self._entries: list[bytes] = []
        self._broken: dict[bytes, int] = {}
        self._seals: list[bytes] = []
        self._public: dict[bytes, int] = {}
        self._heads: list[int] = []
        self._tiles: dict[tuple[int, int], Tile] = {}
        self._checkpoints: dict[int, str] = {}
        self._writer = Lock()
        self._wait = wait

    def size(self) -> int:
        return len(self._entries)

    def entry(self, index: int) -> bytes | None:
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def entries(self, start: int, stop: int) -> list[bytes]:
        return self._entries[start:stop]

    def broken(self, seal: bytes) -> int | None:
        return self._broken.get(seal)

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        return {seal: self._broken[seal] for seal in seals if seal in self._broken}

    def rows(self, spans: Sequence[Span]) -> Iterable[Row]:
        for first, last in spans:
            for seal in self._seals[bisect_left(self._seals, first) : bisect_right(self._seals, last)]:
                yield seal, self._broken[seal]

    def rows_of(self, start: int, stop: int) -> list[Row]:
        found = [(index, seal) for seal, index in self._broken.items() if start <= index < stop]
        return [(seal, index) for index, seal in sorted(found)]

    def row_count(self, start: int) -> int:
        return sum(index >= start for index in self._broken.values())

    def public(self, digest: bytes) -> int | None:
        return self._public.get(digest)

    def head_below(self, index: int) -> int | None:
        place = bisect_left(self._heads, index)
        return self._heads[place - 1] if place else None

    def head_from(self, index: int) -> int | None:
        place = bisect_left(self._heads, index)
        return self._heads[place] if place < len(self._heads) else None

    def tile(self, level: int, index: int) -> Tile | None:
        return self._tiles.get((level, index))

    def tile_roots(self, level: int, start: int, stop: int) -> list[bytes]:
        return [
            self._tiles[level, index].root for index in range(start, stop) if (level, index) in self._tiles
        ]

    def tile_count(self) -> int:
        return len(self._tiles)

    def checkpoint(self) -> tuple[int, str] | None:
        size = max(self._checkpoints, default=None)
        return None if size is None else (size, self._checkpoints[size])

    def checkpoints(self, start: int) -> list[tuple[int, str]]:
        return sorted((size, note) for size, note in self._checkpoints.items() if size >= start)

    @contextmanager
    def writing(self) -> Iterator[None]:
        if not self._writer.acquire(timeout=self._wait):
            raise Locked("registry.busy")
        before = {name: value.copy() for name, value in vars(self).items() if isinstance(value, list | dict)}
        try:
            yield
        except BaseException:
            vars(self).update(before)
            raise
        finally:
            self._writer.release()

    def add_entries(self, entries: Sequence[bytes]) -> None:
        for index, entry in enumerate(entries, len(self._entries)):
            self._entries.append(entry)
            if len(entry) == PUBLIC_LEAF_SIZE:
                self._public.setdefault(entry[1:], index)
            elif len(entry) == HEAD_LEAF_SIZE:
                self._heads.append(index)

    def add_rows(self, rows: Sequence[Row]) -> None:
        for seal, index in rows:
            insort(self._seals, seal)
            self._broken[seal] = index

    def add_tiles(self, tiles: Sequence[Tile]) -> None:
        self._tiles.update({(tile.level, tile.index): tile for tile in tiles})

    def add_checkpoint(self, size: int, note: str) -> None:
        self._checkpoints.setdefault(size, note)

    def close(self) -> None:
        """Nothing to let go of."""
