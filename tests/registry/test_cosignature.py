"""Cosignatures: what a witness signs, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from proofbundle import checkpoint as proofbundle

from konsens.did import ed25519
from konsens.errors import InputError, VerificationError
from konsens.registry.checkpoint import Checkpoint, sign_checkpoint
from konsens.registry.cosignature import Cosignature, Cosigner, check_cosignatures, cosign
from konsens.registry.note import (
    NoteSignature,
    NoteSigner,
    add_signature,
    parse_note,
    parse_vkey,
    render_vkey,
    sign_note,
)

LOG = NoteSigner("log.muster.example", b"l" * 32)
WITNESS, OTHER = Cosigner("witness.example/w1", b"w" * 32), Cosigner("witness.example/w2", b"v" * 32)
NOTE = sign_checkpoint(Checkpoint(LOG.name, 7, bytes(32)), LOG).note
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_cosignature_says_who_and_when() -> None:
    note = cosign(cosign(NOTE, WITNESS, at=NOON), OTHER, at=NOON + timedelta(minutes=1))
    assert check_cosignatures(parse_note(note), [OTHER.vkey, WITNESS.vkey]) == [
        Cosignature(OTHER.vkey, NOON + timedelta(minutes=1)),
        Cosignature(WITNESS.vkey, NOON),
    ]
    assert check_cosignatures(parse_note(note), [OTHER.vkey]) == [
        Cosignature(OTHER.vkey, NOON + timedelta(minutes=1))
    ]
    assert check_cosignatures(parse_note(NOTE), [OTHER.vkey]) == []


def test_the_signed_bytes_are_those_of_the_specification() -> None:
    line = parse_note(cosign(NOTE, WITNESS, at=NOON)).signatures[-1]
    message = b"cosignature/v1\ntime 1795348800\n" + parse_note(NOTE).unverified_text.encode()
    ed25519.check_signature(WITNESS.vkey.public, message, line.signature[8:])
    assert line.signature[:8] == (1_795_348_800).to_bytes(8, "big")


def test_proofbundle_accepts_our_cosignatures_and_we_accept_theirs() -> None:
    ours = cosign(NOTE, WITNESS, at=NOON)
    key = Ed25519PrivateKey.from_private_bytes(WITNESS.seed)
    assert ours == proofbundle.cosign_checkpoint(NOTE, key, WITNESS.name, int(NOON.timestamp()))
    assert render_vkey(WITNESS.vkey) == proofbundle.cosign_vkey(WITNESS.name, WITNESS.vkey.public)
    assert parse_vkey(render_vkey(WITNESS.vkey)) == WITNESS.vkey
    verdict = proofbundle.verify_cosignature(ours, render_vkey(WITNESS.vkey))
    assert (verdict["ok"], verdict["timestamp"]) == (True, int(NOON.timestamp()))
    verdict = proofbundle.verify_witnessed_checkpoint(
        ours, render_vkey(LOG.vkey), [render_vkey(WITNESS.vkey)], threshold=1, expected_origin=LOG.name
    )
    assert verdict["ok"]


def test_of_two_cosignatures_of_one_witness_the_newer_one_counts() -> None:
    note = cosign(cosign(NOTE, WITNESS, at=NOON), WITNESS, at=NOON - timedelta(hours=1))
    assert check_cosignatures(parse_note(note), [WITNESS.vkey]) == [Cosignature(WITNESS.vkey, NOON)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda stamped: stamped[:7] + bytes([stamped[7] ^ 1]) + stamped[8:], id="another time"),
        pytest.param(lambda stamped: stamped[:-1] + bytes([stamped[-1] ^ 1]), id="a flipped bit"),
        pytest.param(lambda stamped: stamped[8:], id="no time"),
        pytest.param(lambda stamped: stamped + b"\x00", id="a byte too many"),
        pytest.param(lambda stamped: stamped[:5], id="a stump"),
    ],
)
def test_one_wrong_cosignature_of_a_known_witness_spoils_the_note(change: Callable[[bytes], bytes]) -> None:
    good = cosign(NOTE, WITNESS, at=NOON)
    line = parse_note(good).signatures[-1]
    bad = add_signature(good, NoteSignature(line.name, line.id, change(line.signature)))
    with pytest.raises(VerificationError) as caught:
        check_cosignatures(parse_note(bad), [WITNESS.vkey])
    assert caught.value.code == "note.signature"
    assert check_cosignatures(parse_note(bad), [OTHER.vkey]) == []


@pytest.mark.parametrize("seconds", [253_402_300_800, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_a_time_that_no_calendar_shows_is_refused(seconds: int) -> None:
    text = parse_note(NOTE).unverified_text
    signature = ed25519.sign(WITNESS.seed, f"cosignature/v1\ntime {seconds}\n{text}".encode())
    line = NoteSignature(WITNESS.name, WITNESS.vkey.id, seconds.to_bytes(8, "big") + signature)
    with pytest.raises(VerificationError) as caught:
        check_cosignatures(parse_note(add_signature(NOTE, line)), [WITNESS.vkey])
    assert caught.value.code == "note.signature"


def test_a_cosignature_serves_no_other_checkpoint() -> None:
    line = parse_note(cosign(NOTE, WITNESS, at=NOON)).signatures[-1]
    other = sign_checkpoint(Checkpoint(LOG.name, 8, bytes(32)), LOG).note
    with pytest.raises(VerificationError):
        check_cosignatures(parse_note(add_signature(other, line)), [WITNESS.vkey])


def test_a_plain_signature_of_the_witness_key_is_no_cosignature() -> None:
    """Key name and key bytes are the same, but the signature type gives another key ID."""
    plain = NoteSigner(WITNESS.name, WITNESS.seed)
    note = sign_note(parse_note(NOTE).unverified_text, LOG, plain)
    assert plain.vkey.id != WITNESS.vkey.id
    assert check_cosignatures(parse_note(note), [WITNESS.vkey]) == []


def test_a_witness_cosigns_checkpoints_only() -> None:
    with pytest.raises(InputError) as caught:
        cosign(sign_note("hello\n", LOG), WITNESS, at=NOON)
    assert caught.value.code == "checkpoint.format"


def test_a_witness_never_shows_its_seed() -> None:
    assert repr(WITNESS) == "Cosigner('witness.example/w1', …)"
