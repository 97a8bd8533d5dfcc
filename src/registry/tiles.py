"""The hashes of the tree in tiles of 256, so that every proof is a few look-ups (C2SP tlog-tiles).

A tile of level 0 holds 256 leaf hashes, one of level L + 1 the roots of 256 neighbouring tiles of level L.
Only full tiles are stored, and they never change. What is not yet in a full tile is the *rest*: at most 255
hashes a level, read back from the entries and from the roots of the tiles below.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from .store import Store, Tile
from .tree import EMPTY_ROOT, NodeSource, leaf_hash, node_hashes

__all__ = ["TileBuilder", "nodes_of"]

WIDTH = 256


class TileBuilder:
    """Turns leaf hashes, in order, into full tiles of all levels."""

    def __init__(self, size: int = 0, rests: Iterable[list[bytes]] = ()) -> None:
        self.size = size
        self._rests = list(rests)

    @classmethod
    def at(cls, store: Store, size: int) -> TileBuilder:
        """Return the builder of a tree of `size` leaves that `store` holds."""
        rests, level, count = [], 0, size
        while count:
            rests.append(_hashes(store, level, count - count % WIDTH, count))
            level, count = level + 1, count // WIDTH
        return cls(size, rests)

    def rest(self, level: int) -> list[bytes]:
        """Return the hashes of `level` that are not yet in a full tile."""
        return list(self._rests[level]) if level < len(self._rests) else []

    def extend(self, hashes: Iterable[bytes]) -> list[Tile]:
        """Take in leaf hashes and return the tiles that are full now."""
        tiles: list[Tile] = []
        row, level, size = list(hashes), 0, self.size
        self.size += len(row)
        while row:
            if level == len(self._rests):
                self._rests.append([])
            row, size = self._rests[level] + row, size // WIDTH
            full = len(row) - len(row) % WIDTH
            self._rests[level] = row[full:]
            parts = [b"".join(row[start : start + WIDTH]) for start in range(0, full, WIDTH)]
            new = [Tile(level, index, _tile_root(part), part) for index, part in enumerate(parts, size)]
            tiles += new
            row, level = [tile.root for tile in new], level + 1
        return tiles


# Who appends and then publishes needs each tile twice, and proofs need the upper tiles again and again.
@lru_cache(maxsize=64)
def _rows_over(hashes: bytes) -> list[list[bytes]]:
    """Return the hashes of a tile, full or not, and above them, row by row, its complete subtrees."""
    rows = [[hashes[place : place + 32] for place in range(0, len(hashes), 32)]]
    while len(rows[-1]) > 1:
        rows.append(node_hashes(rows[-1][: len(rows[-1]) & ~1]))
    return rows


def _tile_root(hashes: bytes) -> bytes:
    return _rows_over(hashes)[8][0]


def nodes_of(store: Store) -> NodeSource:
    """Return the source of complete subtrees of the log in `store`; it keeps two tiles of every height.

    For a subtree that is not there it returns the root of nothing: the path that it is in leads nowhere.
    """
    kept: dict[tuple[int, bool], tuple[int, bytes]] = {}  # by height and whether it is full: number, hashes

    def node(level: int, index: int) -> bytes:
        height, up = divmod(level, 8)
        number, here = divmod(index << up, WIDTH)
        for full in (False, True):
            place, hashes = kept.get((height, full), (-1, b""))
            if place == number and len(hashes) >= 32 * (here + (1 << up)):
                break
        else:  # another one, or it has grown
            tile = store.tile(height, number)
            hashes = tile.hashes if tile else _rest(store, height, number)
            kept[height, tile is not None] = number, hashes
        rows, here = _rows_over(hashes), here >> up
        return rows[up][here] if up < len(rows) and here < len(rows[up]) else EMPTY_ROOT

    return node


def _rest(store: Store, height: int, number: int) -> bytes:
    return b"".join(_hashes(store, height, number * WIDTH, (number + 1) * WIDTH))


def _hashes(store: Store, level: int, start: int, stop: int) -> list[bytes]:
    """Return the hashes from `start` up to `stop` of a level of tiles, from what lies below it."""
    if level == 0:
        return [leaf_hash(entry) for entry in store.entries(start, stop)]
    return store.tile_roots(level - 1, start, stop)
