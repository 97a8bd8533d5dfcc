"""One sequencer and many nodes: places, answers, checkpoints; what a second one or a backup may not do."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from konsens.errors import (
    Conflict,
    Damaged,
    InputError,
    KonsensError,
    Locked,
    NotTrusted,
    Unavailable,
    VerificationError,
)
from konsens.registry import HeadLeaf, LeafChecker, NoteSigner, PublicLeaf, SealLeaf, SignerHead, leaf_hash
from konsens.registry.check_ahead import LeavesUnderCheck
from konsens.registry.postgres import Intake, Sequencer, open_postgres
from konsens.registry.postgres.schema import lock_of
from tests.registry.logs import AT, ORIGIN, SIGNER, VKEY, later, leaf, leaves, public

from .nodes import Node
from .running import Log, until


@pytest.fixture
def log(server: Node, schema: str, tmp_path: Path) -> Log:
    return Log.create(server.dsn, schema, tmp_path)


@pytest.fixture
def intake(log: Log) -> Iterator[Intake]:
    with Intake(log.dsn, VKEY, schema=log.schema, wait=20) as one:
        yield one


def hand_over(log: Log, entries: list[bytes]) -> None:
    """Put entries into `pending` as somebody would who does not use an intake."""
    with closing(log.store()) as store:
        store.session.many(
            "INSERT INTO pending (node, ticket, entry) VALUES (%s, %s, %s)",
            [(1, number, entry) for number, entry in enumerate(entries)],
        )


@pytest.mark.parametrize("ahead", [False, True], ids=["", "signatures checked ahead"])
def test_each_leaf_has_its_place_whoever_handed_it_over(log: Log, intake: Intake, ahead: bool) -> None:
    everything: list[SealLeaf | PublicLeaf] = [*leaves(0, 300), *(public(n) for n in range(20))]
    Random(1).shuffle(everything)
    with ExitStack() as stack:
        checker = stack.enter_context(LeafChecker(origin=ORIGIN)) if ahead else None
        stack.enter_context(log.running(checker=checker))
        places = hand_over_all(log, intake, everything)
    entries = log.check()
    assert [entries[place] for place in places] == [one.entry for one in everything]
    assert sum(len(entry) != 73 for entry in entries) == 320


def hand_over_all(log: Log, intake: Intake, everything: list[SealLeaf | PublicLeaf]) -> list[int]:
    """Hand over leaves one by one by two nodes, and some again, and return their places."""
    with Intake(log.dsn, VKEY, schema=log.schema) as other, ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda n: (other if n % 2 else intake).append([everything[n]])[0], range(320)))
        assert intake.append(everything) == places
        assert other.append(everything[:7]) == places[:7]
        with LeafChecker(origin=ORIGIN) as checker:
            assert intake.append(checker.start(everything[:9])) == places[:9]
    return places


def test_a_node_believes_no_check_that_was_made_for_another_log(log: Log, intake: Intake) -> None:
    foreign = leaf(1, origin="log.other.example")
    settled = LeavesUnderCheck.settled([foreign], origin="log.other.example")
    with pytest.raises(VerificationError):
        intake.append(settled)


def test_what_was_taken_in_one_step_is_sorted_by_leaf_hash(log: Log, intake: Intake) -> None:
    asked = intake.submit(leaves(0, 50))
    with log.sequencer() as sequencer:
        until(sequencer.run_once)
    assert sorted(asked.result()) == list(range(50))
    hashes = [leaf_hash(entry) for entry in log.check()]
    assert hashes == sorted(hashes)


def test_nothing_handed_over_is_nothing_asked(intake: Intake) -> None:
    assert intake.append([]) == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param(leaf(1, origin="log.other.example"), "leaf.signature", id="for another log"),
        pytest.param(HeadLeaf(bytes(32), bytes(32), 0), "registry.head_leaf", id="a head leaf"),
        pytest.param(SealLeaf(bytes(32), bytes(32), bytes(64)), "key.weak", id="a weak key"),
    ],
)
def test_a_node_takes_no_leaf_that_the_log_would_refuse(
    log: Log, intake: Intake, bad: SealLeaf, code: str
) -> None:
    with pytest.raises(KonsensError) as refused:
        intake.append([leaf(0), bad])
    assert refused.value.code == code
    with closing(log.store()) as store:
        assert store.session.one("SELECT count(*) FROM pending") == (0,)


def test_a_key_serves_once_and_who_came_second_is_told(log: Log, intake: Intake) -> None:
    with log.running():
        [first] = intake.append([leaf(1)])
        for _ in range(2):
            with pytest.raises(Conflict) as refused:
                intake.append([leaf(1, says=" and more"), leaf(2)])
            assert refused.value.code == "seal.already_broken"
            assert leaf(1).seal.hex() in refused.value.message()
        assert intake.append([leaf(1)]) == [first]
        both = [intake.submit([leaf(7, says=text)]) for text in ("", " a", " b")]
        errors = [one.exception() for one in both]
    assert sorted(type(error).__name__ for error in errors) == ["Conflict", "Conflict", "NoneType"]
    log.check()


def test_what_was_put_into_pending_past_every_node_is_checked_all_the_same(log: Log, intake: Intake) -> None:
    foreign, weak = leaf(1, origin="log.other.example"), SealLeaf(bytes(32), bytes(32), bytes(64))
    hand_over(log, [foreign.entry, b"\x09" * 129, b"\x09" * 33, weak.entry, leaf(3, says="!").entry])
    asked = intake.submit([*leaves(0, 3), public(1)])
    with log.running():
        assert len(set(asked.result())) == 4
        until(lambda: not server_rows(log, "pending"))
    assert {entry for entry in log.check() if len(entry) != 73} == {
        *(one.entry for one in leaves(0, 3)), public(1).entry, leaf(3, says="!").entry
    }  # fmt: skip
    answers = sorted(refused for (refused,) in server_rows(log, "answers", "refused"))
    assert answers == ["key.weak", "leaf.format", "leaf.format", "leaf.signature"]


def server_rows(log: Log, table: str, columns: str = "*") -> list[Any]:
    with closing(log.store()) as store:
        return store.session.all(f"SELECT {columns} FROM {table}")


def test_a_checkpoint_follows_at_most_as_often_as_was_asked_and_an_idle_log_writes_nothing(
    log: Log, intake: Intake
) -> None:
    with log.sequencer(publish_every=3600, clock=lambda: AT) as sequencer:
        first = sequencer.publish_if_due()
        assert first is not None
        asked = intake.submit(leaves(0, 3))
        until(sequencer.run_once)
        assert asked.result()
        assert sequencer.publish_if_due() is None  # too soon
    with log.sequencer(publish_every=0, clock=lambda: later(5)) as sequencer:
        second = sequencer.publish_if_due()
        assert second is not None
        assert (first.checkpoint.size, second.checkpoint.size) == (1, 5)
        for _ in range(3):
            assert sequencer.publish_if_due() is None
            assert sequencer.run_once() == 0
    assert len(log.check()) == 5
    with open_postgres(log.dsn, schema=log.schema) as reader:
        assert reader.checkpoint() == second
        assert reader.confirmed() == 5
        assert reader.head_of(5).at == later(5)


def test_steps_are_as_far_apart_as_was_asked(log: Log, intake: Intake) -> None:
    with log.running(every=0.3):
        asked = [intake.submit([leaf(number)]) for number in range(40)]
        assert len({one.result()[0] for one in asked}) == 40
    hashes = [leaf_hash(entry) for entry in log.check() if len(entry) == 129]
    assert sum(one > other for one, other in pairwise(hashes)) <= 2  # steps, not leaves


def test_of_two_sequencers_the_second_waits_and_takes_over(log: Log, intake: Intake) -> None:
    with log.sequencer() as first:
        with pytest.raises(Locked) as refused:
            log.sequencer()
        assert refused.value.code == "postgres.sequencer_runs"
        asked = intake.submit([leaf(1)])
        until(first.run_once)
        assert asked.result() == [0]
    with log.running():
        assert intake.append([leaf(2)]) in ([1], [2])
    log.check()


def test_who_holds_the_lock_and_is_no_sequencer_is_named(log: Log) -> None:
    """Any role that may connect to the database can take an advisory lock."""
    with closing(log.store()) as store:
        store.session.change("CREATE ROLE stranger LOGIN")
    dsn = log.dsn.replace("user=postgres", "user=stranger application_name=mischief")
    with psycopg.connect(dsn, autocommit=True) as stranger:
        stranger.execute("SELECT pg_advisory_lock(%s)", (lock_of(log.schema),))
        with pytest.raises(Locked) as refused:
            log.sequencer()
        assert refused.value.code == "postgres.sequencer_runs"
        pid = stranger.info.backend_pid
        assert refused.value.facts == {"pid": pid, "role": "stranger", "application": "mischief"}


def test_while_a_sequencer_runs_nobody_else_writes(log: Log) -> None:
    with log.sequencer(), closing(log.store()) as store:
        store.session.change("SET lock_timeout = '50ms'")
        with pytest.raises(Locked) as refused, store.writing():
            pass
        assert refused.value.code == "registry.busy"


def test_a_sequencer_whose_lock_was_lost_to_another_stops(log: Log, intake: Intake) -> None:
    """Its connection was cut, a second one worked meanwhile, and it comes back."""
    with log.sequencer() as first:
        asked = intake.submit([leaf(1)])
        until(first.run_once)
        cut(log, first)
        with log.sequencer() as second:
            asked = intake.submit([leaf(2)])
            until(second.run_once)
            assert asked.result() == [1]
            with pytest.raises((Locked, Unavailable)):  # the lock is not its own
                first.run_once()
        hand_over(log, [leaf(3).entry])
        with pytest.raises(Conflict) as refused:
            first.run_once()
        assert refused.value.code == "postgres.second_sequencer"
    assert len(log.check()) == 2


def cut(log: Log, sequencer: Sequencer) -> None:
    [pid] = sequencer._store.session.one("SELECT pg_backend_pid()")
    with closing(log.store()) as store:
        assert store.session.one("SELECT pg_terminate_backend(%s, 5000)", pid) == (True,)


def test_a_head_that_is_moved_past_the_lock_stops_the_step(log: Log, intake: Intake) -> None:
    """Somebody writes without taking the lock: compare and swap finds it, and nothing of the step is kept."""
    with log.sequencer() as sequencer:
        asked = intake.submit([leaf(1)])
        until(sequencer.run_once)
        assert asked.result() == [0]
        with closing(log.store()) as store:
            store.session.change("UPDATE head SET size = size + 1, root = %s", bytes(32))
        hand_over(log, [leaf(2).entry])
        with pytest.raises(Conflict) as refused:
            sequencer.run_once()
        assert refused.value.code == "postgres.second_sequencer"
    with closing(log.store()) as store:
        assert store.entry(1) is None


def test_a_head_that_moves_in_the_middle_of_a_step_stops_it(log: Log) -> None:
    with closing(log.store()) as store, closing(log.store()) as other:

        def write() -> None:
            with store.writing():
                other.session.change("UPDATE head SET size = size + 1, root = %s", bytes(32))
                store.add_entries([leaf(1).entry])

        with pytest.raises(Conflict) as refused:
            write()
        assert refused.value.code == "postgres.second_sequencer"
        with pytest.raises(Damaged) as fork, store.writing():
            pass
        assert fork.value.code == "registry.fork"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        pytest.param(0, "registry.rolled_back", id="as it was"),
        pytest.param(1, "registry.rolled_back", id="grown again, not yet as far"),
        pytest.param(9, "registry.fork", id="grown again beyond"),
    ],
)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "only answered"])
def test_a_backup_that_was_restored_is_not_gone_on_from(
    node: Node, schema: str, tmp_path: Path, more: int, code: str, signed: bool
) -> None:
    log = Log.create(node.dsn, schema, tmp_path)
    publish = {"publish_every": 0.0 if signed else math.inf}
    with Intake(log.dsn, VKEY, schema=log.schema) as intake:
        with log.running(**publish):
            intake.append(leaves(0, 3))
        node.stop()
        backup = node.folder / "backup"
        shutil.copytree(node.data, backup)
        node.start()
        asked = intake.submit(leaves(3, 7))
        until(lambda: server_rows(log, "pending"))  # so that no checkpoint comes before them
        with log.running(**publish):
            asked.result()
        log.check()
        node.stop()
        shutil.rmtree(node.data)
        backup.rename(node.data)
        node.own(node.data)
        node.start()
    with open_postgres(log.dsn, schema=log.schema) as other:
        other.append(leaves(20, 20 + more))
    with pytest.raises(Damaged) as refused:
        log.sequencer()
    assert refused.value.code == code


def test_a_home_that_lost_its_memory_does_not_go_on(log: Log, intake: Intake) -> None:
    with log.running():
        intake.append([leaf(1)])
        until(lambda: server_rows(log, "checkpoints"))
    with pytest.raises(Damaged) as refused:
        log.sequencer(remembered=SignerHead(log.home / "another"))
    assert refused.value.code == "registry.signer_head_lost"


def test_a_home_that_lost_what_it_answered_does_not_go_on(log: Log, intake: Intake) -> None:
    """Without it a database that was set back to the last checkpoint would pass for the newest."""
    log.sequencer().close()
    answered = log.home / "signed.answered"
    answered.unlink()  # nothing was answered yet
    with log.running():
        intake.append([leaf(1)])
        until(lambda: server_rows(log, "checkpoints"))
    kept = answered.read_bytes()
    answered.unlink()
    with pytest.raises(Damaged) as refused:
        log.sequencer()
    assert refused.value.code == "registry.signer_head_lost"
    answered.write_bytes(kept)
    log.sequencer().close()


def test_a_key_of_another_log_does_not_sign(log: Log) -> None:
    other = NoteSigner(SIGNER.name, bytes(31) + b"\1")
    with pytest.raises(NotTrusted) as refused:
        Sequencer(log.dsn, other, schema=log.schema, remembered=log.remembered, single_node=True)
    assert refused.value.code == "registry.other_key"
    with pytest.raises(NotTrusted):
        Intake(log.dsn, other.vkey, schema=log.schema)


def test_a_leaf_that_nobody_sequences_is_neither_acknowledged_nor_forgotten(log: Log) -> None:
    with Intake(log.dsn, VKEY, schema=log.schema, wait=0.2) as hasty:
        with pytest.raises(Unavailable) as refused:
            hasty.append([leaf(1)])
        assert refused.value.code == "postgres.not_sequenced"
        with log.running():
            until(lambda: server_rows(log, "entries"))
            assert hasty.append([leaf(1)]) == [0]
    with pytest.raises(Unavailable):
        hasty.append([leaf(2)])
    assert sum(len(entry) == 129 for entry in log.check()) == 1


def test_what_nobody_sequences_waits_once_however_often_it_is_sent(log: Log) -> None:
    with Intake(log.dsn, VKEY, schema=log.schema, wait=0.1) as hasty:
        for _ in range(4):
            with pytest.raises(Unavailable):
                hasty.append([leaf(1), leaf(1, says=" and more")])
        assert len(server_rows(log, "pending")) == 2
    with Intake(log.dsn, VKEY, schema=log.schema) as patient:
        asked = [patient.submit([leaf(n % 2)]) for n in range(6)]  # several wait for one row
        until(lambda: len(server_rows(log, "pending")) == 4)
        with log.running():
            assert len({one.result()[0] for one in asked[::2]}) == 1
            errors = [one.exception() for one in asked[1::2]]
    assert len({str(error) for error in errors}) == 1
    log.check()


def test_what_waits_has_a_limit_that_is_told_and_that_ends_with_the_wait(log: Log, intake: Intake) -> None:
    with closing(log.store()) as store:
        store.session.change(
            "INSERT INTO pending (node, ticket, entry)"
            " SELECT 1, n, decode(repeat('09', 33), 'hex') FROM generate_series(1, 100000) AS n"
        )
        with pytest.raises(Unavailable) as refused:
            intake.append([leaf(1)])
        assert refused.value.code == "postgres.too_many_waiting"
        assert "100000" in refused.value.message()
        store.session.change("DELETE FROM pending WHERE ticket > 10")
    with log.running():
        assert intake.append([leaf(1)])


def test_who_still_waits_when_a_node_closes_is_told(log: Log) -> None:
    intake = Intake(log.dsn, VKEY, schema=log.schema)
    asked = intake.submit([leaf(1)])
    intake.close()
    error = asked.exception(timeout=5)
    assert isinstance(error, Unavailable)
    assert error.code == "postgres.not_sequenced"


def test_a_clock_that_stands_before_the_last_head_leaf_ends_the_run(log: Log, intake: Intake) -> None:
    with log.running(publish_every=0, clock=lambda: later(60)):
        intake.append([leaf(1)])
        until(lambda: server_rows(log, "checkpoints"))
    with log.running(publish_every=0, clock=lambda: AT) as ended:
        intake.append([leaf(2)])
        until(lambda: ended)
    assert [error.code for error in ended] == ["registry.clock_back"]


def test_a_sequencer_stops_when_it_is_told(log: Log) -> None:
    stop = threading.Event()
    with log.sequencer() as sequencer:
        thread = threading.Thread(target=sequencer.run, args=(stop,))
        thread.start()
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


def test_a_dsn_is_not_repeated_when_it_is_wrong() -> None:
    with pytest.raises(InputError) as refused:
        open_postgres("password=secret what", schema="konsens")
    assert refused.value.code == "postgres.dsn"
    assert "secret" not in str(refused.value)
