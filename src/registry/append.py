"""Appending: which leaves may enter the log, and everything that is stored with them in the same step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import Conflict, InputError, VerificationError
from .check_ahead import LeavesUnderCheck
from .leaf import HeadLeaf, PublicLeaf, SealLeaf
from .store import Store
from .tiles import WIDTH, TileBuilder
from .tree import leaf_hash
from .walk import bad_leaves

__all__ = ["add", "append"]


def append(
    store: Store, leaves: Sequence[SealLeaf | PublicLeaf], *, origin: str, checked: set[bytes] | None = None
) -> list[int]:
    """Add `leaves` to the log in one durable step and return the index of each.

    - A leaf that is not signed by its own key for this log is refused (`leaf.signature`, `key.weak`).
    - A leaf that is there already, byte for byte, is not added again: its index is returned.
    - Another leaf under a used key is refused (`seal.already_broken`).
    - All or nothing: if one is refused, none is added.
    - What enters in one step is sorted by leaf hash, so that its order tells nothing. Two successive events
      of one lane therefore need two steps: the index has to grow with the lane.

    `checked` is told the entries whose signatures were checked here.
    """
    if any(isinstance(leaf, HeadLeaf) for leaf in leaves):
        raise InputError("registry.head_leaf")
    # Before the writer's lock, which others wait for: signatures take longer than all the rest.
    for _, error in _bad(leaves, origin):
        raise error
    entries = [leaf.entry for leaf in leaves]
    seals = {e: leaf.seal for e, leaf in zip(entries, leaves, strict=True) if isinstance(leaf, SealLeaf)}
    first: dict[bytes, bytes] = {}
    for entry, seal in seals.items():
        if first.setdefault(seal, entry) != entry:
            raise Conflict("seal.already_broken", seal=seal.hex())
    hashed = sorted((leaf_hash(entry), entry) for entry in dict.fromkeys(entries))
    with store.writing():
        indices = _present(store, first, [leaf for leaf in leaves if isinstance(leaf, PublicLeaf)])
        if fresh := [one for one in hashed if one[1] not in indices]:
            start = add(store, fresh, seals)
            indices.update({entry: index for index, (_, entry) in enumerate(fresh, start)})
    if checked is not None:
        checked.update(seals)
    return [indices[entry] for entry in entries]


def add(store: Store, hashed: Sequence[tuple[bytes, bytes]], seals: Mapping[bytes, bytes]) -> int:
    """Add checked entries, given with their leaf hashes, and return the index of the first.

    With them go the rows of the seals that they break and the tiles that they fill.
    """
    start = store.size()
    store.add_entries([entry for _, entry in hashed])
    store.add_rows(
        [(seals[entry], index) for index, (_, entry) in enumerate(hashed, start) if entry in seals]
    )
    if start // WIDTH != (start + len(hashed)) // WIDTH:
        store.add_tiles(TileBuilder.at(store, start).extend([leaf for leaf, _ in hashed]))
    return start


def _bad(leaves: Sequence[SealLeaf | PublicLeaf], origin: str) -> list[tuple[int, VerificationError]]:
    if isinstance(leaves, LeavesUnderCheck):
        return leaves.bad(origin=origin)
    return bad_leaves([leaf for leaf in leaves if isinstance(leaf, SealLeaf)], origin=origin)


def _present(store: Store, seals: Mapping[bytes, bytes], public: Sequence[PublicLeaf]) -> dict[bytes, int]:
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
