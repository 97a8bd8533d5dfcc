"""Proof that an operator lied, as a file that stands on its own: the log's key is enough to judge it.

- A **fork**: two checkpoints of one log that cannot both be true.
- A **hidden seal**: a leaf is in the log, and the map of a later head leaf says that its seal is unbroken.
- **Bad entries**: the log signed over entries that break its rules.

It is JSON in the form of docs/formats.md, section 10; notes and proofs in it are the C2SP texts.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

import msgspec

from ... import strict_json
from ...encoding import jcs
from ...errors import InputError, KonsensError, VerificationError
from ..checkpoint import Checkpoint, check_checkpoint
from ..leaf import HeadLeaf, Leaf, PublicLeaf, SealLeaf, check_seal_leaf, parse_leaf
from ..note import VerifierKey, b64_decode
from ..proof import parse_holds_extra, parse_proof
from ..seal_map import check_map_proof
from ..tree import check_consistency, check_inclusion, leaf_hash

__all__ = [
    "BadEntries",
    "Fork",
    "Fraud",
    "HiddenSeal",
    "Included",
    "Proven",
    "check_fraud",
    "fraud_name",
    "parse_fraud",
    "render_fraud",
]

LARGEST = 1 << 22

Rule = Literal["entries", "leaf_signature", "key_twice", "public_twice", "head_time", "checkpoint_head"]


class Fork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two signed checkpoints of which the larger does not go on from the smaller.

    Of one size, they have different roots. Else `prefix` is the root over the first entries of the larger
    log, as many as the smaller one has, and `path` the consistency proof of that. It is another root.
    """

    smaller: str
    larger: str
    prefix: str | None = None
    path: tuple[str, ...] = ()
    type: Literal["konsens/fork"] = "konsens/fork"
    v: Literal[1] = 1


class Included(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry in base64, and the tlog-proof that it is in the log."""

    entry: str
    proof: str


class HiddenSeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seal leaf that is in the log, and a "still holds" proof by which its seal is not broken later."""

    leaf: Included
    unbroken: str
    type: Literal["konsens/hidden-seal"] = "konsens/hidden-seal"
    v: Literal[1] = 1


class BadEntries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One or two entries that are in the log and break the rule `rule` together."""

    rule: Rule
    entries: tuple[Included, ...]
    type: Literal["konsens/bad-entries"] = "konsens/bad-entries"
    v: Literal[1] = 1


Fraud = Fork | HiddenSeal | BadEntries


class Proven(msgspec.Struct, frozen=True):
    """What a fraud proof shows: which rule was broken, and where (size of a checkpoint, or index)."""

    rule: str
    origin: str
    where: int


def parse_fraud(text: str | bytes) -> Fraud:
    """Return the fraud proof in a file, not yet checked. Raises what the strict JSON reader raises."""
    tree = strict_json.parse(text, max_bytes=LARGEST)
    found = tree.get("type") if isinstance(tree, dict) else None
    kinds: dict[object, type[Fraud]] = {
        "konsens/fork": Fork,
        "konsens/hidden-seal": HiddenSeal,
        "konsens/bad-entries": BadEntries,
    }
    if found not in kinds:
        raise InputError("input.wrong_type", expected="konsens/fork", found=found)
    return strict_json.convert(tree, kinds[found])


def render_fraud(fraud: Fraud) -> str:
    """Return the text of the file: one line of JCS."""
    return jcs(msgspec.to_builtins(fraud)).decode() + "\n"


def fraud_name(fraud: Fraud) -> str:
    """Return the file name that belongs to a fraud proof: the same for the same proof."""
    kind = fraud.type.removeprefix("konsens/")
    return f"{kind}-{sha256(render_fraud(fraud).encode()).hexdigest()[:16]}.json"


def check_fraud(fraud: Fraud, vkey: VerifierKey) -> Proven:
    """Return what the proof shows about the log of `vkey`, or raise `fraud.proves_nothing`."""
    try:
        if isinstance(fraud, Fork):
            return _check_fork(fraud, vkey)
        if isinstance(fraud, HiddenSeal):
            return _check_hidden(fraud, vkey)
        return _check_bad(fraud, vkey)
    except KonsensError as error:
        if error.code == "fraud.proves_nothing":
            raise
        raise VerificationError("fraud.proves_nothing", problem=error.code) from error


def _check_fork(fraud: Fork, vkey: VerifierKey) -> Proven:
    smaller, larger = check_checkpoint(fraud.smaller, vkey), check_checkpoint(fraud.larger, vkey)
    proven = larger.root
    if smaller.size != larger.size or fraud.prefix is not None:
        proven = b64_decode(fraud.prefix or "", size=32)
        path = [b64_decode(hash_, size=32) for hash_ in fraud.path]
        check_consistency(smaller.size, larger.size, path, proven, larger.root)
    if proven == smaller.root:
        raise _nothing("roots agree")
    return Proven("fork", vkey.name, smaller.size)


def _check_hidden(fraud: HiddenSeal, vkey: VerifierKey) -> Proven:
    entry, index, _ = _check_included(fraud.leaf, vkey)
    leaf = parse_leaf(entry)
    if not isinstance(leaf, SealLeaf):
        raise _nothing("no seal leaf")
    check_seal_leaf(leaf, origin=vkey.name)  # only such a leaf breaks its seal
    proof = parse_proof(fraud.unbroken)
    later, extra = check_checkpoint(proof.checkpoint_note, vkey), parse_holds_extra(proof.extra)
    check_inclusion(later.size - 1, later.size, leaf_hash(extra.head.entry), extra.path, later.root)
    covered = later.size - 1
    if index >= covered:
        raise _nothing("the head leaf comes before the leaf")
    if check_map_proof(extra.map_proof, seal=leaf.seal, root=extra.head.map_root, size=covered) is not None:
        raise _nothing("the map says that the seal is broken")
    return Proven("hidden_seal", vkey.name, index)


def _check_bad(fraud: BadEntries, vkey: VerifierKey) -> Proven:
    found = [_check_included(one, vkey) for one in fraud.entries]
    if len(found) != (2 if fraud.rule in ("key_twice", "public_twice", "head_time") else 1):
        raise _nothing("number of entries")
    entry, index, checkpoint = found[-1]
    if fraud.rule == "entries":
        broken = _is_no_leaf(entry)
    elif fraud.rule == "leaf_signature":
        broken = _is_not_signed(entry, vkey.name)
    elif fraud.rule == "checkpoint_head":
        broken = index == checkpoint.size - 1 and not isinstance(parse_leaf(entry), HeadLeaf)
    else:
        earlier, first, _ = found[0]
        broken = first < index and _contradict(parse_leaf(earlier), parse_leaf(entry), fraud.rule)
    if not broken:
        raise _nothing("the rule is kept")
    return Proven(fraud.rule, vkey.name, index)


def _check_included(included: Included, vkey: VerifierKey) -> tuple[bytes, int, Checkpoint]:
    """Return entry, index and checkpoint, once the entry is proven to be in the log of `vkey`."""
    entry, proof = b64_decode(included.entry), parse_proof(included.proof)
    checkpoint = check_checkpoint(proof.checkpoint_note, vkey)
    check_inclusion(proof.index, checkpoint.size, leaf_hash(entry), proof.path, checkpoint.root)
    return entry, proof.index, checkpoint


def _is_no_leaf(entry: bytes) -> bool:
    try:
        parse_leaf(entry)
    except InputError:
        return True
    return False


def _is_not_signed(entry: bytes, origin: str) -> bool:
    leaf = parse_leaf(entry)
    try:
        if isinstance(leaf, SealLeaf):
            check_seal_leaf(leaf, origin=origin)
    except VerificationError:
        return True
    return False


def _contradict(earlier: Leaf, later: Leaf, rule: Rule) -> bool:
    if rule == "public_twice":
        return isinstance(earlier, PublicLeaf) and earlier == later
    if rule == "key_twice":
        return isinstance(earlier, SealLeaf) and isinstance(later, SealLeaf) and earlier.key == later.key
    return isinstance(earlier, HeadLeaf) and isinstance(later, HeadLeaf) and later.seconds < earlier.seconds


def _nothing(problem: str) -> VerificationError:
    return VerificationError("fraud.proves_nothing", problem=problem)
