"""The seal map: which seals are broken, as one root, with a short proof for every seal, broken or not.

>>> from hashlib import sha256
>>> rows = [(sha256(b"seal 0").digest(), 0), (sha256(b"seal 1").digest(), 1)]
>>> asked = sha256(b"other").digest()
>>> proof = SealMap(source_of(rows), size=2).prove(asked)
>>> print(check_map_proof(proof, seal=asked, root=map_root(rows), size=2))
None
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..errors import Damaged, InputError
from .map_proof import check_map_proof, render_map_proof
from .map_top import MapTop
from .trie import EMPTY_MAP, Row, TrieLeaf, map_root, subtree, trie_leaf

__all__ = ["EMPTY_MAP", "Row", "RowSource", "SealMap", "Span", "check_map_proof", "map_root", "source_of"]

Span = tuple[bytes, bytes]
"""The first and the last of some seals, both included."""

RowSource = Callable[[Sequence[Span]], Iterable[Row]]
"""Returns the rows whose seals lie in one of the spans, in any order. The spans are in order and apart."""

_ABOVE_ANY = b"\xff" * 33  # no hash sorts behind it

FEWEST_LEVELS, MOST_LEVELS = 12, 20  # 20 levels take 69 MB: what serves a million rows well, and ten million


def source_of(rows: Iterable[Row]) -> RowSource:
    """Return a row source over rows in memory."""
    ordered = sorted(rows)

    def rows_in(spans: Sequence[Span]) -> Iterable[Row]:
        for first, last in spans:
            yield from ordered[bisect_left(ordered, (first, -1)) : bisect_right(ordered, (last, 1 << 64))]

    return rows_in


class SealMap:
    """Root and proofs over a source of rows, with the top levels of the trie kept in memory.

    - It is the map of all rows with an index below `size`. Rows beyond are passed over, so the source may
      be ahead, and any past map can be shown again.
    - Only rows are durable. What is in memory follows from them; if rows that were inserted here are then
      rolled back in the source, this map is to be thrown away.
    - What lies below the top levels, in the *buckets*, is read again whenever it is touched, and must still
      be what the top was made of (`registry.seal_rows`).
    """

    def __init__(
        self, rows: RowSource, *, size: int, levels: int | None = None, top: MapTop | None = None
    ) -> None:
        """Build the map from all rows; or trust `top`, if the caller knows that it is that of `size`."""
        self._rows = rows
        self.size = size
        self._top = top or self._built(_levels_for(size) if levels is None else levels)

    def root(self) -> bytes:
        """Return the root of the map."""
        return self._top.hash(1)

    def top(self) -> MapTop:
        """Return what is kept in memory."""
        return self._top

    def insert(self, rows: Iterable[Row], *, size: int) -> None:
        """Take in `rows`, which are all rows with an index from the old size on, and grow to `size`.

        Whether the source holds them already does not matter. Refused, with nothing changed: an index out
        of range (`seal.rows`), a seal that is already broken (`seal.repeated`). If the source has changed
        older rows meanwhile, `registry.seal_rows`; then drop this map.
        """
        new = sorted(rows)
        if size < self.size or any(not self.size <= index < size for _, index in new):
            raise InputError("seal.rows")
        # Eightfold growth, so that building anew stays a small part of the work.
        if (levels := _levels_for(size)) >= self._top.levels + 3 or levels == MOST_LEVELS > self._top.levels:
            deeper = self._built(levels)
            if deeper.hash(1) != self.root():
                raise Damaged("registry.seal_rows", size=self.size)
            self._top = deeper
        top = self._top
        added = _by_bucket(map(trie_leaf, new), top)
        kept, said = self._kept(added)
        touched = {*added, *kept, *said}
        whole = {bucket: sorted(kept.get(bucket, []) + added.get(bucket, [])) for bucket in touched}
        top.put(_hashed(whole, top))
        top.rise(whole)
        self.size = size

    def prove(self, seal: bytes) -> bytes:
        """Return the proof that `seal` is broken, or that it is not; `check_map_proof` reads it."""
        bits = int.from_bytes(seal, "big")
        top, node, depth, siblings = self._top, 1, 0, []
        while top.weights[node] == 2 and depth < top.levels:
            node = 2 * node + (bits >> (255 - depth) & 1)
            siblings.append(top.hash(node ^ 1))
            depth += 1
        rows = self._below([_span(node - (1 << depth), depth)]) if top.weights[node] else []
        while len(rows) > 1:
            side = bits >> (255 - depth) & 1
            sides: tuple[list[Row], list[Row]] = ([], [])
            for row in rows:
                sides[row[0][depth >> 3] >> (7 - (depth & 7)) & 1].append(row)
            depth += 1
            siblings.append(subtree([trie_leaf(row) for row in sides[1 - side]], depth))
            rows = sides[side]
        return render_map_proof(seal, siblings, rows)

    def _below(self, spans: Sequence[Span]) -> list[Row]:
        """Return the sorted rows of this map whose seals lie in `spans`."""
        size = self.size
        return sorted([row for row in self._rows(spans) if row[1] < size])

    def _built(self, levels: int) -> MapTop:
        """Return the upper levels, made of all rows."""
        top = MapTop(levels)
        depth = min(max(0, self.size.bit_length() - 15), levels)  # some ten thousand rows at a time
        for prefix in range(1 << depth):
            leaves = map(trie_leaf, self._below([_span(prefix, depth)]))
            top.put(_hashed(_by_bucket(leaves, top), top))
        top.rise_all()
        return top

    def _kept(self, added: Iterable[int]) -> tuple[dict[int, list[TrieLeaf]], list[int]]:
        """Return what the source holds where `added` buckets lie, once hashes were made of it.

        In full below every node that is said to have one row: the root commits to the row there, but neither
        to its bucket nor to its being one (`MapTop`). So the buckets that were said to have it come, too.
        """
        top = self._top
        nodes = [node for node in dict.fromkeys(map(top.lone, added)) if top.weights[node]]
        spans = [_span(node - (1 << depth), depth) for node in nodes for depth in [node.bit_length() - 1]]
        leaves = [trie_leaf(row) for row in self._below(spans)]
        for node, (first, last) in zip(nodes, spans, strict=True):
            start, stop = bisect_left(leaves, (first, b"")), bisect_left(leaves, (last, _ABOVE_ANY))
            if subtree(leaves[start:stop], node.bit_length() - 1) != top.hash(node):
                raise Damaged("registry.seal_rows", size=self.size)
        return _by_bucket(leaves, top), [top.lone_bucket(node) for node in nodes]


def _by_bucket(leaves: Iterable[TrieLeaf], top: MapTop) -> dict[int, list[TrieLeaf]]:
    """Return sorted leaves by the number of their bucket."""
    base, shift = top.base, 32 - top.levels
    buckets: dict[int, list[TrieLeaf]] = {}
    for leaf in leaves:
        bucket = base + (int.from_bytes(leaf[0][:4], "big") >> shift)
        if bucket in buckets:
            buckets[bucket].append(leaf)
        else:
            buckets[bucket] = [leaf]
    return buckets


def _hashed(buckets: Mapping[int, Sequence[TrieLeaf]], top: MapTop) -> list[tuple[int, int, bytes]]:
    """Return number, weight and hash of buckets."""
    levels = top.levels
    return [(n, min(len(leaves), 2), subtree(leaves, levels)) for n, leaves in buckets.items()]


def _span(prefix: int, depth: int) -> Span:
    """Return the span of the seals that begin with the `depth` bits of `prefix`."""
    width = 256 - depth
    return (prefix << width).to_bytes(32, "big"), ((prefix + 1 << width) - 1).to_bytes(32, "big")


def _levels_for(size: int) -> int:
    return min(max(FEWEST_LEVELS, size.bit_length() + 1), MOST_LEVELS)
