"""A small log in memory, made of nothing but the formats, to make proofs from."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from konsens.registry.checkpoint import Checkpoint, sign_checkpoint
from konsens.registry.cosignature import Cosigner, cosign
from konsens.registry.leaf import HeadLeaf, SealLeaf, make_seal_leaf
from konsens.registry.note import NoteSigner, render_vkey
from konsens.registry.policy import Policy, parse_policy
from konsens.registry.proof import (
    ConsistencyProof,
    HoldsExtra,
    InclusionProof,
    render_holds_extra,
)
from konsens.registry.seal_map import SealMap, map_root, source_of
from konsens.registry.tree import consistency_path, inclusion_path, leaf_hash, root_of

LOG = NoteSigner("log.muster.example", b"l" * 32)
WITNESS = Cosigner("witness.example", b"w" * 32)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY: Policy = parse_policy(
    f"log {render_vkey(LOG.vkey)}\nwitness w {render_vkey(WITNESS.vkey)}\nquorum w\n"
)


def seal_leaf(number: int) -> SealLeaf:
    return make_seal_leaf(
        sha256(b"key %d" % number).digest(), sha256(b"event %d" % number).digest(), origin=LOG.name
    )


def head_leaf(leaves: list[SealLeaf], *, hide: bytes | None = None) -> HeadLeaf:
    """Return the head after `leaves`; a dishonest one leaves a seal out of its map."""
    rows = [(leaf.seal, index) for index, leaf in enumerate(leaves) if leaf.seal != hide]
    return HeadLeaf(map_root(rows), bytes(32), int(NOON.timestamp()))


class ToyLog:
    """`count` seal leaves and the head leaf after them."""

    def __init__(self, count: int, *, hide: bytes | None = None) -> None:
        self.leaves = [seal_leaf(number) for number in range(count)]
        self.head = head_leaf(self.leaves, hide=hide)
        self.entries = [*(leaf.entry for leaf in self.leaves), self.head.entry]
        self.hashes = [leaf_hash(entry) for entry in self.entries]
        self.size = len(self.entries)
        self.checkpoint = Checkpoint(LOG.name, self.size, root_of(self.hashes))
        self.note = cosign(sign_checkpoint(self.checkpoint, LOG).note, WITNESS, at=NOON)
        rows = [(leaf.seal, index) for index, leaf in enumerate(self.leaves) if leaf.seal != hide]
        self.seal_map = SealMap(source_of(rows), size=count)

    def node(self, level: int, index: int) -> bytes:
        return root_of(self.hashes[index << level : (index + 1) << level])

    def path(self, index: int) -> tuple[bytes, ...]:
        return tuple(inclusion_path(index, self.size, self.node))

    def inclusion(self, index: int) -> InclusionProof:
        return InclusionProof(index, self.path(index), self.note)

    def extra(self, next_seal: bytes) -> HoldsExtra:
        return HoldsExtra(self.head, self.path(self.size - 1), self.seal_map.prove(next_seal))

    def holds(self, index: int, next_seal: bytes) -> InclusionProof:
        return InclusionProof(index, self.path(index), self.note, render_holds_extra(self.extra(next_seal)))

    def consistency(self, old: int) -> ConsistencyProof:
        return ConsistencyProof(old, tuple(consistency_path(old, self.size, self.node)), self.note)
