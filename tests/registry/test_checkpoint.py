"""Checkpoints: the format of the specification, and one name for log and key."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from proofbundle import checkpoint as proofbundle

from konsens.errors import InputError, NotTrusted, VerificationError
from konsens.registry.checkpoint import (
    Checkpoint,
    check_checkpoint,
    check_origin,
    parse_checkpoint,
    parse_signed_checkpoint,
    render_checkpoint,
    sign_checkpoint,
)
from konsens.registry.note import NoteSigner, render_vkey, sign_note
from konsens.registry.tree import MAX_SIZE

LOG = NoteSigner("log.muster.example", b"l" * 32)
ROOT = bytes(range(32))
CHECKPOINT = Checkpoint(LOG.name, 7, ROOT)
TEXT = render_checkpoint(CHECKPOINT)


def test_a_checkpoint_is_three_lines() -> None:
    assert render_checkpoint(CHECKPOINT) == f"log.muster.example\n7\n{b64encode(ROOT).decode()}\n"


LINES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=30)
CHECKPOINTS = st.builds(
    Checkpoint,
    LINES.filter(lambda line: not line.startswith("konsens/")),
    st.integers(0, MAX_SIZE),
    st.binary(min_size=32, max_size=32),
    st.lists(LINES, max_size=3).map(tuple),
)


@given(CHECKPOINTS)
def test_a_checkpoint_reads_back_from_its_text(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(render_checkpoint(checkpoint)) == checkpoint


def test_a_signed_checkpoint_is_what_its_log_signed() -> None:
    signed = sign_checkpoint(CHECKPOINT, LOG)
    assert check_checkpoint(signed.note, LOG.vkey) == CHECKPOINT
    assert parse_signed_checkpoint(signed.note) == signed


def test_proofbundle_accepts_our_checkpoints_and_we_accept_theirs() -> None:
    ours = sign_checkpoint(CHECKPOINT, LOG).note
    key = Ed25519PrivateKey.from_private_bytes(LOG.seed)
    theirs = proofbundle.sign_checkpoint(LOG.name, 7, ROOT, key, LOG.name)
    assert ours == theirs
    verdict = proofbundle.verify_checkpoint(ours, render_vkey(LOG.vkey))
    assert (verdict["ok"], verdict["origin"], verdict["tree_size"], verdict["root"]) == (
        True,
        LOG.name,
        7,
        ROOT,
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("log.muster.example\n7\n", id="two lines"),
        pytest.param(TEXT[:-1], id="no newline"),
        pytest.param(TEXT + "\n", id="empty extension line"),
        pytest.param(TEXT + "\nlate\n", id="empty line before an extension"),
        pytest.param(TEXT.replace("7", "07", 1), id="leading zero"),
        pytest.param(TEXT.replace("7", "+7", 1), id="sign"),
        pytest.param(TEXT.replace("7", "-7", 1), id="negative"),
        pytest.param(TEXT.replace("7", "٧", 1), id="other digits"),
        pytest.param(TEXT.replace("7", "", 1), id="no size"),
        pytest.param(TEXT.replace("7", "7 ", 1), id="space"),
        pytest.param(TEXT.replace("7", str(1 << 63), 1), id="2⁶³"),
        pytest.param(TEXT.replace("7", "9" * 5000, 1), id="endless size"),
        pytest.param(TEXT.replace("8=", "8", 1), id="root without padding"),
        pytest.param(TEXT.replace("8=", "9=", 1), id="root with spare bits"),
        pytest.param(f"log.muster.example\n7\n{b64encode(bytes(31)).decode()}\n", id="root of 31 bytes"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_checkpoint(text)
    assert caught.value.code == "checkpoint.format"


@pytest.mark.parametrize("origin", ["", "a\tb", "a\nb", "konsens/ack/v1", "konsens/", "\ud800"])
def test_an_origin_is_a_line_that_is_not_ours_to_sign_otherwise(origin: str) -> None:
    with pytest.raises(InputError) as caught:
        check_origin(origin)
    assert caught.value.code == "checkpoint.origin"
    with pytest.raises(InputError):
        parse_checkpoint(TEXT.replace(LOG.name, origin, 1))


def test_a_log_signs_under_its_own_name_only() -> None:
    with pytest.raises(InputError) as caught:
        sign_checkpoint(Checkpoint("log.other.example", 7, ROOT), LOG)
    assert caught.value.code == "checkpoint.origin"


def test_a_checkpoint_of_another_log_under_this_key_is_refused() -> None:
    note = sign_note(TEXT.replace(LOG.name, "log.other.example"), LOG)
    with pytest.raises(NotTrusted) as caught:
        check_checkpoint(note, LOG.vkey)
    assert caught.value.code == "checkpoint.other_origin"


def test_a_changed_checkpoint_is_refused() -> None:
    note = sign_checkpoint(CHECKPOINT, LOG).note
    with pytest.raises(VerificationError) as caught:
        check_checkpoint(note.replace("7", "8", 1), LOG.vkey)
    assert caught.value.code == "note.signature"
    with pytest.raises(NotTrusted) as unknown:
        check_checkpoint(note, NoteSigner(LOG.name, b"x" * 32).vkey)
    assert unknown.value.code == "note.unknown_signer"


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        check_checkpoint(sign_note("hello\n", LOG), LOG.vkey)
    assert caught.value.code == "checkpoint.format"
