"""Going over the entries in order and computing again everything that follows from them.

The operator walks over what is new before signing it, and `fsck` walks from the first entry to the last: one
set of rules, told apart only by what happens when one is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

import msgspec

from ..errors import InputError, KonsensError, VerificationError
from .checkpoint import check_checkpoint
from .leaf import SEAL_LEAF_SIZE, HeadLeaf, Leaf, SealLeaf, check_seal_leaf, parse_leaf, seal_of
from .note import VerifierKey
from .seal_map import Row, SealMap
from .store import Store
from .tiles import TileBuilder
from .tree import Frontier, leaf_hash

__all__ = ["NO_HEAD", "Head", "Problem", "Walk", "bad_leaves"]

NO_HEAD = bytes(32)
"""What the first head leaf of a log names as the one before it."""

Problem = Callable[[str, int], None]
"""Is told the name of the check that failed and the index of the entry; may raise."""

FEWEST_FOR_TWO_THREADS = 64


class Head(msgspec.Struct, frozen=True):
    """A head leaf and where it lies."""

    index: int
    leaf: HeadLeaf
    hash: bytes


class Walk:
    """The state after the first entries of a log, and the rules that every further entry must keep.

    - An entry is one of the three leaves by size and first byte (`fsck.entries`).
    - A seal leaf is signed by its own key for this log (`fsck.leaf_signature`); a key serves once
      (`fsck.key_twice`); the row of its seal names it (`fsck.seals`).
    - A head leaf names the head leaf before it (`fsck.head_chain`), its time is not before that one's
      (`fsck.head_time`), and its map root is that of all seals broken before it (`fsck.map_root`).
    - A full tile holds the hashes of its entries (`fsck.tiles`).
    """

    def __init__(
        self,
        store: Store,
        seals: SealMap,
        *,
        origin: str,
        problem: Problem,
        rows: Store | None = None,
        begin: tuple[Frontier, Head | None] | None = None,
        checked: Container[bytes] = (),
    ) -> None:
        """Stand before the first entry of `store`, or behind those of `begin`, which were checked before.

        `seals` is the map up to there. The rows of the seals are looked up in `rows`, in `store` itself if
        it is None. The signatures of the entries in `checked` were checked before. `roots` keeps
        the root of the tree behind every head leaf.
        """
        self.seals = seals
        self.frontier = begin[0] if begin else Frontier()
        self.head = begin[1] if begin else None
        self.new_heads: list[Head] = []
        self.seal_count = self.tile_count = 0
        self.roots = {self.size: self.frontier.root()} if begin else {}
        self._store, self._rows = store, rows or store
        self._origin, self._problem, self._checked = origin, problem, checked
        self._builder = TileBuilder.at(store, self.size)
        self._new_rows: list[Row] = []

    @property
    def size(self) -> int:
        """How many entries lie behind."""
        return self.frontier.size

    def feed(self, entries: Sequence[bytes]) -> None:
        """Go over the entries that follow."""
        start, hashes = self.size, [leaf_hash(entry) for entry in entries]
        seals: dict[int, bytes] = {}
        heads: list[Head] = []
        unchecked: dict[int, SealLeaf] = {}
        for index, entry in enumerate(entries, start):
            if len(entry) == SEAL_LEAF_SIZE and entry in self._checked:
                seals[index] = seal_of(entry[1:33])
                continue
            leaf = self._parse(index, entry)
            if isinstance(leaf, SealLeaf):
                unchecked[index], seals[index] = leaf, leaf.seal
            elif isinstance(leaf, HeadLeaf):
                heads.append(Head(index, leaf, hashes[index - start]))
        places = list(unchecked)
        for place, _ in bad_leaves(list(unchecked.values()), origin=self._origin):
            self._problem("fsck.leaf_signature", places[place])
        breaking = self._check_seals(seals, entries)
        for head in heads:
            self._go_to(head.index, hashes[self.size - start : head.index - start], breaking)
            self._check_head(head)
            self.frontier.append(head.hash)
            self.roots[self.size] = self.frontier.root()
        self._go_to(start + len(hashes), hashes[self.size - start :], breaking)
        for tile in self._builder.extend(hashes):
            self.tile_count += 1
            if self._store.tile(tile.level, tile.index) != tile:
                self._problem("fsck.tiles", tile.index << 8 * (tile.level + 1))

    def _go_to(self, stop: int, hashes: Sequence[bytes], breaking: Mapping[int, bytes]) -> None:
        """Take in the leaves, none of them a head leaf, up to the entry `stop`."""
        self._new_rows += [(breaking[index], index) for index in range(self.size, stop) if index in breaking]
        self.frontier.extend(hashes)

    def map_root(self) -> bytes:
        """Return the root of the map of all seals broken so far."""
        self.seals.insert(self._new_rows, size=self.size)
        self._new_rows = []
        return self.seals.root()

    def check_published(self, size: int, note: str, vkey: VerifierKey) -> None:
        """Check a published checkpoint against the entries gone over.

        It is signed by the log's key (`fsck.checkpoint_signature`) for the log's origin
        (`fsck.checkpoint_origin`), is not longer than the log (`fsck.checkpoint_size`), ends right after a
        head leaf (`fsck.checkpoint_head`) and has the root of the entries (`fsck.checkpoint_root`).
        """
        try:
            checkpoint = check_checkpoint(note, vkey)
        except KonsensError as error:
            other = error.code == "checkpoint.other_origin"
            self._problem("fsck.checkpoint_origin" if other else "fsck.checkpoint_signature", size)
            return
        if checkpoint.size != size or size > self.size:
            self._problem("fsck.checkpoint_size", size)
        elif size not in self.roots:
            self._problem("fsck.checkpoint_head", size)
        elif checkpoint.root != self.roots[size]:
            self._problem("fsck.checkpoint_root", size)

    def _parse(self, index: int, entry: bytes) -> Leaf | None:
        try:
            return parse_leaf(entry)
        except InputError:
            self._problem("fsck.entries", index)
            return None

    def _check_seals(self, seals: Mapping[int, bytes], entries: Sequence[bytes]) -> Mapping[int, bytes]:
        """Check the rows of the seals that `entries` break, given by index, and return those in order."""
        start, stop = self.size, self.size + len(entries)
        if self._rows.rows_of(start, stop) != [(seal, index) for index, seal in seals.items()]:
            seals = self._in_order(seals, entries)
        self.seal_count += len(seals)
        return seals

    def _in_order(self, seals: Mapping[int, bytes], entries: Sequence[bytes]) -> Mapping[int, bytes]:
        """Return the seals whose rows name their index, and tell of the others."""
        rows, right = self._rows.broken_many(list(seals.values())), dict(seals)
        for index, seal in seals.items():
            if (row := rows.get(seal)) == index:
                continue
            del right[index]
            earlier = None if row is None or row > index else self._store.entry(row)
            twice = earlier is not None and earlier[:33] == entries[index - self.size][:33]
            self._problem("fsck.key_twice" if twice else "fsck.seals", index)
        return right

    def _check_head(self, head: Head) -> None:
        before = self.head
        if head.leaf.previous != (before.hash if before else NO_HEAD):
            self._problem("fsck.head_chain", head.index)
        if before and head.leaf.seconds < before.leaf.seconds:
            self._problem("fsck.head_time", head.index)
        if head.leaf.map_root != self.map_root():
            self._problem("fsck.map_root", head.index)
        self.head = head
        self.new_heads.append(head)


def bad_leaves(leaves: Sequence[SealLeaf], *, origin: str) -> list[tuple[int, VerificationError]]:
    """Return place and error of every leaf that is not signed by its own key for the log `origin`.

    Many are checked in two threads: libsodium lets go of the interpreter while it computes.
    """

    def bad(places: range) -> list[tuple[int, VerificationError]]:
        found = []
        for place in places:
            try:
                check_seal_leaf(leaves[place], origin=origin)
            except VerificationError as error:
                found.append((place, error))
        return found

    count = len(leaves)
    if count < FEWEST_FOR_TWO_THREADS:
        return bad(range(count))
    from concurrent.futures import ThreadPoolExecutor  # 5 ms, that who asks one question need not wait for

    with ThreadPoolExecutor(max_workers=2) as pool:
        first, second = pool.map(bad, (range(count // 2), range(count // 2, count)))
    return first + second
