"""The trie behind the seal map: how rows become leaves, leaves become nodes, and nodes a root.

    MAP(S, d)  |S| = 0: 32 zero bytes
               |S| = 1: SHA-256(0x02 ‖ seal ‖ index(8)), at the first depth where it is alone
               else:    SHA-256(0x03 ‖ MAP(bit d = 0, d + 1) ‖ MAP(bit d = 1, d + 1))

No level is skipped: in a trie that skips levels (Patricia) a prover can lie about the bit of a branch and so
forge the absence of a broken seal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise

from ..errors import VerificationError

__all__ = ["EMPTY_MAP", "Row", "TrieLeaf", "map_root", "subtree", "trie_leaf"]

Row = tuple[bytes, int]
"""A broken seal, and the index of the seal leaf that broke it."""

TrieLeaf = tuple[bytes, bytes]
"""A broken seal, and the hash of its row."""

EMPTY_MAP = bytes(32)


def map_root(rows: Iterable[Row]) -> bytes:
    """Return the root over `rows` in any order; a repeated seal is refused (`seal.repeated`)."""
    return subtree(sorted(map(trie_leaf, rows)), 0)


def trie_leaf(row: Row) -> TrieLeaf:
    """Return the leaf of a row."""
    seal, index = row
    return seal, sha256(b"\x02" + seal + index.to_bytes(8, "big")).digest()


def subtree(leaves: Sequence[TrieLeaf], depth: int) -> bytes:
    """Return the hash at `depth` over sorted leaves whose seals agree in their first `depth` bits.

    One pass from left to right, without recursion: seals may share up to 255 bits.
    """
    if len(leaves) < 2:
        return leaves[0][1] if leaves else EMPTY_MAP
    hasher = sha256
    seals = [int.from_bytes(seal, "big") for seal, _ in leaves]
    forks = [256 - (bits ^ other).bit_length() for bits, other in pairwise(seals)]
    waiting: list[tuple[int, bytes]] = []  # depth of a fork, and the hash of its left side
    for bits, fork, (seal, node) in zip(seals, [*forks, depth - 1], leaves, strict=True):
        if fork == 256:
            raise VerificationError("seal.repeated", seal=seal.hex())
        level = 0  # alone so far, which needs no lift
        while waiting and waiting[-1][0] > fork:
            upper, left = waiting.pop()
            right = _lift(node, bits, level, upper + 1) if level > upper + 1 else node
            node, level = hasher(b"\x03" + left + right).digest(), upper
        waiting.append((fork, _lift(node, bits, level, fork + 1) if level > fork + 1 else node))
    return waiting[0][1]


def _lift(node: bytes, bits: int, level: int, target: int) -> bytes:
    """Return the hash at depth `target` over `node` at depth `level`, beside which all is empty."""
    for depth in range(level - 1, target - 1, -1):
        pair = EMPTY_MAP + node if bits >> (255 - depth) & 1 else node + EMPTY_MAP
        node = sha256(b"\x03" + pair).digest()
    return node
