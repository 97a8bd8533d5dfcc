"""Appending: which leaves may enter the log, and everything that is stored with them in the same step."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Conflict, InputError
from .leaf import HeadLeaf, Leaf, PublicLeaf, SealLeaf
from .store import Store
from .tiles import WIDTH, TileBuilder
from .tree import leaf_hash
from .walk import bad_leaves

__all__ = ["add_leaves", "append"]


def append(store: Store, leaves: Sequence[SealLeaf | PublicLeaf], *, origin: str) -> list[int]:
    """Add `leaves` to the log in one durable step and return the index of each.

    - A leaf that is not signed by its own key for this log is refused (`leaf.signature`, `key.weak`).
    - A leaf that is there already, byte for byte, is not added again: its index is returned.
    - Another leaf under a used key is refused (`seal.already_broken`).
    - All or nothing: if one is refused, none is added.
    - What enters in one step is sorted by leaf hash, so that its order tells nothing. Two successive events
      of one lane therefore need two steps: the index has to grow with the lane.
    """
    if any(isinstance(leaf, HeadLeaf) for leaf in leaves):
        raise InputError("registry.head_leaf")
    # Before the writer's lock, which others wait for: signatures take longer than all the rest.
    for _, error in bad_leaves([leaf for leaf in leaves if isinstance(leaf, SealLeaf)], origin=origin):
        raise error
    wanted = {leaf.entry: leaf for leaf in leaves}
    seals = {leaf.seal: entry for entry, leaf in wanted.items() if isinstance(leaf, SealLeaf)}
    for entry, leaf in wanted.items():
        if isinstance(leaf, SealLeaf) and seals[leaf.seal] != entry:
            raise Conflict("seal.already_broken", seal=leaf.seal.hex())
    with store.writing():
        indices = _present(store, seals, [leaf for leaf in wanted.values() if isinstance(leaf, PublicLeaf)])
        fresh = {entry: leaf for entry, leaf in wanted.items() if entry not in indices}
        if fresh:
            ordered = sorted(fresh, key=leaf_hash)
            start = add_leaves(store, [fresh[entry] for entry in ordered])
            indices.update({entry: index for index, entry in enumerate(ordered, start)})
    return [indices[leaf.entry] for leaf in leaves]


def add_leaves(store: Store, leaves: Sequence[Leaf]) -> int:
    """Add checked leaves, the rows of their seals and the tiles that they fill; return the first index."""
    start = store.size()
    stop = start + len(leaves)
    store.add_entries([leaf.entry for leaf in leaves])
    store.add_rows([(leaf.seal, i) for i, leaf in enumerate(leaves, start) if isinstance(leaf, SealLeaf)])
    if start // WIDTH != stop // WIDTH:
        store.add_tiles(TileBuilder.at(store, start).extend(leaf_hash(leaf.entry) for leaf in leaves))
    return start


def _present(store: Store, seals: dict[bytes, bytes], public: Sequence[PublicLeaf]) -> dict[bytes, int]:
    """Return entry and index of what is in the log already; raise if a seal was broken by another leaf."""
    found: dict[bytes, int] = {}
    for seal, index in store.broken_many(list(seals)).items():
        if store.entry(index) != seals[seal]:
            raise Conflict("seal.already_broken", seal=seal.hex())
        found[seals[seal]] = index
    for leaf in public:
        if (place := store.public(leaf.digest)) is not None:
            found[leaf.entry] = place
    return found
