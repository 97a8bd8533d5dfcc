"""The files of a log as of a checkpoint, made from its entries (C2SP tlog-tiles)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...errors import Damaged
from ..checkpoint import Checkpoint
from ..store import Store
from ..tiles import TileBuilder
from ..tree import leaf_hash
from .edge import edge_of, edge_root
from .objects import ObjectStore
from .paths import WIDTH, bundle_path, partial_folder, tile_path
from .tile import render_bundle, render_tile

__all__ = ["Edge", "full_files"]

BUNDLES_AT_ONCE = 64  # 2 MB


def full_files(
    store: Store, builder: TileBuilder, start: int, stop: int
) -> Iterator[list[tuple[str, bytes]]]:
    """Yield, some at a time, the full bundles and tiles that the entries from `start` to `stop` make."""
    while start < stop:
        until = min(start + BUNDLES_AT_ONCE * WIDTH, stop)
        entries = store.entries(start, until)
        if len(entries) != until - start:
            raise Damaged("registry.damaged", problem=f"entry {start + len(entries)} is missing")
        tiles = builder.extend(leaf_hash(entry) for entry in entries)
        bundles = [
            (bundle_path((start + at) // WIDTH), render_bundle(entries[at : at + WIDTH]))
            for at in range(0, len(entries) - WIDTH + 1, WIDTH)
        ]
        yield [*bundles, *((tile_path(tile.level, tile.index), tile.hashes) for tile in tiles)]
        start = until


class Edge:
    """What is partial at the new size; shorter partial tiles of the same index are their beginnings."""

    def __init__(self, store: Store, builder: TileBuilder, new: Checkpoint) -> None:
        self._hashes = {tile.level: builder.rest(tile.level) for tile in edge_of(new.size)}
        if edge_root(new.size, self._hashes) != new.root:
            raise Damaged("registry.damaged", problem=f"checkpoint {new.size}")
        self._size = new.size
        self._entries = store.entries(new.size - new.size % WIDTH, new.size)

    def files(self, sizes: Iterable[int]) -> Iterator[tuple[str, bytes]]:
        """Yield the partial bundles and tiles of checkpoints of `sizes` that no full one replaces."""
        tiles = {tile for size in sizes for tile in edge_of(size)}
        wanted = {tile for tile in tiles if not self._is_full(tile.level, tile.index)}
        for tile in sorted(wanted, key=lambda tile: (tile.level, tile.width)):
            if tile.level == 0:
                yield bundle_path(tile.index, tile.width), render_bundle(self._entries[: tile.width])
            hashes = self._hashes[tile.level][: tile.width]
            yield tile_path(tile.level, tile.index, tile.width), render_tile(hashes)

    def outgrown(self, objects: ObjectStore, sizes: Iterable[int]) -> Iterator[str]:
        """Yield the partial bundles and tiles of checkpoints of `sizes` that a full one replaces."""
        places = {
            (level, tile.index)
            for size in sizes
            for tile in edge_of(size)
            if self._is_full(tile.level, tile.index)
            for level in ([None, 0] if tile.level == 0 else [tile.level])
        }
        for level, index in places:
            yield from objects.list(partial_folder(level, index))

    def _is_full(self, level: int, index: int) -> bool:
        return (index + 1) * WIDTH <= self._size >> 8 * level
