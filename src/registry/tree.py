"""The Merkle tree of the log (RFC 6962, section 2.1; RFC 9162, section 2.1) and its two proofs.

Everything works on leaf hashes. A node of level L and index i is the hash of the complete subtree over the
leaves i·2^L … (i+1)·2^L − 1; whoever proves hands in a function that returns such nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from ..errors import InputError, VerificationError

__all__ = [
    "EMPTY_ROOT",
    "MAX_SIZE",
    "Frontier",
    "NodeSource",
    "check_consistency",
    "check_inclusion",
    "check_subtree_consistency",
    "check_subtree_inclusion",
    "consistency_path",
    "inclusion_path",
    "leaf_hash",
    "node_hash",
    "node_hashes",
    "root_of",
    "subtree_consistency_path",
]

NodeSource = Callable[[int, int], bytes]

EMPTY_ROOT = sha256().digest()
MAX_SIZE = (1 << 63) - 1  # what every implementation of a log can count to; keeps forged sizes cheap


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962, section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962, section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def node_hashes(children: Sequence[bytes]) -> list[bytes]:
    """Return the hashes of the inner nodes over an even number of neighbours."""
    pairs = zip(children[::2], children[1::2], strict=True)
    return [sha256(b"\x01" + left + right).digest() for left, right in pairs]


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root over `leaf_hashes` (RFC 6962, section 2.1); of none, the hash of nothing."""
    frontier = Frontier()
    frontier.extend(leaf_hashes)
    return frontier.root()


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first.

    - `size` leaves are in; the subtrees in `nodes` are those of its binary digits.
    - A log of any size goes on from its last `size` and at most 63 `nodes`.
    """

    __slots__ = ("nodes", "size")

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        if len(nodes) != size.bit_count():
            raise InputError("proof.range")
        self.size = size
        self.nodes = list(nodes)

    @classmethod
    def at(cls, size: int, node: NodeSource) -> Frontier:
        """Return the frontier of a tree of `size` leaves, whose complete subtrees `node` knows."""
        return cls(size, [node(level, index) for level, index in _complete(0, size)])

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order."""
        row = list(leaves)
        count, level, right = len(row), 0, []  # what is left over at the right of each level, leaf first
        while row:
            if self.size >> level & 1:
                row.insert(0, self.nodes.pop())
            if len(row) & 1:
                right.append(row.pop())
            row, level = node_hashes(row), level + 1
        self.nodes += reversed(right)
        self.size += count

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return _fold(self.nodes) if self.nodes else EMPTY_ROOT


def inclusion_path(index: int, size: int, node: NodeSource) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves, leaf first (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise InputError("proof.range")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low = middle
    return path[::-1]


def consistency_path(old: int, new: int, node: NodeSource) -> list[bytes]:
    """Return the proof that the tree of `new` leaves begins with that of `old` leaves (RFC 6962, 2.1.2)."""
    if old < 1:
        raise InputError("proof.range")
    return subtree_consistency_path(0, old, new, node)


def subtree_consistency_path(start: int, end: int, size: int, node: NodeSource) -> list[bytes]:
    """Return the proof that [start, end) is a subtree of the tree of `size` leaves.

    draft-ietf-plants-merkle-tree-certs, section 4.4; with start 0, a consistency proof.
    """
    if not _is_subtree(start, end) or end > size:
        raise InputError("proof.range")
    path, low, high, known = [], 0, size, True
    while (start, end) != (low, high):
        middle = low + _split(high - low)
        if end <= middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            # Begins the subtree left of the middle, the verifier does not have what lies right of it.
            known &= start >= middle
            low, start = middle, max(start, middle)
    if not known:
        path.append(_range_root(low, high, node))
    return path[::-1]


def check_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Raise `proof.inclusion` unless `path` leads from the leaf hash to `root` (RFC 9162, 2.1.3.2).

    A path does not bind `size`: it must come from the checkpoint that gave `root`.
    """
    if not 0 <= index < size <= MAX_SIZE or len(leaf) != 32:
        raise VerificationError("proof.inclusion")
    here, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0 or len(sibling) != 32:
            raise VerificationError("proof.inclusion")
        if here & 1 or here == last:
            node = node_hash(sibling, node)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        here, last = here >> 1, last >> 1
    if last != 0 or node != root:
        raise VerificationError("proof.inclusion")


def check_consistency(
    old_size: int, new_size: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Raise `proof.consistency` unless the new tree begins with the old one (RFC 9162, 2.1.4.2).

    An old size of 0 is refused: an empty tree says nothing about the new one.
    """
    check_subtree_consistency(0, old_size, new_size, path, old_root, new_root)


def check_subtree_inclusion(
    index: int, start: int, end: int, leaf: bytes, path: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf is in the subtree of [start, end) (draft-ietf-plants-merkle-tree-certs, 4.3)."""
    if not _is_subtree(start, end):
        raise VerificationError("proof.inclusion")
    check_inclusion(index - start, end - start, leaf, path, root)


def check_subtree_consistency(
    start: int, end: int, size: int, path: Sequence[bytes], subtree_root: bytes, root: bytes
) -> None:
    """Check that [start, end) is a subtree of the tree (draft-ietf-plants-merkle-tree-certs, 4.4.3).

    With start 0 this is the consistency proof of RFC 9162, section 2.1.4.2.
    """
    if not _is_subtree(start, end) or not end <= size <= MAX_SIZE:
        raise VerificationError("proof.consistency")
    first, last, edge = start, end - 1, size - 1
    # Climb while the subtree's right edge stays complete: the proof begins above that.
    while first != last and (last & 1 or last == edge):
        first, last, edge = first >> 1, last >> 1, edge >> 1
    rest = list(path)
    if first != last and not rest:
        raise VerificationError("proof.consistency")
    old = new = subtree_root if first == last else rest.pop(0)
    for sibling in rest:
        if edge == 0 or len(sibling) != 32:
            raise VerificationError("proof.consistency")
        if last & 1 or last == edge:
            if first < last:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while last and not last & 1:
                first, last, edge = first >> 1, last >> 1, edge >> 1
        else:
            new = node_hash(new, sibling)
        first, last, edge = first >> 1, last >> 1, edge >> 1
    if edge != 0 or old != subtree_root or new != root:
        raise VerificationError("proof.consistency")


def _split(size: int) -> int:
    """Return the largest power of two below `size` (which is at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _is_subtree(start: int, end: int) -> bool:
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def _complete(low: int, high: int) -> Iterable[tuple[int, int]]:
    """Return level and index of the complete subtrees that make up [low, high), left to right."""
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def _range_root(low: int, high: int, node: NodeSource) -> bytes:
    """Return the hash over the leaves [low, high), where `low` is aligned as RFC 6962 splits."""
    return _fold([node(level, index) for level, index in _complete(low, high)])


def _fold(nodes: Sequence[bytes]) -> bytes:
    root = nodes[-1]
    for left in reversed(nodes[:-1]):
        root = node_hash(left, root)
    return root
