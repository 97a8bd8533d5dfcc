"""The right edge of a tree in tiles: the last tile of each level, as far as it is not full.

From its hashes alone the root follows, so they are checked together, and everything else against them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..tree import Frontier, root_of
from .paths import WIDTH, TileName

__all__ = ["edge_of", "edge_root"]


def edge_of(size: int) -> Iterator[TileName]:
    """Yield the partial tiles of a tree of `size` entries (tlog-tiles, "Partial Tiles"), level by level."""
    level = 0
    while size:
        if width := size % WIDTH:
            yield TileName(level, size // WIDTH, width)
        level, size = level + 1, size // WIDTH


def edge_root(size: int, hashes: Mapping[int, Sequence[bytes]]) -> bytes:
    """Return the root of a tree of `size` entries; `hashes` are those of its partial tiles, by level."""

    def node(level: int, index: int) -> bytes:
        height, levels = divmod(level, 8)
        first = (index << levels) % WIDTH
        return root_of(hashes[height][first : first + (1 << levels)])

    return Frontier.at(size, node).root()
