"""Proofs from the store, as the texts of `proof.py`: everything up to the newest published checkpoint.

A proof is checked before it is handed out. One that fails shows that the store is damaged, and here is where
that can still be said.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import Damaged, NotFound, Unavailable, VerificationError
from .checkpoint import SignedCheckpoint
from .leaf import HeadLeaf
from .proof import (
    ConsistencyProof,
    HoldsExtra,
    InclusionProof,
    render_consistency_proof,
    render_holds_extra,
    render_proof,
)
from .seal_map import SealMap, check_map_proof
from .store import Store
from .tree import NodeSource, check_inclusion, consistency_path, inclusion_path, leaf_hash

__all__ = ["prove_consistency", "prove_holds", "prove_inclusion"]


def prove_inclusion(store: Store, node: NodeSource, newest: SignedCheckpoint | None, index: int) -> str:
    """Return the proof that entry `index` is in the log, or raise `registry.not_yet_checkpointed`."""
    signed = _covering(store, newest, index)
    path = _path(store, node, signed, index)
    return render_proof(InclusionProof(index, path, signed.note))


def prove_holds(
    store: Store,
    node: NodeSource,
    newest: SignedCheckpoint | None,
    index: int | None,
    next_seal: bytes,
    *,
    head_of: Callable[[int], HeadLeaf],
    seals_at: Callable[[int], SealMap],
) -> str:
    """Return the proof that entry `index` is in the log, and whether `next_seal` is broken there.

    Without an index the head leaf stands in for it: the proof is then about the seal alone.
    """
    signed = _covering(store, newest, 0 if index is None else index)
    size = signed.checkpoint.size
    here = size - 1 if index is None else index
    head, map_proof = head_of(size), seals_at(size).prove(next_seal)
    try:
        check_map_proof(map_proof, seal=next_seal, root=head.map_root, size=size - 1)
    except VerificationError as error:
        raise Damaged("registry.seal_rows", size=size) from error
    extra = HoldsExtra(head, _path(store, node, signed, size - 1), map_proof)
    path = _path(store, node, signed, here)
    return render_proof(InclusionProof(here, path, signed.note, render_holds_extra(extra)))


def prove_consistency(store: Store, node: NodeSource, newest: SignedCheckpoint | None, old_size: int) -> str:
    """Return the proof that the log of the newest checkpoint begins with its first `old_size` entries."""
    signed = _covering(store, newest, old_size - 1)
    path = consistency_path(old_size, signed.checkpoint.size, node)
    return render_consistency_proof(ConsistencyProof(old_size, tuple(path), signed.note))


def _covering(store: Store, newest: SignedCheckpoint | None, index: int) -> SignedCheckpoint:
    """Return the newest checkpoint, if it covers entry `index`."""
    if newest is None or index >= newest.checkpoint.size:
        if index >= store.size() > 0:
            raise NotFound("registry.no_entry", index=index)
        raise Unavailable("registry.not_yet_checkpointed", index=index)
    return newest


def _path(store: Store, node: NodeSource, signed: SignedCheckpoint, index: int) -> tuple[bytes, ...]:
    size, root = signed.checkpoint.size, signed.checkpoint.root
    path = inclusion_path(index, size, node)
    try:
        check_inclusion(index, size, leaf_hash(store.entry(index) or b""), path, root)
    except VerificationError as error:
        raise Damaged("registry.damaged", problem=f"entry {index}, checkpoint {size}") from error
    return tuple(path)
