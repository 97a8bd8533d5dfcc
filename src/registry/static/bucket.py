"""A part of the seal map, with what is needed to check it: for those who must not ask about one seal.

Whoever asks for all seals that begin with the same few bits tells nothing about which of the some hundred it
cares about. The rows below a prefix come with the siblings up to the root, as in a map proof:

    depth(2) ‖ prefix(⌈depth/8⌉, spare bits 0) ‖ way(2, ≤ depth) ‖ bitmap(⌈way/8⌉, 1 = non-zero sibling, spare
    bits 0) ‖ non-zero siblings, root side first ‖ count(4) ‖ count × (seal(32) ‖ index(8)), sorted by seal

`way` is the depth of the node that the rows lie below: that of the prefix, or less if already there one row
or none is left. Such a single row need not begin with the prefix; it shows that no other row does.

>>> from hashlib import sha256
>>> from ..seal_map import SealMap, map_root, source_of
>>> rows = [(sha256(b"seal %d" % number).digest(), number) for number in range(9)]
>>> prefix = Prefix.of(rows[3][0], 2)
>>> bucket = bucket_of(SealMap(source_of(rows), size=9), prefix, source_of(rows))
>>> rows[3] in check_bucket(bucket, root=map_root(rows), size=9, prefix=prefix)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

import msgspec

from ...errors import Damaged, InputError, VerificationError
from ..seal_map import RowSource, SealMap
from ..trie import EMPTY_MAP, Row, subtree, trie_leaf

__all__ = ["Prefix", "bucket_of", "check_bucket", "depth_for"]

FEWEST_ROWS = 256
ROW = 40


class Prefix(msgspec.Struct, frozen=True):
    """The first `depth` bits of some seals, as a number."""

    depth: int
    bits: int

    def __post_init__(self) -> None:
        if not 0 <= self.depth <= 256 or not 0 <= self.bits < 1 << self.depth:
            raise InputError("bucket.prefix")

    @classmethod
    def of(cls, seal: bytes, depth: int) -> Prefix:
        """Return the first `depth` bits of a seal."""
        if len(seal) != 32 or not 0 <= depth <= 256:
            raise InputError("bucket.prefix")
        return cls(depth, int.from_bytes(seal, "big") >> (256 - depth))

    @property
    def first(self) -> bytes:
        """The smallest seal that begins like this."""
        return (self.bits << (256 - self.depth)).to_bytes(32, "big")

    @property
    def last(self) -> bytes:
        """The largest seal that begins like this."""
        return (((self.bits + 1) << (256 - self.depth)) - 1).to_bytes(32, "big")

    def shortened(self, depth: int) -> Prefix:
        """Return the first `depth` bits of it."""
        return Prefix(depth, self.bits >> (self.depth - depth))

    def holds(self, seal: bytes) -> bool:
        """Say whether a seal begins like this."""
        return self.first <= seal <= self.last


def depth_for(count: int) -> int:
    """Return how long the prefixes of a map of `count` rows are to be: for 256 to 511 rows each on average.

    Seals are as random as hashes: of a billion buckets none then has fewer than 150 rows or more than 650.
    A map of fewer rows is one bucket.
    """
    return max((count // FEWEST_ROWS).bit_length() - 1, 0)


def bucket_of(seal_map: SealMap, prefix: Prefix, rows: RowSource) -> bytes:
    """Return the bucket of a map; `rows` is the source that the map is made of, `check_bucket` reads it.

    Raises `registry.seal_rows` if the source is no longer what the map was made of.
    """
    siblings = _siblings(seal_map.prove(prefix.first))[: prefix.depth]
    here = prefix.shortened(len(siblings))
    found = sorted(row for row in rows([(here.first, here.last)]) if row[1] < seal_map.size)
    bitmap = 0
    for sibling in siblings:
        bitmap = bitmap << 1 | (sibling != EMPTY_MAP)
    bucket = b"".join(
        [
            *(prefix.depth.to_bytes(2, "big"), _bits(prefix.bits, prefix.depth)),
            *(here.depth.to_bytes(2, "big"), _bits(bitmap, here.depth)),
            *(sibling for sibling in siblings if sibling != EMPTY_MAP),
            len(found).to_bytes(4, "big"),
            *(seal + index.to_bytes(8, "big") for seal, index in found),
        ]
    )
    try:
        check_bucket(bucket, root=seal_map.root(), size=seal_map.size, prefix=prefix)
    except VerificationError as error:
        raise Damaged("registry.seal_rows", size=seal_map.size) from error
    return bucket


def check_bucket(data: bytes, *, root: bytes, size: int, prefix: Prefix) -> list[Row]:
    """Return all rows of the map whose seals begin with `prefix`, sorted.

    `root` and `size` (the number of entries that the map covers) come from a head leaf that was proven.
    Anything but the one bucket that the map has for this prefix raises `bucket.map`.
    """
    reader = _Reader(data)
    if reader.number(2) != prefix.depth or reader.bits(prefix.depth) != prefix.bits:
        raise VerificationError("bucket.map")
    way = reader.number(2)
    if way > prefix.depth:
        raise VerificationError("bucket.map")
    bitmap = reader.bits(way)
    siblings = [reader.sibling() if bitmap >> (way - 1 - level) & 1 else EMPTY_MAP for level in range(way)]
    rows = [(reader.take(32), reader.number(8)) for _ in range(reader.count())]
    here = prefix.shortened(way)
    if not all(here.holds(seal) and index < size for seal, index in rows):
        raise VerificationError("bucket.map")
    if any(seal >= following for (seal, _), (following, _) in pairwise(rows)):
        raise VerificationError("bucket.map")
    # Alone or empty it stands where it is because of a neighbour; only such a one ends the way early.
    if len(rows) < 2 and way and siblings[-1] == EMPTY_MAP:
        raise VerificationError("bucket.map")
    if len(rows) > 1 and way < prefix.depth:
        raise VerificationError("bucket.map")
    if _climb(subtree([trie_leaf(row) for row in rows], way), siblings, here.bits) != root:
        raise VerificationError("bucket.map")
    return [row for row in rows if prefix.holds(row[0])]


def _climb(node: bytes, siblings: Sequence[bytes], bits: int) -> bytes:
    for sibling in reversed(siblings):
        pair = sibling + node if bits & 1 else node + sibling
        node, bits = sha256(b"\x03" + pair).digest(), bits >> 1
    return node


def _siblings(proof: bytes) -> list[bytes]:
    """Return the siblings in a map proof of our own, which begins kind(1) ‖ depth(2) ‖ bitmap ‖ siblings."""
    reader = _Reader(proof[1:])
    depth = reader.number(2)
    bitmap = reader.bits(depth)
    return [reader.sibling() if bitmap >> (depth - 1 - at) & 1 else EMPTY_MAP for at in range(depth)]


def _bits(number: int, count: int) -> bytes:
    return (number << (-count % 8)).to_bytes((count + 7) // 8, "big")


class _Reader:
    """Takes bytes from the front; too few, or not in their one form, raise `bucket.map`."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        self._at += count
        if len(found) != count:
            raise VerificationError("bucket.map")
        return found

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def bits(self, count: int) -> int:
        found, spare = self.number((count + 7) // 8), -count % 8
        if found & ((1 << spare) - 1):
            raise VerificationError("bucket.map")
        return found >> spare

    def sibling(self) -> bytes:
        found = self.take(32)
        if found == EMPTY_MAP:
            raise VerificationError("bucket.map")
        return found

    def count(self) -> int:
        """Return the number of rows, if it is that of the bytes that are left."""
        count = self.number(4)
        if len(self._data) != self._at + ROW * count:
            raise VerificationError("bucket.map")
        return count
