"""The copy itself: entries go in only after everything that follows from them was found right.

The rules are those of `Walk`, by which `fsck` judges. They are written once more, because a mirror that
catches up has millions of entries before it: here every hash is computed once, and a key that served before
is found by the table that will not take it. The tests hold both to the same judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NoReturn

import msgspec

from ...errors import Damaged, InputError, Locked, VerificationError
from ..leaf import (
    HEAD_LEAF_SIZE,
    PUBLIC_LEAF_SIZE,
    SEAL_LEAF_SIZE,
    HeadLeaf,
    SealLeaf,
    parse_leaf,
    seal_of,
)
from ..seal_map import Row, SealMap
from ..store import Store
from ..tiles import TileBuilder
from ..tree import Frontier, leaf_hash, root_of
from ..walk import NO_HEAD, Head, bad_leaves

__all__ = ["Copy"]


class _State(msgspec.Struct):
    """Where the copy ends: its tree, its map, the seals that are not yet in the map, the last head leaf."""

    tree: TileBuilder
    seals: SealMap
    waiting: list[Row]
    head: Head | None


class Copy:
    """A log's entries in a store of one's own, and the rules that every further entry must keep.

    - Entries are added in one durable step with everything that follows from them, or not at all.
    - A rule that an entry breaks is named: `mirror.entries` (no leaf), `mirror.public_twice`,
      `mirror.leaf_signature`, `mirror.key_twice`, `mirror.head_chain`, `mirror.head_time`, `mirror.map_root`.
    - After any failure the state is read anew from the store.
    """

    def __init__(self, store: Store, *, origin: str) -> None:
        self._store, self.origin = store, origin
        self._kept: _State | None = None
        self.checked: set[bytes] = set()
        """Entries whose leaf signature was checked elsewhere; each is forgotten once it is in."""

    @property
    def size(self) -> int:
        """How many entries are in."""
        return self._store.size()

    def head(self) -> Head | None:
        """Return the last head leaf."""
        return self._state().head

    def extend(self, start: int, entries: Sequence[bytes], check: Callable[[int, bytes], None]) -> None:
        """Add the entries from `start` on, once they keep the rules and `check` agrees.

        `check` gets size and root of the tree as it would be, and raises if that is not the log's.
        Somebody who has added to this copy meanwhile makes it `registry.busy`.
        """
        state, self._kept = self._state(), None
        if state.tree.size != start:
            raise Locked("registry.busy")
        hashes = [sha256(b"\0" + entry).digest() for entry in entries]
        tiles = state.tree.extend(hashes)
        check(state.tree.size, _root(state.tree))
        rows, heads = self._sort(entries, start)
        self._check_signatures(entries, start)
        try:
            with self._store.writing():
                if self._store.size() != start:
                    raise Locked("registry.busy")
                self._store.add_entries(entries)
                self._store.add_rows(rows)
                self._store.add_tiles(tiles)
                self._follow_heads(state, rows, [Head(i, head, hashes[i - start]) for i, head in heads])
        except Damaged:
            self._check_once(entries, start)
            raise
        self._kept = state
        if self.checked:
            self.checked.difference_update(entries)

    def _sort(self, entries: Sequence[bytes], start: int) -> tuple[list[Row], list[tuple[int, HeadLeaf]]]:
        """Return the seals that the entries break, and their head leaves, each with its index."""
        rows: list[Row] = []
        heads: list[tuple[int, HeadLeaf]] = []
        for index, entry in enumerate(entries, start):
            size, kind = len(entry), entry[:1]
            if size == SEAL_LEAF_SIZE and kind == b"\1":
                rows.append((sha256(entry[1:33]).digest(), index))
            elif size == HEAD_LEAF_SIZE and kind == b"\2":
                heads.append((index, self._head(entry, index)))
            elif size != PUBLIC_LEAF_SIZE or kind != b"\3":
                self._refuse("entries", index)
        return rows, heads

    def _head(self, entry: bytes, index: int) -> HeadLeaf:
        try:
            leaf = parse_leaf(entry)
        except InputError:  # a time beyond all dates
            self._refuse("entries", index)
        assert isinstance(leaf, HeadLeaf)  # noqa: S101 (its size and first byte were looked at)
        return leaf

    def _check_signatures(self, entries: Sequence[bytes], start: int) -> None:
        places, leaves = [], []
        for index, entry in enumerate(entries, start):
            if len(entry) == SEAL_LEAF_SIZE and entry not in self.checked:
                places.append(index)
                leaves.append(SealLeaf(entry[1:33], entry[33:65], entry[65:]))
        for place, _ in bad_leaves(leaves, origin=self.origin):
            self._refuse("leaf_signature", places[place])

    def _follow_heads(self, state: _State, rows: Sequence[Row], heads: Sequence[Head]) -> None:
        """Check every head leaf against the one before it, and against the map of all seals before it."""
        at = 0
        for head in heads:
            end = at
            while end < len(rows) and rows[end][1] < head.index:
                end += 1
            state.seals.insert([*state.waiting, *rows[at:end]], size=head.index)
            state.waiting, at, before = [], end, state.head
            if head.leaf.previous != (before.hash if before else NO_HEAD):
                self._refuse("head_chain", head.index)
            if before and head.leaf.seconds < before.leaf.seconds:
                self._refuse("head_time", head.index)
            if head.leaf.map_root != state.seals.root():
                self._refuse("map_root", head.index)
            state.head = head
        state.waiting += rows[at:]

    def _check_once(self, entries: Sequence[bytes], start: int) -> None:
        """Raise if the store did not take the entries because one of them says what was said before."""
        seen: set[bytes] = set()
        for index, entry in enumerate(entries, start):
            if len(entry) == SEAL_LEAF_SIZE:
                if entry[:33] in seen or self._store.broken(seal_of(entry[1:33])) is not None:
                    self._refuse("key_twice", index)
                seen.add(entry[:33])
            elif len(entry) == PUBLIC_LEAF_SIZE:
                if entry in seen or self._store.public(entry[1:]) is not None:
                    self._refuse("public_twice", index)
                seen.add(entry)

    def _state(self) -> _State:
        store, size = self._store, self._store.size()
        if self._kept is None or self._kept.tree.size != size:  # somebody else has worked on it
            self._kept = _State(
                TileBuilder.at(store, size), SealMap(store.rows, size=size), [], _last_head(store, size)
            )
        return self._kept

    def _refuse(self, rule: str, index: int) -> NoReturn:
        raise VerificationError(f"mirror.{rule}", index=index, origin=self.origin)


def _root(tree: TileBuilder) -> bytes:
    """Return the root of a tree, from the hashes at its right edge that fill no tile."""

    def node(level: int, index: int) -> bytes:
        height, up = divmod(level, 8)
        rest = tree.rest(height)
        first = (index << up) - ((tree.size >> 8 * height) - len(rest))
        return root_of(rest[first : first + (1 << up)])

    return Frontier.at(tree.size, node).root()


def _last_head(store: Store, size: int) -> Head | None:
    index = store.head_below(size)
    if index is None:
        return None
    entry = store.entry(index) or b""
    leaf = parse_leaf(entry)
    if not isinstance(leaf, HeadLeaf):
        raise Damaged("registry.damaged", problem=f"entry {index} is no head leaf")
    return Head(index, leaf, leaf_hash(entry))
