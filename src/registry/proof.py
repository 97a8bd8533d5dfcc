"""Proof files: inclusion (C2SP tlog-proof), "still holds" or "broken" (the same with `extra`), consistency.

A "still holds" proof is a tlog-proof of the event's leaf; other people's tools check its inclusion and pass
over `extra`, which says about the event's next seal: head leaf, its inclusion path, map proof.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from ..errors import InputError, VerificationError
from .checkpoint import Checkpoint, parse_decimal, parse_signed_checkpoint
from .leaf import HEAD_LEAF_SIZE, HeadLeaf, parse_leaf
from .note import MAX_BYTES, b64_decode, b64_encode
from .policy import ProvenCheckpoint
from .seal_map import check_map_proof
from .tree import check_consistency, check_inclusion
from .tree import leaf_hash as hash_of_leaf

__all__ = [
    "ConsistencyProof",
    "Holds",
    "HoldsExtra",
    "InclusionProof",
    "NoteChecker",
    "check_consistency_proof",
    "check_holds_proof",
    "check_inclusion_proof",
    "parse_consistency_proof",
    "parse_holds_extra",
    "parse_proof",
    "render_consistency_proof",
    "render_holds_extra",
    "render_proof",
]

LONGEST_PATH = 63  # a log has at most 2⁶³−1 entries
INCLUSION_HEADER = "c2sp.org/tlog-proof@v1"
CONSISTENCY_HEADER = "konsens/consistency@v1"


class NoteChecker(Protocol):
    """Whoever says which checkpoints are good: a `Policy`, or one that remembers what it said."""

    def check(self, note: str | bytes) -> ProvenCheckpoint:
        """Return the checkpoint of a note, or raise."""


class InclusionProof(msgspec.Struct, frozen=True):
    """That an entry lies at `index` of the log of `checkpoint_note`. Parsed, not checked."""

    index: int
    path: tuple[bytes, ...]
    checkpoint_note: str
    extra: bytes = b""


class HoldsExtra(msgspec.Struct, frozen=True):
    """What `extra` of a "still holds" proof carries about the event's next seal."""

    head: HeadLeaf
    path: tuple[bytes, ...]
    map_proof: bytes


class ConsistencyProof(msgspec.Struct, frozen=True):
    """That the log of `checkpoint_note` goes on from `old_size` entries. Parsed, not checked."""

    old_size: int
    path: tuple[bytes, ...]
    checkpoint_note: str


class Holds(msgspec.Struct, frozen=True):
    """What a "still holds" proof shows: at which index the next seal was broken, None if it was not."""

    broken_at: int | None
    checkpoint: ProvenCheckpoint
    head_seconds: int


def parse_proof(text: str | bytes) -> InclusionProof:
    """Return the proof behind a tlog-proof file (tlog-proof, "Format"), or raise `proof.format`."""
    lines, note = _parse_file(text, INCLUSION_HEADER)
    try:
        extra = b64_decode(lines.pop(0)[6:]) if lines[0].startswith("extra ") else None
        if extra == b"":
            raise InputError("proof.format")
        return InclusionProof(_parse_number(lines, "index "), _parse_path(lines), note, extra or b"")
    except (IndexError, InputError) as error:
        raise InputError("proof.format") from error


def render_proof(proof: InclusionProof) -> str:
    """Return the text of a tlog-proof file."""
    extra = [f"extra {b64_encode(proof.extra)}"] if proof.extra else []
    return _render_file([INCLUSION_HEADER, *extra, f"index {proof.index}"], proof.path, proof.checkpoint_note)


def check_inclusion_proof(
    proof: InclusionProof, *, leaf_hash: bytes, policy: NoteChecker
) -> ProvenCheckpoint:
    """Return the checkpoint under which the leaf is proven (tlog-proof, "Verifying a tlog proof").

    Raises what `Policy.check` raises, or `proof.inclusion`.
    """
    proven = policy.check(proof.checkpoint_note)
    check_inclusion(proof.index, proven.size, leaf_hash, proof.path, proven.root)
    return proven


def parse_holds_extra(extra: bytes) -> HoldsExtra:
    """Return head leaf(73) ‖ n(1) ‖ n × 32 path of the head leaf ‖ map proof, or raise `proof.extra`."""
    count = extra[HEAD_LEAF_SIZE] if len(extra) > HEAD_LEAF_SIZE else LONGEST_PATH + 1
    start, end = HEAD_LEAF_SIZE + 1, HEAD_LEAF_SIZE + 1 + 32 * count
    try:
        head = parse_leaf(extra[:HEAD_LEAF_SIZE])
    except InputError as error:
        raise InputError("proof.extra") from error
    if not isinstance(head, HeadLeaf) or count > LONGEST_PATH or len(extra) <= end:
        raise InputError("proof.extra")
    path = tuple(extra[at : at + 32] for at in range(start, end, 32))
    return HoldsExtra(head, path, extra[end:])


def render_holds_extra(extra: HoldsExtra) -> bytes:
    """Return the bytes of `extra`."""
    return b"".join([extra.head.entry, bytes([len(extra.path)]), *extra.path, extra.map_proof])


def check_holds_proof(
    proof: InclusionProof, *, leaf_hash: bytes, next_seal: bytes, policy: NoteChecker
) -> Holds:
    """Return whether the event still holds at the proven checkpoint, or where its next seal was broken.

    In this order: the cosigned checkpoint; inclusion of the event's leaf; entry N−1, which is a head leaf;
    presence or absence of `next_seal` in the map of all entries before it. How old the checkpoint may be is
    the caller's question (`check_fresh`).
    """
    proven = check_inclusion_proof(proof, leaf_hash=leaf_hash, policy=policy)
    extra = parse_holds_extra(proof.extra)
    before_head = proven.size - 1
    check_inclusion(before_head, proven.size, hash_of_leaf(extra.head.entry), extra.path, proven.root)
    broken_at = check_map_proof(extra.map_proof, seal=next_seal, root=extra.head.map_root, size=before_head)
    return Holds(broken_at, proven, extra.head.seconds)


def parse_consistency_proof(text: str | bytes) -> ConsistencyProof:
    """Return the proof behind a consistency file, or raise `proof.format`."""
    lines, note = _parse_file(text, CONSISTENCY_HEADER)
    try:
        return ConsistencyProof(_parse_number(lines, "old "), _parse_path(lines), note)
    except (IndexError, InputError) as error:
        raise InputError("proof.format") from error


def render_consistency_proof(proof: ConsistencyProof) -> str:
    """Return the text of a consistency file."""
    return _render_file([CONSISTENCY_HEADER, f"old {proof.old_size}"], proof.path, proof.checkpoint_note)


def check_consistency_proof(
    proof: ConsistencyProof, *, old: Checkpoint | ProvenCheckpoint, policy: NoteChecker
) -> ProvenCheckpoint:
    """Return the newer checkpoint, whose log begins with the one that `old` describes.

    Raises what `Policy.check` raises, or `proof.consistency`, also for another log and for an empty old one.
    """
    proven = policy.check(proof.checkpoint_note)
    if proven.origin != old.origin or proof.old_size != old.size:
        raise VerificationError("proof.consistency")
    check_consistency(old.size, proven.size, proof.path, old.root, proven.root)
    return proven


def _parse_file(text: str | bytes, header: str) -> tuple[list[str], str]:
    """Return the lines between the header and the empty line, and the checkpoint after it."""
    try:
        content = text if isinstance(text, str) else text.decode()
        head, gap, note = content.partition("\n\n")
        first, *lines = head.split("\n")
        if len(content) > 2 * MAX_BYTES or first != header or not gap:
            raise InputError("proof.format")
        parse_signed_checkpoint(note)
    except (InputError, UnicodeDecodeError) as error:
        raise InputError("proof.format") from error
    return lines, note


def _parse_number(lines: list[str], label: str) -> int:
    line = lines.pop(0)
    if not line.startswith(label):
        raise InputError("proof.format")
    return parse_decimal(line[len(label) :])


def _parse_path(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > LONGEST_PATH + 1:  # a consistency path may hold one hash more than the tree has levels
        raise InputError("proof.format")
    return tuple(b64_decode(line, size=32) for line in lines)


def _render_file(head: list[str], path: tuple[bytes, ...], note: str) -> str:
    return "\n".join([*head, *map(b64_encode, path), "", note])
