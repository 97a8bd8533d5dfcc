"""One writer for many: what it promises to each, and when it stops."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import sleep
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import Conflict, Damaged, KonsensError, Locked, Unavailable, VerificationError
from konsens.registry import (
    LeafChecker,
    MemoryStore,
    PublicLeaf,
    Registry,
    SealLeaf,
    SealLog,
    leaf_hash,
)
from konsens.registry.serve import GroupCommit
from konsens.registry.serve.group_commit import FEWEST_AHEAD, MOST_WAITING

from .writers import SIGNER, public_leaf, publisher, seal_leaf, writing


def wait_for(condition: object) -> None:
    for _ in range(500):
        if condition():  # type: ignore[operator]  # any callable
            return
        sleep(0.01)
    raise AssertionError("it never came")


def test_what_was_asked_at_the_same_time_enters_in_one_step_sorted_by_leaf_hash(tmp_path: Path) -> None:
    leaves = [seal_leaf(number) for number in range(40)]
    with writing(tmp_path, pause=0.3) as (intake, folder):
        wait_for(lambda: intake.state.behind_since is None)
        futures = [intake.append([leaf]) for leaf in leaves]
        indices = [future.result(timeout=10)[0] for future in futures]
    with Registry.open(folder) as log:
        assert [log.entry(index) for index in indices] == [leaf.entry for leaf in leaves]
    # The first may have gone alone, before the others came.
    rest = sorted(zip(indices, leaves, strict=True), key=lambda pair: pair[0])[1:]
    hashes = [leaf_hash(leaf.entry) for _, leaf in rest]
    assert hashes == sorted(hashes)


def test_everything_that_was_acknowledged_is_covered_by_a_checkpoint_soon(tmp_path: Path) -> None:
    with writing(tmp_path) as (intake, folder):
        for number in range(5):
            (index,) = intake.append([seal_leaf(number)]).result(timeout=10)
            wait_for(lambda: intake.state.behind_since is None)
            signed = intake.state.checkpoint
            assert signed is not None
            assert signed.checkpoint.size > index
    with Registry.open(folder) as log:
        newest = log.checkpoint()
        assert newest is not None
        assert newest.checkpoint.size == log.size()


def test_one_that_cannot_enter_keeps_nobody_else_out(tmp_path: Path) -> None:
    good = [seal_leaf(number) for number in range(6)]
    forged = SealLeaf(good[0].key, bytes(31) + b"\x01", good[0].signature)
    taken = seal_leaf(0, commitment=bytes([7] * 32))
    with writing(tmp_path, pause=0.2) as (intake, _):
        intake.append([good[0]]).result(timeout=10)
        asked = [intake.append([leaf]) for leaf in good[1:3]]
        bad = intake.append([good[3], forged])
        used = intake.append([taken])
        asked += [intake.append([leaf]) for leaf in good[4:]]
        indices = {future.result(timeout=10)[0] for future in asked}
        with pytest.raises(VerificationError):
            bad.result(timeout=10)
        with pytest.raises(Conflict) as refused:
            used.result(timeout=10)
        assert refused.value.code == "seal.already_broken"
        assert len(indices) == 4
        # All or nothing: what came with the forged leaf is not in.
        (late,) = intake.append([good[3]]).result(timeout=10)
        assert late > max(indices)


def test_requests_that_cannot_enter_cost_the_others_no_step_of_their_own() -> None:
    steps, begin = list[int](), Event()

    class Counted(SealLog):
        def append(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> list[int]:
            begin.wait(10)
            steps.append(len(leaves))
            return super().append(leaves)

    log = Counted(MemoryStore(), SIGNER.vkey)
    with (
        LeafChecker(origin=SIGNER.name) as checker,
        GroupCommit(lambda: log, lambda _: None, pause=0, checker=checker) as intake,
    ):
        first = intake.append([public_leaf(0)])
        wait_for(lambda: intake._queue.empty())
        good = [intake.append([seal_leaf(number)]) for number in range(20)]
        many = intake.append([seal_leaf(number) for number in range(1000, 1000 + FEWEST_AHEAD)])
        forged = SealLeaf(seal_leaf(50).key, bytes(31) + b"\x01", seal_leaf(50).signature)
        bad = [intake.append([forged]) for _ in range(20)]
        much = [seal_leaf(number) for number in range(2000, 2000 + FEWEST_AHEAD)]
        bad.append(intake.append([*much, forged]))
        used = [intake.append([seal_leaf(number, commitment=bytes([7] * 32))]) for number in range(20)]
        begin.set()
        assert first.result(timeout=10) == [0]
        for number, future in enumerate(good):
            assert future.result(timeout=10) == [log.find(seal_leaf(number).seal)]
        assert len(many.result(timeout=10)) == FEWEST_AHEAD
        for future in bad:
            with pytest.raises(VerificationError):
                future.result(timeout=10)
        for future in used:
            with pytest.raises(Conflict):
                future.result(timeout=10)
    assert steps == [1, 20 + FEWEST_AHEAD]


def test_the_same_leaf_from_many_at_once_has_one_place(tmp_path: Path) -> None:
    with writing(tmp_path) as (intake, _), ThreadPoolExecutor(8) as pool:
        futures = list(pool.map(lambda _: intake.append([seal_leaf(1), public_leaf(1)]), range(50)))
        answers = {tuple(future.result(timeout=10)) for future in futures}
    assert len(answers) == 1


def test_the_end_finishes_what_waits_and_then_refuses(tmp_path: Path) -> None:
    with writing(tmp_path) as (intake, folder):
        futures = [intake.append([seal_leaf(number)]) for number in range(20)]
    assert all(future.result(timeout=0) for future in futures)
    with pytest.raises(Unavailable) as refused:
        intake.append([seal_leaf(99)])
    assert refused.value.code == "append.stopped"
    with Registry.open(folder) as log:
        newest = log.checkpoint()
        assert newest is not None
        assert newest.checkpoint.size == log.size()


def test_a_log_that_was_restored_from_a_backup_is_never_gone_on_with(tmp_path: Path) -> None:
    with writing(tmp_path) as (intake, folder):
        intake.append([seal_leaf(1)]).result(timeout=10)
    shutil.copytree(folder, tmp_path / "backup")
    with writing(tmp_path) as (intake, folder):
        intake.append([seal_leaf(2)]).result(timeout=10)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    with writing(tmp_path) as (intake, _):
        wait_for(lambda: intake.state.stopped)
        assert isinstance(intake.state.problem, Damaged)
        assert intake.state.problem.code == "registry.rolled_back"
        with pytest.raises(Unavailable) as refused:
            intake.append([seal_leaf(3)])
        assert refused.value.code == "append.stopped"
    with Registry.open(folder) as log:
        assert log.find(seal_leaf(3).seal) is None


def test_a_log_that_cannot_be_opened_refuses_all_who_wait(tmp_path: Path) -> None:
    def missing() -> SealLog:
        sleep(0.1)
        return Registry.open(tmp_path / "nowhere")

    with GroupCommit(missing, publisher(tmp_path)) as intake:
        future = intake.append([seal_leaf(1)])
        with pytest.raises(Unavailable) as refused:
            future.result(timeout=10)
    assert (refused.value.code, refused.value.facts["problem"]) == ("append.stopped", "registry.not_found")


def test_while_nothing_can_be_signed_leaves_are_taken_and_signing_is_tried_again(tmp_path: Path) -> None:
    log, calls = SealLog(MemoryStore(), SIGNER.vkey), []

    def publish(_: SealLog) -> None:
        calls.append(1)
        if len(calls) < 4:
            raise Locked("registry.busy")

    with GroupCommit(lambda: log, publish, pause=0) as intake:
        assert intake.append([seal_leaf(1)]).result(timeout=10) == [0]
        assert isinstance(intake.state.problem, Locked)
        assert intake.append([seal_leaf(2)]).result(timeout=10) == [1]
        intake.append([seal_leaf(3)]).result(timeout=10)
        wait_for(lambda: intake.state.problem is None)
        assert intake.state.behind_since is None


def test_an_error_of_the_store_reaches_those_who_wait_and_only_them(tmp_path: Path) -> None:
    class Full(SealLog):
        full = True

        def append(self, leaves: object) -> list[int]:
            if self.full:
                raise Unavailable("registry.cannot_write", problem="full")
            return super().append(leaves)  # type: ignore[arg-type]  # handed on as it came

    log = Full(MemoryStore(), SIGNER.vkey)
    with GroupCommit(lambda: log, lambda _: None, pause=0) as intake:
        with pytest.raises(Unavailable) as refused:
            intake.append([seal_leaf(1)]).result(timeout=10)
        assert refused.value.code == "registry.cannot_write"
        log.full = False
        assert intake.append([seal_leaf(1)]).result(timeout=10) == [0]


def test_a_bug_in_the_writer_leaves_nobody_waiting(tmp_path: Path) -> None:
    begun = Event()

    class Broken(SealLog):
        def append(self, leaves: object) -> list[int]:
            begun.wait(10)
            raise ZeroDivisionError

    log = Broken(MemoryStore(), SIGNER.vkey)
    with GroupCommit(lambda: log, lambda _: None, pause=0) as intake:
        futures: list[Future[list[int]]] = [intake.append([seal_leaf(number)]) for number in range(3)]
        begun.set()
        for future in futures:
            with pytest.raises(KonsensError):
                future.result(timeout=10)


def test_more_than_can_wait_is_refused_at_once() -> None:
    hold = Event()

    class Slow(SealLog):
        def append(self, leaves: object) -> list[int]:
            hold.wait(10)
            return super().append(leaves)  # type: ignore[arg-type]  # handed on as it came

    log = Slow(MemoryStore(), SIGNER.vkey)
    some = [public_leaf(number) for number in range(1000)]
    with GroupCommit(lambda: log, lambda _: None, pause=0) as intake:
        futures = [intake.append(some) for _ in range(MOST_WAITING // len(some))]
        with pytest.raises(Unavailable) as refused:
            intake.append([seal_leaf(1)])
        assert refused.value.code == "append.busy"
        hold.set()
        assert {len(future.result(timeout=20)) for future in futures} == {1000}
        assert intake.state.waiting == 0


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=5), max_size=12))
def test_whoever_asks_for_whatever_the_index_he_gets_is_where_his_leaf_is(asked: list[list[int]]) -> None:
    log = SealLog(MemoryStore(), SIGNER.vkey)
    with GroupCommit(lambda: log, lambda _: None, pause=0) as intake:
        futures = [(numbers, intake.append([public_leaf(n) for n in numbers])) for numbers in asked]
        for numbers, future in futures:
            indices = future.result(timeout=10)
            assert [log.entry(index) for index in indices] == [public_leaf(n).entry for n in numbers]
    assert log.size() == len({number for numbers in asked for number in numbers})


def test_a_checker_that_fails_leaves_nothing_waiting() -> None:
    class Failing(LeafChecker):
        def start(self, leaves: object) -> NoReturn:
            raise OSError("no more processes")

    log, many = SealLog(MemoryStore(), SIGNER.vkey), [public_leaf(number) for number in range(FEWEST_AHEAD)]
    with (
        Failing(origin=SIGNER.name) as checker,
        GroupCommit(lambda: log, lambda _: None, pause=0, checker=checker) as intake,
    ):
        with pytest.raises(OSError, match="no more"):
            intake.append(many)
        assert intake.state.waiting == 0


def test_what_was_not_checked_to_the_end_is_never_appended_as_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = seal_leaf(1)
    forged = SealLeaf(good.key, bytes(31) + b"\x01", good.signature)

    def fail(*_: object) -> None:
        raise VerificationError("leaf.signature")

    with writing(tmp_path) as (intake, folder):
        monkeypatch.setattr("konsens.registry.serve.group_commit.refusals", fail)
        with pytest.raises(KonsensError):
            intake.append([forged]).result(timeout=10)
        monkeypatch.undo()
        intake.append([good]).result(timeout=10)
    with Registry.open(folder) as log:
        assert forged.entry not in [entry for _, entry in log.events_since(0)]
