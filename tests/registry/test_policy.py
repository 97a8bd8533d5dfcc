"""Trust policies: what a policy makes of a checkpoint."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofbundle.checkpoint import verify_witnessed_checkpoint

from konsens.errors import KonsensError, NotTrusted, Unavailable, VerificationError
from konsens.registry.checkpoint import Checkpoint, render_checkpoint, sign_checkpoint
from konsens.registry.cosignature import Cosigner, cosign
from konsens.registry.note import (
    NoteSignature,
    NoteSigner,
    add_signature,
    parse_note,
    render_vkey,
    sign_note,
)
from konsens.registry.policy import (
    ProvenCheckpoint,
    check_fresh,
    parse_policy,
)

from .witnesses import L0, L1, LOGS, NOON, NOTE, THREE, WITNESSES, W, cosigned


def check(text: str, note: str | bytes = NOTE) -> ProvenCheckpoint:
    return parse_policy(f"log {L0}\n{text}").check(note)


def code_of(text: str, note: str | bytes = NOTE, *, error: type[KonsensError]) -> str:
    with pytest.raises(error) as caught:
        check(text, note)
    return caught.value.code


def test_quorum_none_takes_the_operators_word_and_says_so() -> None:
    assert check("quorum none\n") == ProvenCheckpoint(LOGS[0].name, 7, bytes(32), None, (), True)
    assert check("quorum none\n", NOTE.encode()).unwitnessed


def test_a_known_witness_counts_even_when_none_is_required() -> None:
    proven = check(THREE + "quorum none\n", cosigned(1))
    assert (proven.cosigned_at, proven.witnesses, proven.unwitnessed) == (NOON, ("b",), False)


@pytest.mark.parametrize(
    ("quorum", "enough", "too_few"),
    [
        pytest.param("quorum a\n", [(0,), (2, 0)], [(), (1, 2)], id="one witness"),
        pytest.param("group g any a b c\nquorum g\n", [(0,), (1,), (2, 1)], [(), (3,)], id="any"),
        pytest.param(
            "group g 2 a b c\nquorum g\n", [(0, 1), (2, 1), (0, 1, 2)], [(0,), (1, 1), (0, 3)], id="2 of 3"
        ),
        pytest.param("group g all a b c\nquorum g\n", [(0, 1, 2)], [(0, 1), (1, 2)], id="all"),
        pytest.param(
            "group x any a b\ngroup g all x c\nquorum g\n", [(0, 2), (1, 2)], [(0, 1), (2,)], id="nested"
        ),
        pytest.param("group x any a b\ngroup y any c\nquorum x\n", [(0,)], [(2,)], id="an unused group"),
    ],
)
def test_a_quorum_is_reached_or_not(
    quorum: str, enough: list[tuple[int, ...]], too_few: list[tuple[int, ...]]
) -> None:
    for witnesses in enough:
        proven = check(THREE + quorum, cosigned(*witnesses))
        assert set(proven.witnesses) == {"abc"[number] for number in witnesses}
    for witnesses in too_few:
        assert code_of(THREE + quorum, cosigned(*witnesses), error=Unavailable) == "policy.quorum_missing"


@pytest.mark.parametrize(
    ("threshold", "witnesses"), [(1, (0,)), (2, (0, 2)), (3, (0, 1, 2)), (2, (1,)), (3, (0, 1))]
)
def test_proofbundle_counts_k_of_n_alike(threshold: int, witnesses: tuple[int, ...]) -> None:
    note = cosigned(*witnesses)
    theirs = verify_witnessed_checkpoint(note, L0, W[:3], threshold=threshold, expected_origin=LOGS[0].name)
    try:
        check(THREE + f"group g {threshold} a b c\nquorum g\n", note)
        ours = True
    except Unavailable:
        ours = False
    assert ours == theirs["ok"] == (len(witnesses) >= threshold)


@pytest.mark.parametrize(
    ("quorum", "minutes"),
    [
        ("quorum a\n", 0),
        ("quorum c\n", 2),
        ("group g any a b c\nquorum g\n", 2),
        ("group g 2 a b c\nquorum g\n", 1),
        ("group g all a b c\nquorum g\n", 0),
        ("group x any a b\ngroup g all x c\nquorum g\n", 1),
        ("quorum none\n", 2),
    ],
)
def test_the_time_is_the_latest_as_of_which_the_quorum_vouches(quorum: str, minutes: int) -> None:
    """Witness a cosigned at noon, b a minute and c two minutes later."""
    proven = check(THREE + quorum, cosigned(0, 1, 2))
    assert proven.cosigned_at == NOON + timedelta(minutes=minutes)


def test_a_log_does_not_vote_in_its_own_quorum() -> None:
    itself = Cosigner("witness.example", LOGS[0].seed)
    note = cosign(NOTE, itself, at=NOON)
    line = f"witness w {render_vkey(itself.vkey)}\n"
    assert code_of(line + "quorum w\n", note, error=Unavailable) == "policy.quorum_missing"
    assert check(line + "quorum none\n", note).unwitnessed


def test_a_log_that_is_not_listed_is_not_trusted() -> None:
    note = sign_checkpoint(Checkpoint(LOGS[1].name, 7, bytes(32)), LOGS[1]).note
    assert code_of("quorum none\n", note, error=NotTrusted) == "policy.unknown_log"


@pytest.mark.parametrize(
    "signer", [LOGS[1], NoteSigner(LOGS[0].name, LOGS[2].seed)], ids=["listed", "namesake"]
)
def test_only_the_logs_own_key_signs_for_its_origin(signer: NoteSigner) -> None:
    note = sign_note(render_checkpoint(Checkpoint(LOGS[0].name, 7, bytes(32))), signer)
    assert code_of(f"log {L1}\nquorum none\n", note, error=NotTrusted) == "note.unknown_signer"


def test_a_wrong_signature_of_any_known_key_spoils_the_checkpoint() -> None:
    for key in (LOGS[1].vkey, WITNESSES[0].vkey):
        note = add_signature(cosigned(1), NoteSignature(key.name, key.id, bytes(72)))
        text = THREE + f"log {L1}\nquorum b\n"
        assert code_of(text, note, error=VerificationError) == "note.signature"
    stranger = add_signature(cosigned(1), NoteSignature("stranger", b"1234", bytes(72)))
    assert check(THREE + "quorum b\n", stranger).witnesses == ("b",)


def test_a_log_may_have_two_keys() -> None:
    new = NoteSigner(LOGS[0].name, LOGS[5].seed)
    text = f"log {render_vkey(new.vkey)}\nquorum none\n"
    assert check(text).size == 7
    assert check(text, sign_checkpoint(Checkpoint(new.name, 8, bytes(32)), new).note).size == 8


def test_a_cosignature_of_another_checkpoint_is_refused() -> None:
    line = parse_note(cosigned(0)).signatures[-1]
    other = add_signature(sign_checkpoint(Checkpoint(LOGS[0].name, 8, bytes(32)), LOGS[0]).note, line)
    assert code_of(THREE + "quorum a\n", other, error=VerificationError) == "note.signature"


@given(st.sets(st.integers(0, 5)), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
def test_groups_count_as_their_definition_says(seen: set[int], first: int, second: int, both: int) -> None:
    text = "".join(f"witness w{number} {W[number]}\n" for number in range(6))
    text += f"group x {first} w0 w1 w2\ngroup y {second} w3 w4 w5\ngroup g {both} x y\nquorum g\n"
    expected = (len(seen & {0, 1, 2}) >= first) + (len(seen & {3, 4, 5}) >= second) >= both
    try:
        check(text, cosigned(*sorted(seen)))
        reached = True
    except Unavailable:
        reached = False
    assert reached == expected


# Freshness


@pytest.mark.parametrize(
    ("minutes", "code"),
    [
        (-2, "checkpoint.future"),
        (-1, None),
        (0, None),
        (15, None),
        (16, "checkpoint.stale"),
        (60 * 24 * 365 * 100, "checkpoint.stale"),
    ],
)
def test_a_checkpoint_is_fresh_for_as_long_as_the_caller_says(minutes: int, code: str | None) -> None:
    proven, at = check(THREE + "quorum a\n", cosigned(0)), NOON + timedelta(minutes=minutes)
    if code is None:
        check_fresh(proven, at=at, max_age=timedelta(minutes=15))
    else:
        with pytest.raises(Unavailable) as caught:
            check_fresh(proven, at=at, max_age=timedelta(minutes=15))
        assert caught.value.code == code


def test_without_a_cosignature_nothing_is_fresh() -> None:
    with pytest.raises(Unavailable) as caught:
        check_fresh(check("quorum none\n"), at=NOON, max_age=timedelta(days=365))
    assert caught.value.code == "checkpoint.untimed"
