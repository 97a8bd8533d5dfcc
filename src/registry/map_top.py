"""The upper levels of the seal map in memory, 69 bytes for every bucket, and their form as a cache on disk.

The nodes of the lowest of these levels are the *buckets*: what lies below them is read from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from ..errors import InputError
from .trie import EMPTY_MAP

__all__ = ["MapTop"]

MAGIC = b"konsens seal map, upper levels, 1\n"
NODES_AT_ONCE = 1 << 14
_AT_MOST_TWO = bytes(min(number, 2) for number in range(256))


class MapTop:
    """Hash and weight of every node from the root, which is node 1, down to the buckets.

    - The children of node n are 2n and 2n + 1.
    - The weight says how many rows lie below: 0, 1, or 2 for more. A lone row is hoisted: its hash is that of
      every node above it that has no other row below.
    """

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.hashes = bytearray(64 << levels)
        self.weights = bytearray(2 << levels)

    @property
    def base(self) -> int:
        """The number of the first bucket; there are as many buckets."""
        return 1 << self.levels

    def hash(self, node: int) -> bytes:
        """Return the hash of a node."""
        return bytes(self.hashes[32 * node : 32 * node + 32])

    def lone(self, bucket: int) -> int:
        """Return the highest node above a bucket with one row or none below, so it is said; or the bucket."""
        node, weights = bucket, self.weights
        while node > 1 and weights[node >> 1] < 2:
            node >>= 1
        return node

    def lone_bucket(self, node: int) -> int:
        """Return the bucket that is said to have the one row below a node; of a bucket, itself."""
        while node < self.base:
            node = 2 * node + self.weights[2 * node + 1]
        return node

    def put(self, buckets: Iterable[tuple[int, int, bytes]]) -> None:
        """Write weight and hash of buckets, given by number; what lies above follows with `rise`."""
        hashes, weights = self.hashes, self.weights
        for bucket, weight, digest in buckets:
            hashes[32 * bucket : 32 * bucket + 32] = digest
            weights[bucket] = weight

    def rise(self, buckets: Iterable[int]) -> None:
        """Compute what lies above `buckets`, level by level."""
        hashes, weights, hasher, touched = self.hashes, self.weights, sha256, buckets
        for _ in range(self.levels):
            touched = list(dict.fromkeys([node >> 1 for node in touched]))
            for node in [node for node in touched if weights[node] < 2]:
                weights[node] = min(2, weights[2 * node] + weights[2 * node + 1])
            forks = [node for node in touched if weights[node] == 2]
            digests = [hasher(b"\x03" + hashes[at : at + 64]).digest() for at in [64 * n for n in forks]]
            for at, digest in zip([32 * node for node in forks], digests, strict=True):
                hashes[at : at + 32] = digest
            if len(forks) < len(touched):
                for node in [node for node in touched if weights[node] < 2]:
                    hashes[32 * node : 32 * node + 32] = self._lone(node)

    def rise_all(self) -> None:
        """Compute what lies above all buckets."""
        hashes, weights, hasher = self.hashes, self.weights, sha256
        for level in range(self.levels - 1, -1, -1):
            count = 1 << level
            pairs = zip(
                weights[2 * count : 4 * count : 2], weights[2 * count + 1 : 4 * count : 2], strict=True
            )
            weights[count : 2 * count] = bytes([a + b for a, b in pairs]).translate(_AT_MOST_TWO)
            for start in range(count, 2 * count, NODES_AT_ONCE):
                nodes = range(start, min(start + NODES_AT_ONCE, 2 * count))
                digests = [
                    hasher(b"\x03" + hashes[64 * node : 64 * node + 64]).digest()
                    if weights[node] == 2
                    else self._lone(node)
                    for node in nodes
                ]
                hashes[32 * start : 32 * nodes.stop] = b"".join(digests)

    def render(self) -> bytes:
        """Return the buckets as bytes, from which the rest can be computed."""
        base = self.base
        return b"".join(
            [MAGIC, bytes([self.levels]), self.weights[base : 2 * base], self.hashes[32 * base : 64 * base]]
        )

    @classmethod
    def parse(cls, data: bytes) -> MapTop:
        """Return what `render` wrote, or raise `seal.rows`.

        What a root that is the expected one says of it, from the top down: where a node has weight 2, it is a
        fork (a row is hashed otherwise), so the hashes of both children are right; where it has weight 0, it
        is empty. Nothing is said below a node of weight 1 but that something is there, for a row is hoisted:
        it may lie in another bucket, and be many. So whoever relies on a weight of 1 reads the rows below.
        """
        levels = data[len(MAGIC)] if data.startswith(MAGIC) and len(data) > len(MAGIC) else 64
        start = len(MAGIC) + 1
        if levels > 30 or len(data) != start + (33 << levels):
            raise InputError("seal.rows")
        top = cls(levels)
        base = top.base
        top.weights[base:] = data[start : start + base].translate(_AT_MOST_TWO)
        top.hashes[32 * base :] = data[start + base :]
        # No root would tell: rows under a bucket that is said to be empty would be forgotten.
        filled = [top.hash(bucket) != EMPTY_MAP for bucket in range(base, 2 * base)]
        if filled != [weight > 0 for weight in top.weights[base:]]:
            raise InputError("seal.rows")
        top.rise_all()
        return top

    def _lone(self, node: int) -> bytearray:
        """Return the hash of a node below which lies at most one row: hoisted from where it lies."""
        at = 32 * (2 * node + self.weights[2 * node + 1])
        return self.hashes[at : at + 32]
