"""Proofs: what they show, what other people's tools make of them, and every way to lie in one."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest
from proofbundle import tlogproof as proofbundle

from konsens.errors import InputError, KonsensError, NotTrusted, Unavailable, VerificationError
from konsens.registry.checkpoint import Checkpoint, sign_checkpoint
from konsens.registry.note import NoteSigner, render_vkey
from konsens.registry.policy import parse_policy
from konsens.registry.proof import (
    ConsistencyProof,
    HoldsExtra,
    InclusionProof,
    check_consistency_proof,
    check_holds_proof,
    check_inclusion_proof,
    parse_consistency_proof,
    parse_holds_extra,
    parse_proof,
    render_consistency_proof,
    render_holds_extra,
    render_proof,
)
from konsens.registry.seal_map import check_map_proof
from konsens.registry.tree import leaf_hash

from .toy_log import LOG, NOON, POLICY, WITNESS, ToyLog, seal_leaf

TOY = ToyLog(11)
UNBROKEN = sha256(b"an unbroken seal").digest()
HOLDS = TOY.holds(3, UNBROKEN)
BROKEN = TOY.holds(3, TOY.leaves[7].seal)


# What a proof shows


def refused(
    proof: InclusionProof,
    *,
    leaf: bytes = TOY.hashes[3],
    asked: bytes = UNBROKEN,
    error: type[KonsensError] = VerificationError,
) -> str:
    with pytest.raises(error) as caught:
        check_holds_proof(proof, leaf_hash=leaf, next_seal=asked, policy=POLICY)
    return caught.value.code


def test_a_consent_holds_while_its_next_seal_is_unbroken() -> None:
    held = check_holds_proof(HOLDS, leaf_hash=TOY.hashes[3], next_seal=UNBROKEN, policy=POLICY)
    assert (held.broken_at, held.head_seconds) == (None, int(NOON.timestamp()))
    assert (held.checkpoint.size, held.checkpoint.cosigned_at, held.checkpoint.witnesses) == (
        12,
        NOON,
        ("w",),
    )


def test_a_broken_seal_is_shown_with_its_place() -> None:
    shown = check_holds_proof(BROKEN, leaf_hash=TOY.hashes[3], next_seal=TOY.leaves[7].seal, policy=POLICY)
    assert shown.broken_at == 7


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 31, 64])
def test_every_entry_of_a_log_of_any_size_is_proven(count: int) -> None:
    toy = ToyLog(count)
    for index in range(count):
        proof = parse_proof(render_proof(toy.holds(index, UNBROKEN)))
        assert check_inclusion_proof(proof, leaf_hash=toy.hashes[index], policy=POLICY).size == count + 1
        held = check_holds_proof(proof, leaf_hash=toy.hashes[index], next_seal=UNBROKEN, policy=POLICY)
        assert held.broken_at is None


def test_proofbundle_checks_the_inclusion_and_passes_over_extra() -> None:
    for proof in (HOLDS, BROKEN, TOY.inclusion(3)):
        text = render_proof(proof)
        verdict = proofbundle.verify_tlog_proof(
            text,
            TOY.entries[3],
            render_vkey(LOG.vkey),
            [render_vkey(WITNESS.vkey)],
            threshold=1,
            expected_origin=LOG.name,
        )
        assert verdict["ok"]
        assert (verdict["index"], verdict["tree_size"]) == (3, TOY.size)
        assert proofbundle.parse_tlog_proof(text)["extra"] == (proof.extra or None)
        extra = proof.extra or None
        assert proofbundle.format_tlog_proof(3, list(proof.path), TOY.note, extra=extra) == text


# Lies


@pytest.mark.parametrize(
    ("proof", "leaf", "code"),
    [
        pytest.param(HOLDS, TOY.hashes[4], "proof.inclusion", id="another leaf"),
        pytest.param(TOY.holds(4, UNBROKEN), TOY.hashes[3], "proof.inclusion", id="another index"),
        pytest.param(
            InclusionProof(3, HOLDS.path[:-1], TOY.note, HOLDS.extra),
            TOY.hashes[3],
            "proof.inclusion",
            id="cut path",
        ),
        pytest.param(
            InclusionProof(TOY.size, HOLDS.path, TOY.note, HOLDS.extra),
            TOY.hashes[3],
            "proof.inclusion",
            id="index = N",
        ),
        pytest.param(
            InclusionProof(3, HOLDS.path, TOY.note.replace("\n12\n", "\n13\n"), HOLDS.extra),
            TOY.hashes[3],
            "note.signature",
            id="a changed checkpoint",
        ),
    ],
)
def test_a_leaf_that_is_not_shown_to_be_there_is_refused(
    proof: InclusionProof, leaf: bytes, code: str
) -> None:
    assert refused(proof, leaf=leaf) == code
    with pytest.raises(VerificationError):
        check_inclusion_proof(proof, leaf_hash=leaf, policy=POLICY)


def test_a_proof_of_an_unknown_log_is_refused_and_one_without_its_quorum() -> None:
    other = NoteSigner("log.other.example", b"o" * 32)
    note = sign_checkpoint(Checkpoint(other.name, TOY.size, TOY.checkpoint.root), other).note
    assert refused(InclusionProof(3, HOLDS.path, note, HOLDS.extra), error=NotTrusted) == "policy.unknown_log"
    alone = sign_checkpoint(TOY.checkpoint, LOG).note
    unwitnessed = InclusionProof(3, HOLDS.path, alone, HOLDS.extra)
    assert refused(unwitnessed, error=Unavailable) == "policy.quorum_missing"
    trusting = parse_policy(f"log {render_vkey(LOG.vkey)}\nquorum none\n")
    held = check_holds_proof(unwitnessed, leaf_hash=TOY.hashes[3], next_seal=UNBROKEN, policy=trusting)
    assert held.checkpoint.unwitnessed


def with_extra(change: Callable[[HoldsExtra], bytes]) -> InclusionProof:
    return InclusionProof(3, HOLDS.path, TOY.note, change(parse_holds_extra(HOLDS.extra)))


EXTRA = parse_holds_extra(HOLDS.extra)
OLDER, LARGER = ToyLog(5), ToyLog(12)
LYING = ToyLog(11, hide=TOY.leaves[7].seal)


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        pytest.param(
            HoldsExtra(OLDER.head, EXTRA.path, EXTRA.map_proof), "proof.inclusion", id="an older head"
        ),
        pytest.param(LYING.extra(UNBROKEN), "proof.inclusion", id="a head of another log"),
        pytest.param(HoldsExtra(TOY.head, EXTRA.path[1:], EXTRA.map_proof), "proof.inclusion", id="cut path"),
        pytest.param(
            HoldsExtra(TOY.head, (*EXTRA.path, bytes(32)), EXTRA.map_proof), "proof.inclusion", id="long path"
        ),
        pytest.param(
            HoldsExtra(TOY.head, EXTRA.path, OLDER.seal_map.prove(UNBROKEN)), "proof.map", id="an older map"
        ),
        pytest.param(
            HoldsExtra(TOY.head, EXTRA.path, TOY.seal_map.prove(sha256(b"x").digest())),
            "proof.map",
            id="absence of another seal",
        ),
        pytest.param(
            HoldsExtra(TOY.head, EXTRA.path, TOY.seal_map.prove(TOY.leaves[0].seal)),
            "proof.map",
            id="presence of another seal",
        ),
    ],
)
def test_a_seal_that_is_not_shown_to_be_unbroken_is_refused(extra: HoldsExtra, code: str) -> None:
    proof = InclusionProof(3, HOLDS.path, TOY.note, render_holds_extra(extra))
    assert refused(proof) == code
    assert check_inclusion_proof(proof, leaf_hash=TOY.hashes[3], policy=POLICY).size == TOY.size


def test_a_broken_seal_is_never_shown_as_unbroken_by_the_proof_of_another() -> None:
    assert refused(HOLDS, asked=TOY.leaves[7].seal) == "proof.map"
    assert refused(BROKEN, asked=UNBROKEN) == "proof.map"


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"some other application's bytes", id="foreign"),
        pytest.param(HOLDS.extra[:73], id="head alone"),
        pytest.param(HOLDS.extra[:74], id="no path"),
        pytest.param(HOLDS.extra[: 74 + 32 * len(EXTRA.path)], id="no map proof"),
        pytest.param(TOY.entries[0][:73] + HOLDS.extra[73:], id="seal leaf for head"),
        pytest.param(b"\x03" + HOLDS.extra[1:], id="another type"),
        pytest.param(HOLDS.extra[:73] + b"\x40" + bytes(4000), id="path of 64"),
        pytest.param(HOLDS.extra[:73] + b"\xff" + bytes(32 * 255 + 3), id="path of 255"),
        pytest.param(HOLDS.extra[:65] + b"\xff" * 8 + HOLDS.extra[73:], id="a year beyond 9999"),
    ],
)
def test_an_extra_that_is_not_ours_is_refused_but_the_inclusion_stands(extra: bytes) -> None:
    proof = InclusionProof(3, HOLDS.path, TOY.note, extra)
    assert refused(proof, error=InputError) == "proof.extra"
    assert check_inclusion_proof(proof, leaf_hash=TOY.hashes[3], policy=POLICY).size == TOY.size


@pytest.mark.parametrize("proof", [HOLDS, BROKEN], ids=["holds", "broken"])
def test_no_changed_byte_of_extra_survives_and_none_too_many_or_few(proof: InclusionProof) -> None:
    asked = UNBROKEN if proof is HOLDS else TOY.leaves[7].seal
    for at in range(len(proof.extra)):
        for flip in (1, 128):
            extra = proof.extra[:at] + bytes([proof.extra[at] ^ flip]) + proof.extra[at + 1 :]
            refused(InclusionProof(3, proof.path, TOY.note, extra), asked=asked, error=KonsensError)
    for extra in (proof.extra[:-1], proof.extra + b"\x00", proof.extra * 2):
        refused(InclusionProof(3, proof.path, TOY.note, extra), asked=asked)


def test_an_operator_who_leaves_a_seal_out_of_the_map_gives_the_proof_against_himself() -> None:
    """The absence verifies under his own head, and so does the inclusion of the leaf that broke the seal."""
    culprit = seal_leaf(7)
    lie = LYING.holds(3, culprit.seal)
    held = check_holds_proof(lie, leaf_hash=LYING.hashes[3], next_seal=culprit.seal, policy=POLICY)
    assert held.broken_at is None
    shown = check_inclusion_proof(LYING.inclusion(7), leaf_hash=leaf_hash(culprit.entry), policy=POLICY)
    assert shown == held.checkpoint


# Consistency


def prefix(size: int) -> Checkpoint:
    toy = ToyLog(11)
    toy.hashes = toy.hashes[:size]
    return Checkpoint(LOG.name, size, toy.node(4, 0))


@pytest.mark.parametrize("old", range(1, 13))
def test_a_newer_checkpoint_continues_an_older_one(old: int) -> None:
    proof = parse_consistency_proof(render_consistency_proof(TOY.consistency(old)))
    proven = check_consistency_proof(proof, old=prefix(old), policy=POLICY)
    assert (proven.size, proven.root) == (TOY.size, TOY.checkpoint.root)


@pytest.mark.parametrize(
    ("proof", "old"),
    [
        pytest.param(TOY.consistency(5), Checkpoint(LOG.name, 5, bytes(32)), id="another root"),
        pytest.param(TOY.consistency(5), prefix(6), id="another size"),
        pytest.param(
            TOY.consistency(5), Checkpoint("log.other.example", 5, prefix(5).root), id="another log"
        ),
        pytest.param(
            ConsistencyProof(0, (), TOY.note), Checkpoint(LOG.name, 0, sha256().digest()), id="from nothing"
        ),
        pytest.param(ConsistencyProof(5, TOY.consistency(5).path[1:], TOY.note), prefix(5), id="cut"),
        pytest.param(
            ConsistencyProof(12, (), LARGER.note), Checkpoint(LOG.name, 12, TOY.checkpoint.root), id="a fork"
        ),
        pytest.param(ConsistencyProof(13, (), TOY.note), LARGER.checkpoint, id="shrunk"),
    ],
)
def test_a_log_that_does_not_continue_is_refused(proof: ConsistencyProof, old: Checkpoint) -> None:
    with pytest.raises(VerificationError) as caught:
        check_consistency_proof(proof, old=old, policy=POLICY)
    assert caught.value.code == "proof.consistency"


def test_the_map_of_a_head_covers_all_entries_before_it_and_no_more() -> None:
    proof = TOY.seal_map.prove(TOY.leaves[10].seal)
    assert check_map_proof(proof, seal=TOY.leaves[10].seal, root=TOY.head.map_root, size=11) == 10
