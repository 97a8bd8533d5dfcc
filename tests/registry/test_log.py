"""The verbs of the log, on the store in memory and on the one on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from konsens.errors import Conflict, InputError, NotFound, Unavailable, VerificationError
from konsens.registry import (
    Checkpoint,
    HeadLeaf,
    MemoryStore,
    SealLeaf,
    SealLog,
    SignerHead,
    SqliteStore,
    Store,
    check_checkpoint,
    check_consistency_proof,
    check_holds_proof,
    check_inclusion_proof,
    leaf_hash,
    map_root,
    parse_consistency_proof,
    parse_leaf,
    parse_proof,
    render_vkey,
    root_of,
)
from konsens.registry.append import append

from .logs import AT, ORIGIN, POLICY, SIGNER, VKEY, digest, later, leaf, leaves, public


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    made = SqliteStore.create(tmp_path / "log.sqlite", vkey=render_vkey(VKEY))
    yield made
    made.close()


@pytest.fixture
def log(store: Store) -> SealLog:
    return SealLog(store, VKEY)


@pytest.fixture
def publish(log: SealLog, tmp_path: Path) -> Callable[[int], Checkpoint]:
    """Publish so many minutes after the beginning, and check the signature."""
    remembered = SignerHead(tmp_path / "signed")

    def at(minutes: int) -> Checkpoint:
        return check_checkpoint(log.publish(SIGNER, at=later(minutes), remembered=remembered).note, VKEY)

    return at


Publish = Callable[[int], Checkpoint]


def entries_of(log: SealLog) -> list[bytes]:
    return [entry for _, entry in log.events_since(0)]


def test_an_appended_leaf_is_found_at_its_index(log: SealLog) -> None:
    indices = log.append([*leaves(0, 5), public(0)])
    assert sorted(indices) == list(range(6))
    assert [log.entry(index) for index in indices] == [*(n.entry for n in leaves(0, 5)), public(0).entry]
    assert [log.find(one.seal) for one in leaves(0, 5)] == indices[:5]
    assert log.find_public(public(0).digest) == indices[5]
    assert log.broken_many([leaf(1).seal, leaf(9).seal]) == {leaf(1).seal: indices[1]}


def test_what_is_not_there_is_not_found(log: SealLog) -> None:
    log.append(leaves(0, 3))
    assert log.find(leaf(7).seal) is None
    assert log.find_public(public(7).digest) is None
    with pytest.raises(NotFound, match=r"registry\.no_entry"):
        log.entry(3)


def test_leaves_of_one_step_are_sorted_by_hash_so_that_their_order_tells_nothing(log: SealLog) -> None:
    log.append(leaves(0, 20))
    log.append(leaves(20, 40))
    hashes = [leaf_hash(entry) for entry in entries_of(log)]
    assert hashes == sorted(hashes[:20]) + sorted(hashes[20:])


def test_identical_bytes_are_appended_once_and_keep_their_index(log: SealLog) -> None:
    first = log.append([*leaves(0, 4), public(1)])
    assert log.append([*leaves(0, 4), public(1)]) == first
    assert log.append([leaf(9), leaf(2), public(1), leaf(9)]) == [5, first[2], first[4], 5]
    assert log.size() == 6


def test_nothing_appended_is_nothing_done(log: SealLog) -> None:
    assert log.append([]) == []
    assert log.size() == 0


@pytest.mark.parametrize(
    "before", [pytest.param([leaf(1)], id="in the log"), pytest.param([], id="in the same step")]
)
def test_another_leaf_under_a_used_key_is_refused(log: SealLog, before: list[SealLeaf]) -> None:
    log.append(before)
    with pytest.raises(Conflict) as refused:
        log.append([leaf(0), leaf(1), leaf(1, says=" and more")])
    assert refused.value.code == "seal.already_broken"
    assert log.size() == len(before)


@pytest.mark.parametrize("count", [1, 200], ids=["in one thread", "in two threads"])
def test_a_leaf_for_another_log_is_refused_and_none_of_its_step_enters(log: SealLog, count: int) -> None:
    foreign = leaf(count + 1, origin="log.other.example")
    with pytest.raises(VerificationError) as refused:
        log.append([*leaves(0, count), foreign])
    assert refused.value.code == "leaf.signature"
    assert log.size() == 0
    assert log.find(leaf(0).seal) is None


def test_a_head_leaf_is_not_appended(log: SealLog) -> None:
    with pytest.raises(InputError) as refused:
        log.append([leaf(0), HeadLeaf(bytes(32), bytes(32), 0)])  # type: ignore[list-item]  # what is refused
    assert refused.value.code == "registry.head_leaf"
    assert log.size() == 0


def test_a_checkpoint_ends_right_after_a_head_leaf_over_all_before(log: SealLog, publish: Publish) -> None:
    log.append([*leaves(0, 7), public(0)])
    checkpoint = publish(0)
    entries = entries_of(log)
    head = parse_leaf(entries[-1])
    assert checkpoint == Checkpoint(ORIGIN, 9, root_of(map(leaf_hash, entries)))
    assert head == HeadLeaf(
        map_root([(leaf(n).seal, log.append([leaf(n)])[0]) for n in range(7)]),
        bytes(32),
        int(AT.timestamp()),
    )
    assert log.head_of(9) == head


def test_head_leaves_form_a_chain_and_never_go_back_in_time(log: SealLog, publish: Publish) -> None:
    for number, minutes in enumerate([0, 5, 5, 9]):
        log.append([leaf(number)])
        publish(minutes)
    heads = [parse_leaf(entry) for entry in entries_of(log)[1::2]]
    for before, after in pairwise(heads):
        assert isinstance(before, HeadLeaf)
        assert isinstance(after, HeadLeaf)
        assert after.previous == leaf_hash(before.entry)
        assert after.seconds >= before.seconds


def test_an_idle_log_writes_nothing(log: SealLog, publish: Publish) -> None:
    log.append(leaves(0, 2))
    first = publish(0)
    assert publish(60) == first
    assert log.size() == first.size == 3


def test_an_empty_log_can_be_published(log: SealLog, publish: Publish) -> None:
    assert publish(0).size == 1
    assert log.head_of(1).map_root == bytes(32)


def test_a_clock_a_little_behind_is_levelled_and_one_far_behind_is_refused(
    log: SealLog, publish: Publish
) -> None:
    publish(10)
    log.append([leaf(0)])
    publish(9)
    assert log.head_of(3).seconds == log.head_of(1).seconds
    log.append([leaf(1)])
    with pytest.raises(Unavailable) as refused:
        publish(8)
    assert refused.value.code == "registry.clock_back"
    assert log.size() == 4


def test_times_are_those_of_the_head_leaves_around_an_entry(log: SealLog, publish: Publish) -> None:
    for number, minutes in enumerate([0, 5]):
        log.append([leaf(number)])
        publish(minutes)
    log.append([leaf(2)])
    assert [log.head_before(index) for index in range(5)] == [None, None, AT, AT, later(5)]
    assert [log.head_after(index) for index in range(5)] == [AT, later(5), later(5), None, None]


# One entry more or less than a tile, a tile of tiles begun, and what lies between.
SIZES = [1, 2, 255, 256, 257, 511, 512, 600]


@pytest.mark.parametrize("size", SIZES)
def test_every_proof_that_the_log_makes_is_accepted(log: SealLog, publish: Publish, size: int) -> None:
    old = None
    for start, stop in pairwise([0, *(s for s in (40, 300) if s < size), size]):
        log.append(leaves(start, stop))
        before, old = old, publish(stop)
    newest = log.checkpoint()
    assert newest is not None
    assert newest.checkpoint == old
    for index in {0, 1, size // 2, size - 1, size} & set(range(newest.checkpoint.size)):
        proof = parse_proof(log.prove_inclusion(index))
        check_inclusion_proof(proof, leaf_hash=leaf_hash(log.entry(index)), policy=POLICY)
    if before:
        consistency = parse_consistency_proof(log.prove_consistency(before.size))
        assert check_consistency_proof(consistency, old=before, policy=POLICY).size == newest.checkpoint.size


def test_a_proof_shows_that_a_seal_is_unbroken_and_later_where_it_broke(
    log: SealLog, publish: Publish
) -> None:
    [given] = log.append([leaf(0)])
    publish(0)

    def holds(index: int | None) -> int | None:
        proof = parse_proof(log.prove_holds(index, leaf(1).seal))
        hashed = leaf_hash(log.entry(proof.index))
        return check_holds_proof(proof, leaf_hash=hashed, next_seal=leaf(1).seal, policy=POLICY).broken_at

    assert holds(given) is None
    assert holds(None) is None
    [withdrawn] = log.append([leaf(1)])
    assert log.find(leaf(1).seal) == withdrawn  # at once, also beyond the checkpoint
    assert holds(given) is None  # as of the checkpoint, which the proof says
    publish(1)
    assert holds(given) == withdrawn
    assert holds(None) == withdrawn


def test_a_proof_of_what_no_checkpoint_covers_is_not_yet_there(log: SealLog, publish: Publish) -> None:
    log.append([leaf(0)])
    wanted: list[Callable[[], str]] = [
        lambda: log.prove_inclusion(0),
        lambda: log.prove_holds(0, leaf(1).seal),
        lambda: log.prove_holds(None, leaf(1).seal),
        lambda: log.prove_consistency(1),
    ]
    for prove in wanted:
        with pytest.raises(Unavailable) as refused:
            prove()
        assert refused.value.code == "registry.not_yet_checkpointed"
    publish(0)
    log.append([leaf(1)])
    with pytest.raises(Unavailable):
        log.prove_inclusion(2)
    with pytest.raises(NotFound):
        log.prove_inclusion(3)
    with pytest.raises(InputError):
        log.prove_consistency(0)
    with pytest.raises(InputError):
        log.prove_inclusion(-1)


def test_a_log_opened_anew_proves_and_publishes_the_same(store: Store, log: SealLog, tmp_path: Path) -> None:
    remembered = SignerHead(tmp_path / "signed")
    for number in range(3):
        log.append(leaves(100 * number, 100 * number + 100))
        log.publish(SIGNER, at=later(number), remembered=remembered)
    fresh = SealLog(store, VKEY)
    assert fresh.prove_holds(5, digest("other")) == log.prove_holds(5, digest("other"))
    fresh.append(leaves(300, 310))
    newest = fresh.publish(SIGNER, at=later(9), remembered=remembered)
    assert log.publish(SIGNER, at=later(10), remembered=remembered) == newest


def test_a_reader_that_stays_open_proves_from_each_newer_checkpoint(
    store: Store, log: SealLog, publish: Publish
) -> None:
    reader = SealLog(store, VKEY)
    for number in range(4):
        log.append(leaves(20 * number, 20 * number + 20))
        publish(number)
        assert reader.prove_holds(0, leaf(5).seal) == SealLog(store, VKEY).prove_holds(0, leaf(5).seal)


def test_what_was_checked_at_append_is_forgotten_rather_than_kept_without_end(
    log: SealLog, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("konsens.registry.log.LEAVES_TO_REMEMBER", 10)
    for number in range(5):
        log.append(leaves(9 * number, 9 * number + 9))
    assert len(log._checked) <= 20
    assert publish(0).size == 46


class Busy(MemoryStore):
    """A store in which somebody appends between any two looks, until the writer's lock is held."""

    others = 20

    def entries(self, start: int, stop: int) -> list[bytes]:
        found = super().entries(start, stop)
        if self.others and not self._writer.locked():
            self.others -= 1
            append(self, [leaf(5000 + self.others), public(self.others)], origin=ORIGIN)
        return found


def test_a_checkpoint_covers_what_others_append_while_it_is_made(tmp_path: Path) -> None:
    store, remembered = Busy(), SignerHead(tmp_path / "signed")
    log = SealLog(store, VKEY)
    while store.others:
        newest = log.publish(SIGNER, at=AT, remembered=remembered)
        assert newest.checkpoint.size == log.size()
    assert log.publish(SIGNER, at=AT, remembered=remembered).checkpoint.size == log.size()
