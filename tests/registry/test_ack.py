"""Acknowledgements: the log's signed word about one leaf at one index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import InputError, NotTrusted, VerificationError
from konsens.registry.ack import check_ack, sign_ack, sign_acks
from konsens.registry.checkpoint import check_checkpoint
from konsens.registry.note import NoteSigner, b64_encode, check_note, sign_note
from konsens.registry.tree import MAX_SIZE

LOG = NoteSigner("log.muster.example", b"l" * 32)
LEAF = bytes(range(32))
ACK = sign_ack(7, LEAF, signer=LOG)


@given(st.integers(0, MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_an_acknowledgement_names_the_index(index: int, leaf: bytes) -> None:
    assert check_ack(sign_ack(index, leaf, signer=LOG), leaf_hash=leaf, vkey=LOG.vkey) == index


@given(st.lists(st.tuples(st.integers(0, MAX_SIZE), st.binary(min_size=32, max_size=32)), max_size=5))
def test_many_at_once_are_signed_like_each_alone(places: list[tuple[int, bytes]]) -> None:
    assert sign_acks(places, signer=LOG) == [sign_ack(*place, signer=LOG) for place in places]


def test_the_signed_text_is_that_of_the_format() -> None:
    assert check_note(ACK, [LOG.vkey]) == f"konsens/ack/v1\nlog.muster.example\n7\n{b64_encode(LEAF)}\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"konsens/ack/v1\nlog.muster.example\n7\n{b64_encode(bytes(32))}\n", id="another leaf"),
        pytest.param(f"konsens/ack/v1\nlog.other.example\n7\n{b64_encode(LEAF)}\n", id="another log"),
        pytest.param(f"konsens/ack/v2\nlog.muster.example\n7\n{b64_encode(LEAF)}\n", id="another version"),
        pytest.param(f"konsens/ack/v1\nlog.muster.example\n07\n{b64_encode(LEAF)}\n", id="leading zero"),
        pytest.param(f"konsens/ack/v1\nlog.muster.example\n7\n{b64_encode(LEAF)}\nmore\n", id="a line more"),
        pytest.param(f"log.muster.example\n7\n{b64_encode(LEAF)}\n", id="a checkpoint"),
        pytest.param("hello\n", id="something else"),
    ],
)
def test_what_the_log_signed_about_something_else_is_refused(text: str) -> None:
    with pytest.raises(VerificationError) as caught:
        check_ack(sign_note(text, LOG), leaf_hash=LEAF, vkey=LOG.vkey)
    assert caught.value.code == "ack.other_leaf"


def test_an_acknowledgement_that_the_log_did_not_sign_is_refused() -> None:
    with pytest.raises(VerificationError) as changed:
        check_ack(ACK.replace("\n7\n", "\n8\n"), leaf_hash=LEAF, vkey=LOG.vkey)
    assert changed.value.code == "note.signature"
    with pytest.raises(NotTrusted) as stranger:
        check_ack(ACK, leaf_hash=LEAF, vkey=NoteSigner(LOG.name, b"x" * 32).vkey)
    assert stranger.value.code == "note.unknown_signer"


def test_an_acknowledgement_never_passes_for_a_checkpoint() -> None:
    with pytest.raises(InputError):
        check_checkpoint(ACK, LOG.vkey)
