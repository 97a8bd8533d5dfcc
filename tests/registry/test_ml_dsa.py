"""ML-DSA-44 cosignatures; that another implementation agrees is shown in `go/test_go_agrees.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa

from konsens.errors import InputError, KonsensError, Unavailable, VerificationError
from konsens.registry import (
    Checkpoint,
    Cosignature,
    Cosigner,
    MlDsaCosigner,
    NoteSigner,
    VerifierKey,
    check_checkpoint,
    check_cosignatures,
    check_fresh,
    check_note,
    cosign,
    ml_dsa,
    parse_note,
    parse_policy,
    parse_vkey,
    render_policy,
    render_vkey,
    sign_checkpoint,
)
from konsens.registry.note import NoteSignature, add_signature

LOG = NoteSigner("log.muster.example", b"l" * 32)
WITNESS, OTHER = (
    MlDsaCosigner("witness.example/w1", b"w" * 32),
    MlDsaCosigner("witness.example/w2", b"w" * 32),
)
CHECKPOINT = Checkpoint(LOG.name, 7, bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, LOG).note
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line_of(note: str) -> NoteSignature:
    return parse_note(note).signatures[-1]


def test_a_cosignature_says_who_and_when() -> None:
    note = cosign(cosign(NOTE, WITNESS, at=NOON), Cosigner("w", b"e" * 32), at=NOON)
    assert check_cosignatures(parse_note(note), [WITNESS.vkey]) == [Cosignature(WITNESS.vkey, NOON)]
    assert check_checkpoint(note, LOG.vkey) == CHECKPOINT
    assert len(line_of(cosign(NOTE, WITNESS, at=NOON)).signature) == 8 + 2420


def test_the_signed_bytes_are_those_of_the_specification() -> None:
    """tlog-cosignature, "ML-DSA-44 signed message", laid out by hand."""
    stamped = line_of(cosign(NOTE, WITNESS, at=NOON)).signature
    seconds = (1_795_348_800).to_bytes(8, "big")
    message = (
        b"subtree/v1\n\0"
        + (b"\x12witness.example/w1" + seconds)
        + (b"\x12log.muster.example" + bytes(8) + b"\0\0\0\0\0\0\0\7" + bytes(range(32)))
    )
    assert stamped[:8] == seconds
    ml_dsa.check_signature(WITNESS.vkey.public, message, stamped[8:])


def test_a_key_has_a_text_form_and_its_own_key_id() -> None:
    text = render_vkey(WITNESS.vkey)
    assert parse_vkey(text) == WITNESS.vkey
    assert (WITNESS.vkey.type, len(WITNESS.vkey.public)) == (6, 1312)
    assert WITNESS.vkey.id != OTHER.vkey.id, "the name is in it"
    assert "w" * 32 not in repr(WITNESS)


@pytest.mark.parametrize("size", [0, 32, 1311, 1313])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(InputError) as caught:
        VerifierKey("w", 6, bytes(size))
    assert caught.value.code == "key.format"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda stamped: stamped[:7] + bytes([stamped[7] ^ 1]) + stamped[8:], id="another time"),
        pytest.param(lambda stamped: bytes(8) + stamped[8:], id="no time"),
        pytest.param(lambda stamped: stamped[:8] + bytes([stamped[8] ^ 1]) + stamped[9:], id="a flipped bit"),
        pytest.param(lambda stamped: stamped[:-1] + bytes([stamped[-1] ^ 1]), id="the last bit"),
        pytest.param(lambda stamped: stamped[8:], id="without its time"),
        pytest.param(lambda stamped: stamped[:-1], id="a byte too few"),
        pytest.param(lambda stamped: stamped + b"\0", id="a byte too many"),
        pytest.param(lambda stamped: stamped[:72], id="as long as an Ed25519 one"),
        pytest.param(lambda stamped: stamped[:8] + bytes(2420), id="zeros"),
        pytest.param(lambda stamped: b"\xff" * 8 + stamped[8:], id="a time that no calendar shows"),
    ],
)
def test_one_wrong_cosignature_of_a_known_witness_spoils_the_note(change: Callable[[bytes], bytes]) -> None:
    good = cosign(NOTE, WITNESS, at=NOON)
    line = line_of(good)
    bad = add_signature(good, NoteSignature(line.name, line.id, change(line.signature)))
    with pytest.raises(VerificationError) as caught:
        check_cosignatures(parse_note(bad), [WITNESS.vkey])
    assert caught.value.code == "note.signature"
    assert check_cosignatures(parse_note(bad), [OTHER.vkey]) == []


@pytest.mark.parametrize(
    "other",
    [
        Checkpoint(LOG.name, 8, bytes(range(32))),
        Checkpoint(LOG.name, 7, bytes(32)),
        Checkpoint("log.muster.exampl", 7, bytes(range(32))),
    ],
)
def test_a_cosignature_serves_no_other_checkpoint(other: Checkpoint) -> None:
    line = line_of(cosign(NOTE, WITNESS, at=NOON))
    note = sign_checkpoint(other, NoteSigner(other.origin, LOG.seed)).note
    with pytest.raises(VerificationError):
        check_cosignatures(parse_note(add_signature(note, line)), [WITNESS.vkey])


def test_one_key_under_two_names_gives_two_cosignatures_that_are_not_exchanged() -> None:
    """The message commits to the cosigner's name, which Ed25519 cosignatures do not."""
    line = line_of(cosign(NOTE, WITNESS, at=NOON))
    moved = add_signature(NOTE, NoteSignature(OTHER.name, OTHER.vkey.id, line.signature))
    with pytest.raises(VerificationError):
        check_cosignatures(parse_note(moved), [OTHER.vkey])


def test_nothing_is_said_about_extension_lines() -> None:
    line = line_of(cosign(NOTE, WITNESS, at=NOON))
    extended = Checkpoint(CHECKPOINT.origin, CHECKPOINT.size, CHECKPOINT.root, ("and more",))
    note = add_signature(sign_checkpoint(extended, LOG).note, line)
    assert check_cosignatures(parse_note(note), [WITNESS.vkey]) == [Cosignature(WITNESS.vkey, NOON)]


def test_it_is_no_plain_signature_of_a_note() -> None:
    with pytest.raises(VerificationError):
        check_note(cosign(NOTE, WITNESS, at=NOON), [WITNESS.vkey])


POLICY = (
    f"log {render_vkey(LOG.vkey)}\nwitness a {render_vkey(WITNESS.vkey)}\n"
    f"witness b {render_vkey(Cosigner('b', b'b' * 32).vkey)}\ngroup both 2 a b\nquorum both\n"
)


def test_a_policy_takes_it_like_any_other_witness() -> None:
    policy = parse_policy(POLICY)
    assert render_policy(policy) == POLICY
    half = cosign(NOTE, WITNESS, at=NOON)
    with pytest.raises(Unavailable) as caught:
        policy.check(half)
    assert caught.value.code == "policy.quorum_missing"
    proven = policy.check(cosign(half, Cosigner("b", b"b" * 32), at=NOON + timedelta(minutes=1)))
    assert (proven.cosigned_at, proven.witnesses, proven.unwitnessed) == (NOON, ("a", "b"), False)


def test_a_cosignature_without_a_time_is_never_fresh() -> None:
    policy = parse_policy(POLICY.replace("quorum both", "quorum a"))
    proven = policy.check(cosign(NOTE, WITNESS, at=datetime.fromtimestamp(0, UTC)))
    with pytest.raises(Unavailable) as caught:
        check_fresh(proven, at=NOON, max_age=timedelta(hours=24))
    assert caught.value.code == "checkpoint.stale"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        pytest.param(f"log {render_vkey(WITNESS.vkey)}\nquorum none\n", "policy.key", id="as a log's key"),
        pytest.param(
            f"witness a {render_vkey(WITNESS.vkey)}\nwitness b {render_vkey(OTHER.vkey)}\nquorum none\n",
            "policy.duplicate_key",
            id="twice under two names",
        ),
    ],
)
def test_where_a_policy_does_not_take_it(lines: str, code: str) -> None:
    with pytest.raises(KonsensError) as caught:
        parse_policy(lines)
    assert caught.value.code == code


def test_sixteen_of_them_fit_a_note() -> None:
    """signed-note, "Format": at least 16 signatures, each up to nearly 5 kB."""
    note, cosigners = NOTE, [MlDsaCosigner(f"w{number}", bytes([number]) * 32) for number in range(16)]
    for each in cosigners:
        note = cosign(note, each, at=NOON)
    assert len(check_cosignatures(parse_note(note), [each.vkey for each in cosigners])) == 16


@pytest.mark.parametrize(
    ("origin", "name", "code"),
    [("log.example", "w" * 256, "note.key_name"), ("l" * 256, "w", "note.key_name")],
)
def test_a_name_that_the_message_cannot_hold_is_refused(origin: str, name: str, code: str) -> None:
    note = sign_checkpoint(Checkpoint(origin, 0, bytes(32)), NoteSigner(origin, LOG.seed)).note
    with pytest.raises(InputError) as caught:
        cosign(note, MlDsaCosigner(name, b"w" * 32), at=NOON)
    assert caught.value.code == code
    assert cosign(note, Cosigner(name, b"w" * 32), at=NOON)


def test_where_the_library_lacks_it_that_is_said_and_nothing_else_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, note = WITNESS.vkey, cosign(NOTE, WITNESS, at=NOON)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    monkeypatch.delattr("cryptography.hazmat.primitives.asymmetric.mldsa", raising=False)
    with pytest.raises(Unavailable) as caught:
        check_cosignatures(parse_note(note), [parse_vkey(render_vkey(key))])
    assert caught.value.code == "note.no_ml_dsa"
    with pytest.raises(Unavailable):
        cosign(NOTE, WITNESS, at=NOON)
    assert check_checkpoint(note, LOG.vkey) == CHECKPOINT


def test_a_library_that_was_built_without_it_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_: bytes) -> None:
        raise UnsupportedAlgorithm("ML-DSA-44 is not supported by this backend")

    monkeypatch.setattr(mldsa.MLDSA44PrivateKey, "from_seed_bytes", unsupported, raising=True)
    with pytest.raises(Unavailable) as caught:
        cosign(NOTE, WITNESS, at=NOON)
    assert caught.value.code == "note.no_ml_dsa"
