"""The way into a log: kept before it leaves, the same after any interruption, never lost, never twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from konsens.errors import Conflict, InputError, KonsensError, Unavailable, VerificationError
from konsens.records import (
    GAP_LIMIT,
    Book,
    Empty,
    Lane,
    Outgoing,
    Seed,
    Sent,
    anchor,
    bare_label,
    break_seal,
    check_anchored,
    check_in_log,
    flush,
    prepare_break,
)
from konsens.registry import NoteSigner, Registry, SealLeaf
from tests.records.parties import ORIGIN, MemoryLog, MemoryOutbox, Writer


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    signer = NoteSigner(ORIGIN, bytes(32))
    with Registry.create(tmp_path / "registry", origin=ORIGIN, signer=signer) as registry:
        yield registry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.sqlite"


@pytest.fixture
def book(path: Path) -> Iterator[Book]:
    with Book.create(path) as book:
        yield book


def lane_in_the_making(length: int) -> list[Outgoing]:
    """Return the leaves of a whole lane, made before the first of them lies in a log."""
    writer, made = Writer(), []
    for number in range(length):
        content = Empty() if number % 2 else None
        outgoing = writer.outgoing("withdrawn", content) if content else writer.outgoing("given")
        writer.events.append(outgoing.anchored_at(number))
        made.append(outgoing)
    return made


def test_a_lane_goes_into_a_registry_and_into_the_book(registry: Registry, book: Book) -> None:
    anchored = anchor(lane_in_the_making(4), log=registry, outbox=book)
    for event in anchored:
        check_anchored(event)
        check_in_log(event, registry)
    lane = Lane(tuple(anchored))
    assert book.lane(lane.name) == lane
    assert book.outstanding(ORIGIN) == []


def test_leaves_of_one_lane_go_one_after_the_other_and_others_together() -> None:
    """A log sorts what comes in one append, and the index has to grow with the lane."""
    log, outbox = MemoryLog(), MemoryOutbox()
    strangers = [Writer(seed=bytes([number]) * 64).outgoing("given") for number in range(9)]
    lane = lane_in_the_making(3)
    anchored = anchor([*strangers[1:5], lane[0], *strangers[5:], lane[1], lane[2]], log=log, outbox=outbox)
    assert log.appends == [9, 1, 1]
    by_leaf = {event.leaf: event.leaf_index for event in anchored}
    assert sorted(by_leaf.values()) == list(range(11))
    assert by_leaf[lane[0].leaf] < by_leaf[lane[1].leaf] < by_leaf[lane[2].leaf]


def test_anchoring_again_changes_nothing(registry: Registry, book: Book) -> None:
    lane = lane_in_the_making(2)
    first = anchor(lane, log=registry, outbox=book)
    assert anchor(lane, log=registry, outbox=book) == first
    assert registry.size() == 2
    assert sum(1 for _ in book.events()) == 2


def test_a_later_act_first_brings_what_was_left_behind() -> None:
    log, outbox = MemoryLog(), MemoryOutbox()
    left, now = lane_in_the_making(2)
    with outbox.write():
        outbox.keep(left)
    (anchored,) = anchor([now], log=log, outbox=outbox)
    assert [sent.outgoing for sent in outbox.settled] == [left, now]
    assert anchored.leaf_index == 1


def test_leaves_for_another_log_wait_for_it() -> None:
    log, other, outbox = MemoryLog(), MemoryLog("log.b.example"), MemoryOutbox()
    writer = Writer(seed=b"\x07" * 64)
    elsewhere = writer.leaf_for(writer.sign("given", logs=("log.b.example",)))
    with outbox.write():
        outbox.keep(elsewhere)
    assert flush(log, outbox) == []
    assert flush(other, outbox) == [Sent(elsewhere, 0)]
    with pytest.raises(VerificationError) as caught:
        anchor([elsewhere], log=log, outbox=outbox)
    assert caught.value.code == "anchor.other_log"
    assert outbox.outstanding("log.b.example") == []


def test_a_used_key_holds_up_nobody_else() -> None:
    log, outbox = MemoryLog(), MemoryOutbox()
    writers = [Writer(seed=bytes([number]) * 64) for number in range(3)]
    log.append([prepare_break(bytes(32), seal_key=writers[1].key(0), origin=ORIGIN).seal_leaf])
    made = [writer.outgoing("given") for writer in writers]
    with pytest.raises(Conflict) as caught:
        anchor(made, log=log, outbox=outbox)
    assert caught.value.code == "seal.already_broken"
    assert {sent.outgoing.leaf: sent.leaf_index for sent in outbox.settled}[made[1].leaf] is None
    assert log.find(made[0].seal_leaf.seal) is not None
    assert log.find(made[2].seal_leaf.seal) is not None
    assert not outbox.kept


def test_what_follows_a_refused_event_is_void_and_never_sent(book: Book) -> None:
    """A company that was restored from an old backup: its lane went on elsewhere."""
    log, lane = MemoryLog(), lane_in_the_making(3)
    log.append([prepare_break(bytes(32), seal_key=Writer().key(0), origin=ORIGIN).seal_leaf])
    stranger = Writer(seed=b"\x07" * 64).outgoing("given")
    with book.write():
        for outgoing in (*lane, stranger):
            book.keep(outgoing)
    answers = {sent.outgoing.leaf: sent.leaf_index for sent in flush(log, book)}
    assert [answers[outgoing.leaf] for outgoing in (*lane, stranger)] == [None, None, None, 1]
    assert not book.outstanding(ORIGIN)
    assert [stored.leaf for stored in book.events()] == [stranger.leaf]


def test_another_refusal_of_the_log_is_not_taken_for_a_used_key() -> None:
    class Refusing(MemoryLog):
        def append(self, leaves: Sequence[SealLeaf]) -> list[int]:
            raise Conflict("registry.exists")

    outbox = MemoryOutbox()
    made = Writer().outgoing("given")
    with pytest.raises(Conflict) as caught:
        anchor([made], log=Refusing(), outbox=outbox)
    assert caught.value.code == "registry.exists"
    assert outbox.outstanding(ORIGIN) == [made]


# --- bare breaks


def bare(seed: bytes = bytes(64)) -> Callable[[int], Outgoing]:
    writer = Writer(seed=seed)

    def make(seq: int) -> Outgoing:
        committed = Seed.from_bytes(seed).derive(bare_label(0, 0, seq))
        return prepare_break(committed, seal_key=writer.key(seq), origin=ORIGIN)

    return make


def test_a_bare_break_needs_no_event(registry: Registry, book: Book) -> None:
    assert break_seal(bare(), first=1, log=registry, outbox=book) == (1, 0)
    assert registry.find(bare()(1).seal_leaf.seal) == 0
    assert break_seal(bare(), first=1, log=registry, outbox=book) == (1, 0), "the same bytes again"
    assert list(book.events()) == []


def test_a_withdrawal_refused_because_its_key_was_used_goes_to_the_next_number(
    registry: Registry, book: Book
) -> None:
    """Another device withdrew and granted again: what it opened is broken too, at once."""
    other_device = Writer()
    for kind, content in (("given", None), ("withdrawn", Empty()), ("given", None)):
        outgoing = other_device.outgoing(kind, *([content] if content else []))  # type: ignore[arg-type]  # a table of kinds
        (index,) = registry.append([outgoing.seal_leaf])
        other_device.events.append(outgoing.anchored_at(index))
    number, index = break_seal(bare(), first=1, log=registry, outbox=book)
    assert (number, index) == (3, 3)
    assert registry.find(bytes.fromhex(other_device.seal(3))) == 3
    assert book.outstanding(ORIGIN) == []


def test_beyond_the_gap_limit_it_gives_up() -> None:
    log, outbox = MemoryLog(), MemoryOutbox()
    keys = Writer()
    log.append(
        [
            prepare_break(bytes(32), seal_key=keys.key(seq), origin=ORIGIN).seal_leaf
            for seq in range(GAP_LIMIT)
        ]
    )
    with pytest.raises(Conflict) as caught:
        break_seal(bare(), first=0, log=log, outbox=outbox)
    assert caught.value.code == "anchor.no_free_seal"
    assert not outbox.kept


def test_a_bare_break_shows_no_event() -> None:
    with pytest.raises(InputError) as caught:
        bare()(0).anchored_at(0)
    assert caught.value.code == "anchor.bare"


# --- interruptions


class PowerFailureError(Exception):
    """The power went out."""


class Flaky:
    """A log and an outbox whose call number `fail_at` is the last, before or after it took effect."""

    def __init__(self, log: Registry, book: Book, fail_at: int, *, after: bool) -> None:
        self.log, self.book, self.left, self.after = log, book, fail_at, after
        self.origin = log.origin

    def _step(self) -> bool:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise PowerFailureError
        return self.left == 0

    def append(self, leaves: Sequence[SealLeaf]) -> list[int]:
        last = self._step()
        indices = self.log.append(leaves)
        if last:
            raise PowerFailureError
        return indices

    @contextmanager
    def write(self) -> Iterator[None]:
        last = self._step()
        with self.book.write():
            yield
        if last:
            raise PowerFailureError

    def keep(self, outgoing: Outgoing) -> None:
        self.book.keep(outgoing)

    def outstanding(self, origin: str) -> Sequence[Outgoing]:
        return self.book.outstanding(origin)

    def settle(self, sent: Sent) -> None:
        self.book.settle(sent)


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after it took effect"])
@pytest.mark.parametrize("fail_at", range(1, 9))
def test_after_an_interruption_at_any_step_everything_is_in_its_place(
    registry: Registry, book: Book, fail_at: int, after: bool
) -> None:
    lane = lane_in_the_making(3)
    flaky = Flaky(registry, book, fail_at, after=after)
    with suppress(PowerFailureError):
        anchor(lane, log=flaky, outbox=flaky)
    kept = [outgoing.leaf for outgoing in book.outstanding(ORIGIN)]
    settled = [stored.leaf for stored in book.events()]
    assert settled + kept in ([], [outgoing.leaf for outgoing in lane]), "all or nothing was kept"
    flush(registry, book)
    anchored = anchor(lane, log=registry, outbox=book)
    assert [event.leaf_index for event in anchored] == [0, 1, 2]
    assert registry.size() == 3
    assert book.lane(anchored[0].event.event_hash) == Lane(tuple(anchored))


def test_an_unreachable_log_loses_nothing(book: Book) -> None:
    class Unreachable(MemoryLog):
        def append(self, leaves: Sequence[SealLeaf]) -> list[int]:
            raise Unavailable("registry.cannot_write")

    lane = lane_in_the_making(2)
    with pytest.raises(KonsensError):
        anchor(lane, log=Unreachable(), outbox=book)
    assert list(book.outstanding(ORIGIN)) == lane
    log = MemoryLog()
    assert [sent.leaf_index for sent in flush(log, book)] == [0, 1]


def test_another_process_may_bring_a_leaf_there_first(registry: Registry, book: Book, path: Path) -> None:
    class Overtaken(Flaky):
        def outstanding(self, origin: str) -> Sequence[Outgoing]:
            with Book.open(path) as other:
                flush(self.log, other)
            return super().outstanding(origin)

    lane = lane_in_the_making(2)
    overtaken = Overtaken(registry, book, -1, after=True)
    assert [event.leaf_index for event in anchor(lane, log=overtaken, outbox=overtaken)] == [0, 1]
    assert registry.size() == 2


def test_two_processes_may_hear_the_same_answer(registry: Registry, book: Book, path: Path) -> None:
    (outgoing,) = lane_in_the_making(1)
    with book.write():
        book.keep(outgoing)
    (sent,) = flush(registry, book)
    with Book.open(path) as other, other.write():
        other.settle(sent)
    assert [stored.leaf for stored in book.events()] == [outgoing.leaf]
