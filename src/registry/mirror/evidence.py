"""Making fraud proofs, while the log still shows what convicts it, and keeping them.

Everything is checked before it is written: a proof that this returns convinces `check_fraud`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from ...errors import KonsensError, Unavailable
from ..checkpoint import parse_signed_checkpoint
from ..leaf import seal_of
from ..note import VerifierKey, b64_encode
from ..proof import InclusionProof, parse_holds_extra, parse_proof, render_proof
from ..signer_head import write_durably
from ..store import Store
from ..tree import Frontier, NodeSource, consistency_path, inclusion_path
from .fraud import BadEntries, Fork, Fraud, HiddenSeal, Included, Rule, check_fraud, fraud_name, render_fraud

__all__ = ["EVIDENCE", "accuse_entries", "accuse_fork", "accuse_hidden_seal", "convicting", "keep_evidence"]

EVIDENCE = "evidence"
PORTABLE_RULES: dict[str, Rule] = {rule: rule for rule in get_args(Rule)}


def accuse_fork(one: str, other: str, node: NodeSource | None, *, vkey: VerifierKey) -> Fork | None:
    """Return the proof that two signed checkpoints contradict each other, or None if they do not.

    `node` shows the tree of the larger one; of one size, none is needed. None also if `node` does not show
    what the larger one signed.
    """
    sizes = [parse_signed_checkpoint(note).checkpoint.size for note in (one, other)]
    smaller, larger = (one, other) if sizes[0] <= sizes[1] else (other, one)
    old, new = sorted(sizes)
    fork = Fork(smaller, larger)
    try:
        if old != new and old and node is not None:
            prefix, path = Frontier.at(old, node).root(), consistency_path(old, new, node)
            fork = Fork(smaller, larger, b64_encode(prefix), tuple(map(b64_encode, path)))
        check_fraud(fork, vkey)
    except KonsensError:
        return None
    return fork


def accuse_hidden_seal(
    leaf: bytes, index: int, unbroken: str, *, note: str, node: NodeSource, vkey: VerifierKey
) -> HiddenSeal:
    """Return the proof that an operator left a broken seal out of the map.

    `leaf` is the entry at `index`, in the log of the checkpoint `note` whose tree `node` shows; `unbroken`
    is the operator's "still holds" proof. What it says about the event is left out. Raises
    `fraud.proves_nothing`.
    """
    lie = parse_proof(unbroken)
    size = parse_signed_checkpoint(lie.checkpoint_note).checkpoint.size
    bare = InclusionProof(size - 1, parse_holds_extra(lie.extra).path, lie.checkpoint_note, lie.extra)
    fraud = HiddenSeal(included(leaf, index, note=note, node=node), render_proof(bare))
    check_fraud(fraud, vkey)
    return fraud


def accuse_entries(
    rule: str, entries: Sequence[tuple[int, bytes]], *, note: str, node: NodeSource, vkey: VerifierKey
) -> BadEntries | None:
    """Return the proof that entries of the log of `note` break a rule.

    None if `node` does not show it, and for a rule that takes the whole log to judge.
    """
    if rule not in PORTABLE_RULES:
        return None
    try:
        shown = tuple(included(entry, index, note=note, node=node) for index, entry in entries)
        fraud = BadEntries(PORTABLE_RULES[rule], shown)
        check_fraud(fraud, vkey)
    except KonsensError:
        return None
    return fraud


def convicting(
    rule: str, index: int, start: int, entries: Sequence[bytes], store: Store
) -> list[tuple[int, bytes]]:
    """Return the entry at `index`, which breaks `rule`, and before it the one that it contradicts.

    `entries` are those from `start` on, of which none is in `store` yet.
    """
    here, shown = entries[: index - start], [(index, entries[index - start])]
    if rule == "key_twice":
        key = shown[0][1][:33]
        earlier = store.broken(seal_of(key[1:]))
        found = [i for i, entry in enumerate(here, start) if entry[:33] == key]
        first = found[0] if earlier is None and found else earlier
    elif rule == "public_twice":
        earlier = store.public(shown[0][1][1:])
        first = here.index(shown[0][1]) + start if earlier is None else earlier
    elif rule == "head_time":
        heads = [i for i, entry in enumerate(here, start) if entry[:1] == b"\x02"]
        first = heads[-1] if heads else store.head_below(start)
    else:
        return shown
    if first is None:
        return shown
    entry = here[first - start] if first >= start else store.entry(first)
    return [(first, entry or b""), *shown]


def included(entry: bytes, index: int, *, note: str, node: NodeSource) -> Included:
    """Return an entry with the proof that it is in the log of the checkpoint `note`."""
    size = parse_signed_checkpoint(note).checkpoint.size
    path = tuple(inclusion_path(index, size, node))
    return Included(b64_encode(entry), render_proof(InclusionProof(index, path, note)))


def keep_evidence(folder: Path, fraud: Fraud) -> Path:
    """Write a fraud proof into the mirror's folder `evidence`, durably; the same one has the same name."""
    path = folder / EVIDENCE / fraud_name(fraud)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise Unavailable("registry.cannot_write", problem=error) from error
    if not path.exists():
        write_durably(path, render_fraud(fraud).encode())
    return path
