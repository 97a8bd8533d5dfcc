"""Proofs from the store, as the texts of `proof.py`: everything up to the newest published checkpoint."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import Damaged, NotFound, Unavailable
from .leaf import HeadLeaf, parse_leaf
from .proof import (
    ConsistencyProof,
    HoldsExtra,
    InclusionProof,
    render_consistency_proof,
    render_holds_extra,
    render_proof,
)
from .seal_map import SealMap
from .store import Store
from .tiles import nodes_of
from .tree import consistency_path, inclusion_path

__all__ = ["prove_consistency", "prove_holds", "prove_inclusion"]


def prove_inclusion(store: Store, index: int) -> str:
    """Return the proof that entry `index` is in the log, or raise `registry.not_yet_checkpointed`."""
    size, note = _covering(store, index)
    path = inclusion_path(index, size, nodes_of(store))
    return render_proof(InclusionProof(index, tuple(path), note))


def prove_holds(
    store: Store, index: int | None, next_seal: bytes, *, seals_at: Callable[[int], SealMap]
) -> str:
    """Return the proof that entry `index` is in the log, and whether `next_seal` is broken there.

    Without an index the head leaf stands in for it: the proof is then about the seal alone.
    """
    size, note = _covering(store, 0 if index is None else index)
    here = size - 1 if index is None else index
    node = nodes_of(store)
    head = parse_leaf(store.entry(size - 1) or b"")
    if not isinstance(head, HeadLeaf):
        raise Damaged("registry.damaged", problem="fsck.checkpoint_head")
    seals = seals_at(size)
    extra = HoldsExtra(head, tuple(inclusion_path(size - 1, size, node)), seals.prove(next_seal))
    path = tuple(inclusion_path(here, size, node))
    return render_proof(InclusionProof(here, path, note, render_holds_extra(extra)))


def prove_consistency(store: Store, old_size: int) -> str:
    """Return the proof that the log of the newest checkpoint begins with its first `old_size` entries."""
    size, note = _covering(store, old_size - 1)
    path = consistency_path(old_size, size, nodes_of(store))
    return render_consistency_proof(ConsistencyProof(old_size, tuple(path), note))


def _covering(store: Store, index: int) -> tuple[int, str]:
    """Return the newest checkpoint, if it covers entry `index`."""
    newest = store.checkpoint()
    if newest is None or index >= newest[0]:
        if index >= store.size() > 0:
            raise NotFound("registry.no_entry", index=index)
        raise Unavailable("registry.not_yet_checkpointed", index=index)
    return newest
