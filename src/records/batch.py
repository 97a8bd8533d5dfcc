"""Many rows under one event: an import, or the uses of a mailing, as one Merkle tree of salted rows.

The tree is that of RFC 6962, section 2.1, over entries `salt(32) ‖ JCS(row)`. The salt keeps a row from being
guessed by whoever holds its neighbours' proof.

>>> rows = [{"ref": f"C-{number}"} for number in range(5)]
>>> salts = [bytes([number]) * 32 for number in range(5)]
>>> batch = Batch(row_entry(salt, row) for salt, row in zip(salts, rows, strict=True))
>>> path = batch.path(3)
>>> check_row(rows[3], salt=salts[3], index=3, path=path, count=batch.count, root=batch.root)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from ..encoding import jcs
from ..errors import InputError, VerificationError
from ..registry.tree import EMPTY_ROOT, Frontier, check_inclusion, inclusion_path, leaf_hash
from .commitment import SALT_BYTES

__all__ = ["Batch", "check_row", "row_entry"]

Row = Mapping[str, Any] | msgspec.Struct
HASH_BYTES = 32


def row_entry(salt: bytes, row: Row) -> bytes:
    """Return the bytes of one row in the tree: `salt(32) ‖ JCS(row)`."""
    if len(salt) != SALT_BYTES:
        raise InputError("batch.salt", size=SALT_BYTES)
    return salt + jcs(msgspec.to_builtins(row))


class Batch:
    """The tree over the rows of a batch; 64 bytes of memory a row."""

    __slots__ = ("_levels", "count", "root")

    def __init__(self, entries: Iterable[bytes]) -> None:
        """Build the tree over `entries` (`row_entry`), in their order."""
        self._build(map(leaf_hash, entries))

    @classmethod
    def of_leaves(cls, leaves: Iterable[bytes]) -> Batch:
        """Build the tree over the leaf hashes of entries, for whoever does not keep the entries."""
        batch = cls.__new__(cls)
        batch._build(leaves)
        return batch

    def _build(self, leaves: Iterable[bytes]) -> None:
        # Level n holds the complete subtrees of 2ⁿ rows, end to end; RFC 6962 makes every root from these.
        self._levels = [b"".join(leaves)]
        self.count = len(self._levels[0]) // HASH_BYTES
        while len(self._levels[-1]) >= 2 * HASH_BYTES:
            self._levels.append(_parents(self._levels[-1]))
        self.root = Frontier.at(self.count, self._node).root() if self.count else EMPTY_ROOT

    def path(self, index: int) -> list[bytes]:
        """Return the proof that row `index` is in the batch, the hash next to the row first."""
        if not 0 <= index < self.count:
            raise InputError("batch.index", index=index, count=self.count)
        return inclusion_path(index, self.count, self._node)

    def _node(self, level: int, index: int) -> bytes:
        return self._levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES]


def check_row(row: Row, *, salt: bytes, index: int, path: Sequence[bytes], count: int, root: bytes) -> None:
    """Raise `batch.row` unless `row` with its salt is row `index` of `count` under `root`.

    `count` and `root` are those of the signed event: a path does not bind the size of its tree.
    """
    try:
        check_inclusion(index, count, leaf_hash(row_entry(salt, row)), path, root)
    except VerificationError as error:
        raise VerificationError("batch.row", index=index) from error


def _parents(level: bytes) -> bytes:
    pair = 2 * HASH_BYTES
    return b"".join(
        [sha256(b"\x01" + level[at : at + pair]).digest() for at in range(0, len(level) - pair + 1, pair)]
    )
