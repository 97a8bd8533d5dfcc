"""Convicting an operator whose seal map leaves a seal out, by the map that he shows to everybody.

A mirror finds that a map root is wrong, but only the operator has the map behind it. He shows that map in
buckets (`static.bucket`), or nobody can use it; and a bucket in which a broken seal is missing is the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from ...errors import InputError, VerificationError
from ..checkpoint import check_checkpoint
from ..leaf import HeadLeaf, SealLeaf, parse_leaf
from ..map_proof import render_map_proof
from ..proof import HoldsExtra, InclusionProof, render_holds_extra, render_proof
from ..static.bucket import Prefix, check_bucket
from ..tree import inclusion_path
from ..trie import EMPTY_MAP, Row, subtree, trie_leaf
from .evidence import accuse_hidden_seal, keep_evidence
from .follow import Mirror
from .fraud import HiddenSeal
from .source import Source

__all__ = ["accuse_by_buckets", "prove_in_bucket"]

ENTRIES_AT_ONCE = 4096


def accuse_by_buckets(
    mirror: Mirror, source: Source, buckets: Callable[[Prefix], bytes], *, depth: int
) -> HiddenSeal | None:
    """Return the proof that the map of the source's newest checkpoint leaves a broken seal out, if one does.

    `buckets` fetches the operator's bucket of a prefix of `depth` bits in that map. The proof is kept with
    the mirror's evidence. Raises `bucket.map` where a bucket is not the one that the head leaf commits to.
    """
    note = source.checkpoint().note
    size = check_checkpoint(note, mirror.vkey).size
    (entry,) = source.entries(size - 1, size)
    head = parse_leaf(entry)
    if not isinstance(head, HeadLeaf):
        raise VerificationError("mirror.checkpoint_head", origin=mirror.vkey.name, index=size - 1)
    path = tuple(inclusion_path(size - 1, size, source.node))
    behind = dict(_leaves(source, mirror.size, size - 1))  # what follows the copy, which stops before the lie
    for bits in range(1 << depth):
        prefix = Prefix(depth, bits)
        bucket = buckets(prefix)
        shown = dict(check_bucket(bucket, root=head.map_root, size=size - 1, prefix=prefix))
        broken = [(leaf.seal, index) for index, leaf in behind.items() if prefix.holds(leaf.seal)]
        for seal, index in [*mirror.rows(prefix.first, prefix.last), *broken]:
            if seal in shown or index >= size - 1:
                continue
            extra = HoldsExtra(head, path, prove_in_bucket(bucket, prefix, seal))
            lie = render_proof(InclusionProof(size - 1, path, note, render_holds_extra(extra)))
            (leaf,) = mirror.entries(index, index + 1) or source.entries(index, index + 1)
            fraud = accuse_hidden_seal(leaf, index, lie, note=note, node=source.node, vkey=mirror.vkey)
            keep_evidence(mirror.folder, fraud)
            mirror.remember("mirror.map_root")
            return fraud
    return None


def prove_in_bucket(bucket: bytes, prefix: Prefix, seal: bytes) -> bytes:
    """Return the map proof of a seal that begins with `prefix`, from a bucket that was checked."""
    siblings, rows = _parse(bucket, prefix)
    depth = len(siblings)
    while len(rows) > 1:
        sides: tuple[list[Row], list[Row]] = ([], [])
        for row in rows:
            sides[_bit(row[0], depth)].append(row)
        side = _bit(seal, depth)
        depth += 1
        siblings.append(subtree([trie_leaf(row) for row in sides[1 - side]], depth))
        rows = sides[side]
    return render_map_proof(seal, siblings, rows)


def _parse(bucket: bytes, prefix: Prefix) -> tuple[list[bytes], list[Row]]:
    """Return all siblings on the way, root side first, and the rows at its end."""
    at = 2 + (prefix.depth + 7) // 8
    way = int.from_bytes(bucket[at : at + 2], "big")
    at += 2
    bitmap = int.from_bytes(bucket[at : at + (way + 7) // 8], "big") >> (-way % 8)
    at += (way + 7) // 8
    siblings = []
    for level in range(way):
        there = bitmap >> (way - 1 - level) & 1
        siblings.append(bucket[at : at + 32] if there else EMPTY_MAP)
        at += 32 * there
    places = range(at + 4, len(bucket), 40)
    return siblings, [(bucket[p : p + 32], int.from_bytes(bucket[p + 32 : p + 40], "big")) for p in places]


def _bit(seal: bytes, depth: int) -> int:
    return seal[depth >> 3] >> (7 - (depth & 7)) & 1


def _leaves(source: Source, start: int, stop: int) -> Iterator[tuple[int, SealLeaf]]:
    """Yield the seal leaves of [start, stop), with their indices."""
    while start < stop and (entries := source.entries(start, min(start + ENTRIES_AT_ONCE, stop))):
        for index, entry in enumerate(entries, start):
            with suppress(InputError):
                leaf = parse_leaf(entry)
                if isinstance(leaf, SealLeaf):
                    yield index, leaf
        start += len(entries)
