"""Anchored events: what fits together from the bytes alone, and what the log must say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.did import OfflineResolver
from konsens.errors import InputError, KonsensError, VerificationError
from konsens.records import (
    AnchoredEvent,
    Empty,
    Invalidation,
    check_anchored,
    check_commitment,
    check_event_signature,
    check_in_log,
    commitment,
    parse_anchored,
    prepare,
    render_anchored,
)
from konsens.registry import HeadLeaf, PublicLeaf, make_seal_leaf
from tests.records.parties import AT, AUTHORITY, COURIER, ORIGIN, MemoryLog, Writer

replace = msgspec.structs.replace


def refused(call: Callable[..., object], *args: object) -> str:
    with pytest.raises(KonsensError) as caught:
        call(*args)
    return caught.value.code


def in_log() -> tuple[AnchoredEvent, MemoryLog, Writer]:
    """Return an event whose leaf is the third of a log."""
    log, writer = MemoryLog(), Writer()
    for number in range(2):
        log.append([Writer(seed=bytes([number + 5]) * 64).outgoing("given").seal_leaf])
    outgoing = writer.outgoing("given")
    (index,) = log.append([outgoing.seal_leaf])
    return outgoing.anchored_at(index), log, writer


ANCHORED, LOG, WRITER = in_log()


def test_what_was_anchored_verifies() -> None:
    check_anchored(ANCHORED)
    check_in_log(ANCHORED, LOG)


def foreign_leaf(*, origin: str = ORIGIN, seq: int = 0, salt: bytes = bytes(32)) -> bytes:
    committed = commitment(salt, ANCHORED.event.text)
    return make_seal_leaf(WRITER.key(seq), committed, origin=origin).entry


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"origin": "log.b.example"}, "anchor.not_home", id="another log than home"),
        pytest.param({"leaf": PublicLeaf(bytes(32)).entry}, "anchor.leaf", id="a public leaf"),
        pytest.param({"leaf": HeadLeaf(bytes(32), bytes(32), 0).entry}, "anchor.leaf", id="a head leaf"),
        pytest.param({"leaf": b"\x04" + bytes(128)}, "leaf.format", id="no leaf"),
        pytest.param({"leaf": b""}, "leaf.format", id="no bytes"),
        pytest.param({"leaf": foreign_leaf(seq=1)}, "anchor.seal", id="the key of another seal"),
        pytest.param({"leaf": foreign_leaf()}, "commitment.mismatch", id="the leaf of another salt"),
        pytest.param({"salt": bytes(32)}, "commitment.mismatch", id="another salt"),
        pytest.param({"salt": bytes(31)}, "commitment.salt", id="a short salt"),
        pytest.param(
            {"leaf": foreign_leaf(origin="log.b.example", salt=ANCHORED.salt)},
            "leaf.signature",
            id="a leaf made for another log",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(change: dict[str, Any], code: str) -> None:
    assert refused(check_anchored, replace(ANCHORED, **change)) == code


def test_another_event_does_not_open_the_commitment() -> None:
    writer = Writer()
    other = replace(ANCHORED, event=writer.sign("given", target="cd" * 32))
    assert refused(check_anchored, other) == "commitment.mismatch"


@given(place=st.integers(0, 128), bit=st.integers(0, 7))
def test_no_flipped_bit_of_a_leaf_survives(place: int, bit: int) -> None:
    leaf = bytearray(ANCHORED.leaf)
    leaf[place] ^= 1 << bit
    with pytest.raises(KonsensError):
        check_anchored(replace(ANCHORED, leaf=bytes(leaf)))


@given(place=st.integers(0, 31), bit=st.integers(0, 7))
def test_no_flipped_bit_of_a_salt_survives(place: int, bit: int) -> None:
    salt = bytearray(ANCHORED.salt)
    salt[place] ^= 1 << bit
    assert refused(check_anchored, replace(ANCHORED, salt=bytes(salt))) == "commitment.mismatch"


def test_a_commitment_opens_to_one_event_and_salt() -> None:
    check_commitment(commitment(bytes(32), "a.b.c"), salt=bytes(32), jws_text="a.b.c")
    with pytest.raises(VerificationError):
        check_commitment(commitment(bytes(32), "a.b.c"), salt=bytes(32), jws_text="a.b.d")


def test_a_leaf_is_made_with_the_key_of_its_seal_only() -> None:
    writer = Writer()
    with pytest.raises(InputError) as caught:
        prepare(writer.sign("given"), salt=bytes(32), seal_key=writer.key(1))
    assert caught.value.code == "anchor.wrong_key"


# --- in the log


def test_an_event_of_another_log_is_not_looked_for_here() -> None:
    assert refused(check_in_log, ANCHORED, MemoryLog("log.b.example")) == "anchor.other_log"


def test_a_leaf_that_is_not_in_the_log_is_missed() -> None:
    assert refused(check_in_log, ANCHORED, MemoryLog()) == "anchor.not_in_log"


@pytest.mark.parametrize("index", [0, 1, 3, 1000])
def test_a_wrong_index_is_refused(index: int) -> None:
    assert refused(check_in_log, replace(ANCHORED, leaf_index=index), LOG) == "anchor.index"


def test_another_leaf_under_the_same_key_is_not_this_event() -> None:
    log, writer = MemoryLog(), Writer()
    log.append([writer.outgoing("given", target="cd" * 32).seal_leaf])
    claimed = writer.outgoing("given").anchored_at(0)
    check_anchored(claimed)
    assert refused(check_in_log, claimed, log) == "anchor.other_leaf"


def test_of_two_leaves_with_one_key_only_the_first_counts() -> None:
    """A log that lets a key serve twice: the second leaf anchors nothing."""
    log, writer = MemoryLog(), Writer()
    leaf = writer.outgoing("given")
    log.append([leaf.seal_leaf])
    log.entries.append(leaf.leaf)
    check_in_log(leaf.anchored_at(0), log)
    assert refused(check_in_log, leaf.anchored_at(1), log) == "anchor.index"


def test_an_event_whose_next_was_broken_before_is_void() -> None:
    log, writer = MemoryLog(), Writer()
    log.append([make_seal_leaf(writer.key(1), bytes(32), origin=ORIGIN)])
    (index,) = log.append([writer.outgoing("given").seal_leaf])
    late = writer.outgoing("given").anchored_at(index)
    assert refused(check_in_log, late, log) == "anchor.next_broken"


def test_an_event_whose_next_breaks_later_was_anchored_all_the_same() -> None:
    anchored, log, writer = in_log()
    writer.events.append(anchored)
    log.append([writer.outgoing("withdrawn", Empty()).seal_leaf])
    check_in_log(anchored, log)


def test_the_last_event_of_a_lane_has_no_next_to_ask_for() -> None:
    log, writer = MemoryLog(), Writer(signer=AUTHORITY)
    out = writer.outgoing("invalidated", Invalidation(ends=COURIER.ends, since=AT, reason="x"))
    log.append([out.seal_leaf])
    check_in_log(out.anchored_at(0), log)


# --- on the way


def test_parsing_what_was_rendered_is_the_identity() -> None:
    message = render_anchored(ANCHORED)
    assert set(message) == {"event", "salt", "leaf", "origin", "leaf_index"}
    assert len(str(message["leaf"])) == 172
    assert parse_anchored(message) == ANCHORED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"extra": 1}, "input.unknown_member", id="unknown member"),
        pytest.param({"leaf_index": -1}, "input.format", id="negative index"),
        pytest.param({"leaf_index": True}, "input.format", id="no number"),
        pytest.param({"origin": "konsens/x"}, "input.format", id="no origin"),
        pytest.param({"salt": "AA"}, "input.base64url", id="short salt"),
        pytest.param({"leaf": "AA"}, "input.base64url", id="short leaf"),
        pytest.param({"event": "a.b"}, "jws.format", id="no JWS"),
        pytest.param({"event": None}, "input.format", id="no event"),
    ],
)
def test_a_malformed_message_is_refused(change: dict[str, Any], code: str) -> None:
    assert refused(parse_anchored, {**render_anchored(ANCHORED), **change}) == code


MESSAGE = render_anchored(ANCHORED)


@given(data=st.data())
def test_no_changed_letter_of_a_message_survives(data: st.DataObject) -> None:
    member = data.draw(st.sampled_from(["event", "salt", "leaf", "origin"]))
    text = str(MESSAGE[member])
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[place]))
    with pytest.raises(KonsensError):
        verify({**MESSAGE, member: text[:place] + letter + text[place + 1 :]})


def verify(message: dict[str, Any]) -> None:
    anchored = parse_anchored(message)
    check_event_signature(anchored.event, OfflineResolver())
    check_anchored(anchored)
