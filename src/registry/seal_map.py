"""The seal map: which seals are broken, as one root, with a short proof for every seal, broken or not.

A binary trie over the bits of the seals. No level is skipped: in a trie that skips levels (Patricia) a prover
can lie about the bit of a branch and so forge the absence of a broken seal.

>>> rows = [(sha256(b"seal 0").digest(), 0), (sha256(b"seal 1").digest(), 1)]
>>> asked = sha256(b"other").digest()
>>> proof = SealMap(source_of(rows), size=2).prove(asked)
>>> print(check_map_proof(proof, seal=asked, root=map_root(rows), size=2))
None
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from ..errors import Damaged, InputError, VerificationError

__all__ = ["EMPTY_MAP", "Row", "RowSource", "SealMap", "Span", "check_map_proof", "map_root", "source_of"]

Row = tuple[bytes, int]
"""A broken seal, and the index of the seal leaf that broke it."""

Span = tuple[bytes, bytes]
"""The first and the last of some seals, both included."""

RowSource = Callable[[Sequence[Span]], Iterable[Row]]
"""Returns the rows whose seals lie in one of the spans, in any order. The spans are in order and apart."""

EMPTY_MAP = bytes(32)
FEWEST_LEVELS, MOST_LEVELS = 12, 18  # 18 levels take 17 MB and serve a million rows well

_ABSENT, _OTHER, _BROKEN = 0, 1, 2


def map_root(rows: Iterable[Row]) -> bytes:
    """Return the root over `rows` in any order; a repeated seal is refused (`seal.repeated`)."""
    return _subtree(sorted(rows), 0)


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
    """

    def __init__(self, rows: RowSource, *, size: int, levels: int | None = None) -> None:
        self._rows = rows
        self.size = size
        self._build(_levels_for(size) if levels is None else levels)

    def root(self) -> bytes:
        """Return the root of the map."""
        return bytes(self._nodes[32:64])

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
        if (levels := _levels_for(size)) >= self._levels + 3 or levels == MOST_LEVELS > self._levels:
            before = self.root()
            self._build(levels)
            if self.root() != before:
                raise Damaged("registry.seal_rows", size=self.size)
        self._put(self._buckets(new, among_others=True))
        self.size = size

    def prove(self, seal: bytes) -> bytes:
        """Return the proof that `seal` is broken, or that it is not; `check_map_proof` reads it."""
        bits = int.from_bytes(seal, "big")
        node, depth, siblings = 1, 0, []
        while self._weights[node] == 2 and depth < self._levels:
            node = 2 * node + (bits >> (255 - depth) & 1)
            siblings.append(bytes(self._nodes[32 * (node ^ 1) : 32 * (node ^ 1) + 32]))
            depth += 1
        rows = self._below(node - (1 << depth), depth) if self._weights[node] else []
        while len(rows) > 1:
            side = bits >> (255 - depth) & 1
            sides: tuple[list[Row], list[Row]] = ([], [])
            for row in rows:
                sides[row[0][depth >> 3] >> (7 - (depth & 7)) & 1].append(row)
            depth += 1
            siblings.append(_subtree(sides[1 - side], depth))
            rows = sides[side]
        return _render_proof(seal, siblings, rows)

    def _below(self, prefix: int, depth: int) -> list[Row]:
        """Return the sorted rows of this map whose seals begin with the `depth` bits of `prefix`."""
        width = 256 - depth
        first = (prefix << width).to_bytes(32, "big")
        last = (((prefix + 1) << width) - 1).to_bytes(32, "big")
        size = self.size
        return sorted([row for row in self._rows([(first, last)]) if row[1] < size])

    def _build(self, levels: int) -> None:
        self._levels = levels
        self._nodes = bytearray(64 << levels)  # node n at 32·n; the root is 1, its children 2 and 3, …
        self._weights = bytearray(2 << levels)  # rows below a node: 0, 1, or 2 for more
        depth = min(max(0, self.size.bit_length() - 15), levels)  # some ten thousand rows at a time
        found: list[tuple[int, int, bytes]] = []
        for prefix in range(1 << depth):
            found += self._buckets(self._below(prefix, depth), among_others=False)
        self._put(found)

    def _buckets(self, rows: Sequence[Row], *, among_others: bool) -> list[tuple[int, int, bytes]]:
        """Return node number, weight and hash of every bucket that sorted `rows` fall into."""
        buckets, weights, hasher = [], self._weights, sha256
        base, shift, start, end = 1 << self._levels, 256 - self._levels, 0, len(rows)
        numbers = [int.from_bytes(seal, "big") >> shift for seal, _ in rows]
        while start < end:
            number, stop = numbers[start], start + 1
            while stop < end and numbers[stop] == number:
                stop += 1
            here = rows[start:stop]
            if among_others and weights[base + number]:
                others = self._below(number, self._levels)
                at = 32 * (base + number)
                # Only the top levels were kept. What lies below must still be what they were made of.
                if _subtree(others, self._levels) != self._nodes[at : at + 32]:
                    raise Damaged("registry.seal_rows", size=self.size)
                here = sorted([*others, *here])
            if len(here) == 1:
                seal, index = here[0]
                buckets.append((base + number, 1, hasher(b"\x02" + seal + index.to_bytes(8, "big")).digest()))
            else:
                buckets.append((base + number, 2, _subtree(here, self._levels)))
            start = stop
        return buckets

    def _put(self, buckets: Sequence[tuple[int, int, bytes]]) -> None:
        """Write the buckets, which are in order, and all that lies above them, level by level."""
        nodes, weights, hasher = self._nodes, self._weights, sha256
        for node, weight, digest in buckets:
            nodes[32 * node : 32 * node + 32] = digest
            weights[node] = weight
        touched = [node for node, _, _ in buckets]
        for _ in range(self._levels):
            parents, last = [], 0
            for child in touched:
                if (parent := child >> 1) == last:
                    continue
                last = parent
                parents.append(parent)
                pair = nodes[64 * parent : 64 * parent + 64]
                if (weight := weights[2 * parent] + weights[2 * parent + 1]) >= 2:
                    nodes[32 * parent : 32 * parent + 32] = hasher(b"\x03" + pair).digest()
                    weights[parent] = 2
                else:  # one row, hoisted from where it lay
                    nodes[32 * parent : 32 * parent + 32] = (
                        pair[32:] if weights[2 * parent + 1] else pair[:32]
                    )
                    weights[parent] = weight
            touched = parents


def check_map_proof(proof: bytes, *, seal: bytes, root: bytes, size: int) -> int | None:
    """Return the index of the leaf that broke `seal`, or None if it is not broken.

    `root` and `size` (the number of entries that the map covers) come from a head leaf that was proven.
    Anything but the one proof that the map has for this seal raises `proof.map`.
    """
    kind, depth, siblings, tail = _parse_proof(proof)
    index, other = (int.from_bytes(tail[:8], "big") if tail else 0), tail[8:]
    bits = int.from_bytes(seal, "big")
    if len(seal) != 32 or (kind != _ABSENT and index >= size):
        raise VerificationError("proof.map")
    if kind == _OTHER and (other == seal or (bits ^ int.from_bytes(other, "big")) >> (256 - depth)):
        raise VerificationError("proof.map")
    node = EMPTY_MAP if kind == _ABSENT else sha256(b"\x02" + (other or seal) + tail[:8]).digest()
    for level in range(depth - 1, -1, -1):
        pair = siblings[level] + node if bits >> (255 - level) & 1 else node + siblings[level]
        node = sha256(b"\x03" + pair).digest()
    if node != root:
        raise VerificationError("proof.map")
    return index if kind == _BROKEN else None


def _render_proof(seal: bytes, siblings: Sequence[bytes], rows: Sequence[Row]) -> bytes:
    depth = len(siblings)
    bitmap = 0
    for sibling in siblings:
        bitmap = bitmap << 1 | (sibling != EMPTY_MAP)
    kind, tail = _ABSENT, b""
    if rows:
        found, index = rows[0]
        kind, tail = (_BROKEN, b"") if found == seal else (_OTHER, found)
        tail = index.to_bytes(8, "big") + tail
    marks = (bitmap << (-depth % 8)).to_bytes((depth + 7) // 8, "big")
    return b"".join(
        [bytes([kind]), depth.to_bytes(2, "big"), marks, *(s for s in siblings if s != EMPTY_MAP), tail]
    )


def _parse_proof(proof: bytes) -> tuple[int, int, list[bytes], bytes]:
    """Return kind, depth, all siblings root side first, and what follows them."""
    kind, depth = proof[0] if proof else 3, int.from_bytes(proof[1:3], "big")
    at = 3 + (depth + 7) // 8
    if kind > _BROKEN or depth > 256 or len(proof) < at:
        raise VerificationError("proof.map")
    spare = -depth % 8
    bitmap = int.from_bytes(proof[3:at], "big")
    # The deepest sibling is never empty: a lone leaf would have been hoisted above it.
    if bitmap & ((1 << spare) - 1) or (depth and not bitmap >> spare & 1):
        raise VerificationError("proof.map")
    end = at + 32 * bitmap.bit_count()
    if len(proof) != end + (0, 40, 8)[kind]:
        raise VerificationError("proof.map")
    siblings = []
    for level in range(depth):
        if bitmap >> (depth - 1 - level + spare) & 1:
            siblings.append(proof[at : at + 32])
            at += 32
            if siblings[-1] == EMPTY_MAP:
                raise VerificationError("proof.map")
        else:
            siblings.append(EMPTY_MAP)
    return kind, depth, siblings, proof[end:]


def _levels_for(size: int) -> int:
    return min(max(FEWEST_LEVELS, size.bit_length() + 1), MOST_LEVELS)


def _subtree(rows: Sequence[Row], depth: int) -> bytes:
    """Return the hash at `depth` over sorted rows that agree in their first `depth` bits.

    One pass from left to right, without recursion: seals may share up to 255 bits.
    """
    if not rows:
        return EMPTY_MAP
    hasher = sha256
    seals = [int.from_bytes(seal, "big") for seal, _ in rows]
    waiting: list[tuple[int, bytes]] = []  # depth of a fork, and the hash of its left side
    for bits, following, (seal, index) in zip(seals, [*seals[1:], None], rows, strict=True):
        fork = depth - 1 if following is None else 256 - (bits ^ following).bit_length()
        if fork == 256:
            raise VerificationError("seal.repeated", seal=seal.hex())
        node, level = hasher(b"\x02" + seal + index.to_bytes(8, "big")).digest(), 0  # 0: alone, needs no lift
        while waiting and waiting[-1][0] > fork:
            upper, left = waiting.pop()
            node = hasher(b"\x03" + left + _lift(node, bits, level, upper + 1)).digest()
            level = upper
        waiting.append((fork, _lift(node, bits, level, fork + 1)))
    return waiting[0][1]


def _lift(node: bytes, bits: int, level: int, target: int) -> bytes:
    """Return the hash at depth `target` over `node` at depth `level`, beside which all is empty."""
    for depth in range(level - 1, target - 1, -1):
        pair = EMPTY_MAP + node if bits >> (255 - depth) & 1 else node + EMPTY_MAP
        node = sha256(b"\x03" + pair).digest()
    return node
