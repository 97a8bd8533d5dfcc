"""The copy itself: entries go in only after everything that follows from them was found right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from ...errors import Damaged, InputError, Locked, VerificationError
from ..append import add
from ..leaf import HeadLeaf, SealLeaf, parse_leaf
from ..seal_map import SealMap
from ..store import Store
from ..tiles import nodes_of
from ..tree import Frontier, leaf_hash
from ..walk import Head, Walk

__all__ = ["Copy"]


class Copy:
    """A log's entries in a store of one's own, and the rules that every further entry must keep.

    - Entries are added in one durable step with everything that follows from them, or not at all.
    - A rule that an entry breaks is named (`mirror.entries`, `mirror.leaf_signature`, `mirror.key_twice`,
      `mirror.head_chain`, `mirror.head_time`, `mirror.map_root`); nothing of its step is kept.
    - After any failure the state is read anew from the store.
    """

    def __init__(self, store: Store, *, origin: str) -> None:
        self._store, self.origin = store, origin
        self._walk: Walk | None = None
        self.checked: set[bytes] = set()
        """Entries whose leaf signature was checked elsewhere; each is forgotten once it is in."""

    @property
    def size(self) -> int:
        """How many entries are in."""
        return self._store.size()

    def head(self) -> Head | None:
        """Return the last head leaf."""
        return self._resumed().head

    def root_at(self, size: int) -> bytes:
        """Return the root of the tree of the first `size` entries."""
        return Frontier.at(size, nodes_of(self._store)).root()

    def extend(self, start: int, entries: Sequence[bytes], check: Callable[[int, bytes], None]) -> None:
        """Add the entries from `start` on, once they keep the rules and `check` agrees.

        `check` gets size and root of the tree as it would be, and raises if that is not the log's.
        Somebody who has added to this copy meanwhile makes it `registry.busy`.
        """
        walk = self._resumed()
        try:
            if walk.size != start:
                raise Locked("registry.busy")
            hashed = [(leaf_hash(entry), entry) for entry in entries]
            grown = Frontier(walk.size, walk.frontier.nodes)
            grown.extend(hash_ for hash_, _ in hashed)
            check(grown.size, grown.root())
            seals = self._seals(walk, entries)
            with self._store.writing():
                if self._store.size() != walk.size:
                    raise Locked("registry.busy")
                add(self._store, hashed, seals)
                walk.feed(entries)
        except BaseException:
            self._walk = None
            raise
        walk.new_heads.clear()  # a mirror runs for years
        walk.roots.clear()
        self.checked.difference_update(entries)

    def _seals(self, walk: Walk, entries: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the seals that the entries break, and refuse a key that serves twice."""
        seals: dict[bytes, bytes] = {}
        places: dict[bytes, int] = {}
        for index, entry in enumerate(entries, walk.size):
            try:
                leaf = parse_leaf(entry)
            except InputError:
                self._refuse("fsck.entries", index)
            if isinstance(leaf, SealLeaf):
                seal = leaf.seal
                if seal in places:
                    self._refuse("fsck.key_twice", index)
                places[seal] = index
                seals[entry] = seal
        if found := self._store.broken_many(list(places)):
            self._refuse("fsck.key_twice", min(places[seal] for seal in found))
        return seals

    def _resumed(self) -> Walk:
        if self._walk is None:
            store, size = self._store, self._store.size()
            begin = (Frontier.at(size, nodes_of(store)), _last_head(store, size)) if size else None
            self._walk = Walk(
                store,
                SealMap(store.rows, size=size),
                origin=self.origin,
                problem=self._refuse,
                begin=begin,
                checked=self.checked,
            )
        return self._walk

    def _refuse(self, check: str, index: int) -> NoReturn:
        name = check.removeprefix("fsck.")
        if name in ("tiles", "seals"):  # what follows from the entries was written here
            raise Damaged("registry.damaged", problem=f"{check}, entry {index}")
        raise VerificationError(f"mirror.{name}", index=index, origin=self.origin)


def _last_head(store: Store, size: int) -> Head | None:
    index = store.head_below(size)
    if index is None:
        return None
    entry = store.entry(index) or b""
    leaf = parse_leaf(entry)
    if not isinstance(leaf, HeadLeaf):
        raise Damaged("registry.damaged", problem=f"entry {index} is no head leaf")
    return Head(index, leaf, leaf_hash(entry))
