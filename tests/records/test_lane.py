"""Lanes: what may follow what, and that nothing else may."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import Conflict, KonsensError, VerificationError
from konsens.records import (
    AnchoredEvent,
    Empty,
    Invalidation,
    Lane,
    Matter,
    check_may_begin,
    check_successor,
    prepare_break,
)
from tests.records.parties import (
    AT,
    AUTHORITY,
    COMPANY,
    CONSENT,
    COURIER,
    GRANT,
    HASH,
    ORIGIN,
    RELATION,
    MemoryLog,
    Writer,
)


def refused(call: Callable[..., object], *args: object, **kwargs: object) -> str:
    with pytest.raises(KonsensError) as caught:
        call(*args, **kwargs)
    return caught.value.code


def lane_of(length: int, *, matter: Matter = CONSENT) -> Writer:
    writer = Writer(matter)
    for number in range(length):
        writer.add("given" if number % 2 == 0 else "withdrawn", GRANT if number % 2 == 0 else Empty())
    return writer


def test_a_lane_is_its_events_in_order() -> None:
    writer = lane_of(4)
    lane = Lane(tuple(writer.events))
    assert lane.name == writer.events[0].event.event_hash
    assert lane.head is writer.events[3]
    assert (lane.matter, lane.signer) == (CONSENT, writer.signer.kid.partition("#")[0])
    assert lane.open_seal == writer.seal(4)
    assert Lane(tuple(writer.events[:3])).followed_by(writer.events[3]) == lane


@given(order=st.permutations(range(4)))
def test_no_other_order_of_the_events_is_a_lane(order: list[int]) -> None:
    events = FOUR.events
    if order == sorted(order):
        return
    with pytest.raises(VerificationError):
        Lane(tuple(events[place] for place in order))


FOUR = lane_of(4)


@pytest.mark.parametrize(
    ("places", "code"),
    [
        pytest.param([], "lane.gap", id="none"),
        pytest.param([1], "lane.gap", id="without its beginning"),
        pytest.param([0, 2], "lane.gap", id="one left out"),
        pytest.param([0, 0], "lane.fork", id="the beginning twice"),
        pytest.param([0, 1, 1], "lane.fork", id="an event twice"),
        pytest.param([0, 1, 2, 1], "lane.fork", id="back again"),
    ],
)
def test_a_lane_has_every_event_once(places: list[int], code: str) -> None:
    assert refused(Lane, tuple(FOUR.events[place] for place in places)) == code


def other(*, index: int = 10, **members: object) -> AnchoredEvent:
    """Return an event 1 that differs in `members` from the one that would be right."""
    writer = lane_of(1)
    return writer.add("withdrawn", Empty(), index=index, **members)


def of_another_matter() -> AnchoredEvent:
    writer = lane_of(1)
    writer.matter = msgspec.structs.replace(CONSENT, channel="post")
    return writer.add("withdrawn", Empty())


def of_another_signer() -> AnchoredEvent:
    writer = lane_of(1)
    writer.signer = COMPANY
    return writer.add("withdrawn", COURIER)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(of_another_matter, "lane.matter", id="another matter"),
        pytest.param(of_another_signer, "lane.signer", id="another signer"),
        pytest.param(
            lambda: other(seq=2, seal=FOUR.seal(2), next=FOUR.seal(3)), "lane.gap", id="a number left out"
        ),
        pytest.param(lambda: other(seq=0, prev=None, seal=FOUR.seal(0)), "lane.fork", id="a number twice"),
        pytest.param(lambda: other(prev=HASH), "lane.prev", id="another event before it"),
        pytest.param(lambda: other(index=0), "lane.order", id="the same leaf"),
        pytest.param(lambda: other(next=FOUR.seal(0)), "lane.next", id="the seal before it opened again"),
    ],
)
def test_a_wrong_successor_is_refused_by_name(make: Callable[[], AnchoredEvent], code: str) -> None:
    first = lane_of(1).events[0]
    assert refused(check_successor, first, make()) == code


def test_a_successor_breaks_the_seal_that_was_left_open() -> None:
    writer = lane_of(1)
    writer.key = Writer(seed=b"\x01" * 64).key  # type: ignore[method-assign]  # another device's keys
    assert refused(check_successor, FOUR.events[0], writer.add("withdrawn", Empty())) == "lane.seal"


def test_no_seal_of_the_lane_is_opened_again_however_long_ago() -> None:
    writer = lane_of(3)
    again = writer.add("withdrawn", Empty(), next=writer.seal(1))
    check_successor(writer.events[2], again)
    assert refused(Lane, tuple(writer.events)) == "lane.next"


def test_nothing_follows_an_invalidation() -> None:
    writer = Writer(signer=AUTHORITY)
    final = Invalidation(ends=COURIER.ends, since=AT, reason="Az. 1 O 2/26")
    first = writer.add("invalidated", final)
    later = writer.add("invalidated", final, seal=writer.seal(1))
    assert Lane((first,)).open_seal is None
    assert refused(Lane((first,)).followed_by, later) == "lane.ended"


def test_a_lane_may_move_to_another_log() -> None:
    writer = lane_of(2)
    moved = writer.add("given", index=0, logs=("log.b.example", ORIGIN))
    assert Lane(tuple(writer.events)).head == moved
    back = writer.add("withdrawn", Empty(), index=5)
    assert Lane(tuple(writer.events)).head == back


# --- a second lane


def anchored_second(index: int, *, matter: Matter = CONSENT) -> AnchoredEvent:
    return Writer(matter, seed=b"\x02" * 64).add("opened" if matter == RELATION else "given", index=index)


def log_with_break(writer: Writer, seq: int, *, index: int, origin: str = ORIGIN) -> MemoryLog:
    log = MemoryLog(origin)
    log.entries = [b""] * index
    log.append([prepare_break(bytes(32), seal_key=writer.key(seq), origin=origin).seal_leaf])
    return log


def test_a_second_lane_is_void_while_the_first_seal_is_unbroken() -> None:
    first = lane_of(2)
    lanes, second = [Lane(tuple(first.events))], anchored_second(50)
    for logs in ({ORIGIN: MemoryLog()}, {}):
        with pytest.raises(Conflict) as caught:
            check_may_begin(second, lanes=lanes, logs=logs)
        assert caught.value.code == "lane.duplicate"


def test_after_a_break_with_no_event_to_show_a_new_lane_may_begin() -> None:
    first = lane_of(2)
    log = log_with_break(first, 2, index=40)
    check_may_begin(anchored_second(50), lanes=[Lane(tuple(first.events))], logs={ORIGIN: log})


def test_a_lane_that_began_before_the_break_stays_void() -> None:
    first = lane_of(2)
    log = log_with_break(first, 2, index=60)
    lanes = [Lane(tuple(first.events))]
    code = refused(check_may_begin, anchored_second(50), lanes=lanes, logs={ORIGIN: log})
    assert code == "lane.duplicate"


def test_a_break_in_another_log_that_the_lane_names_counts() -> None:
    first = Writer()
    first.add("given", logs=(ORIGIN, "log.b.example"))
    other_log = log_with_break(first, 1, index=99, origin="log.b.example")
    logs = {ORIGIN: MemoryLog(), "log.b.example": other_log}
    check_may_begin(anchored_second(50), lanes=[Lane(tuple(first.events))], logs=logs)
    lanes = [Lane(tuple(lane_of(1).events))]  # it does not name the other log
    assert refused(check_may_begin, anchored_second(50), lanes=lanes, logs=logs) == "lane.duplicate"


def test_lanes_of_other_matters_and_signers_do_not_count() -> None:
    post = msgspec.structs.replace(CONSENT, channel="post")
    company = Writer(signer=COMPANY)
    company.add("withdrawn", COURIER)
    lanes = [Lane(tuple(lane_of(1, matter=post).events)), Lane(tuple(company.events))]
    check_may_begin(anchored_second(50), lanes=lanes, logs={})


def test_after_an_invalidation_no_lane_begins_anew() -> None:
    writer = Writer(signer=AUTHORITY)
    final = Invalidation(ends=COURIER.ends, since=AT, reason="Az. 1 O 2/26")
    first = writer.add("invalidated", final)
    again = Writer(signer=AUTHORITY, seed=b"\x02" * 64).add("invalidated", final, index=50)
    assert refused(check_may_begin, again, lanes=[Lane((first,))], logs={}) == "lane.ended"
