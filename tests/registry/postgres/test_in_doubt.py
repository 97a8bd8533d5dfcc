"""Commits that return although no standby has them, or never return: nothing is signed or acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from threading import Timer

import psycopg
import pytest

from konsens.errors import Damaged, Unavailable
from konsens.registry import SignerHead
from konsens.registry.postgres import Intake, open_postgres, session
from tests.registry.logs import AT, ORIGIN, VKEY, later, leaf, leaves

from .nodes import Node
from .running import Log, until

NOBODY, SECOND = "ANY 1 (nobody)", "ANY 1 (second)"
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Node, Node]]:
    """Start a primary that waits for its one standby."""
    primary = Node.create("primary")
    standby = Node.standby("second", primary)
    primary.configure("synchronous_standby_names", SECOND)
    yield primary, standby
    standby.remove()
    primary.remove()


@pytest.fixture
def primary(cluster: tuple[Node, Node]) -> Iterator[Node]:
    """Lend the primary, and let it wait for its standby again when the test is over."""
    yield cluster[0]
    cluster[0].configure("synchronous_standby_names", SECOND)


@pytest.fixture
def log(primary: Node, schema: str, tmp_path: Path) -> Log:
    return Log.create(primary.dsn, schema, tmp_path)


@pytest.fixture
def intake(log: Log) -> Iterator[Intake]:
    with Intake(log.dsn, VKEY, schema=log.schema, wait=10) as one:
        yield one


def who_waits(node: Node) -> int:
    """Return the backend that waits for a quorum, once there is one."""
    until(lambda: node.do(WAITING))
    return int(node.do(WAITING)[0][0])


def answered(log: Log) -> int:
    """Return how far the operator's home remembers to have answered."""
    last = SignerHead(log.home / "signed.answered").load(ORIGIN)
    return last.size if last else 0


def certain(log: Log) -> tuple[int, int]:
    """Return how many entries can be read, and how many are said to be certain."""
    with open_postgres(log.dsn, schema=log.schema) as reader:
        return reader.size(), reader.confirmed()


def settle(log: Log, intake: Intake) -> None:
    """Bring a leaf in and wait for the first checkpoint: two entries, and no other until long after."""
    intake.append([leaf(0)])
    with closing(log.store()) as store:
        until(store.checkpoint)
        until(lambda: store.confirmed() == store.size() == 2)


@pytest.mark.parametrize("ended", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_commit_whose_waiting_is_cancelled_is_not_acknowledged_until_a_quorum_has_it(
    log: Log, intake: Intake, primary: Node, ended: str
) -> None:
    with log.running(single_node=False, publish_every=3600):
        settle(log, intake)
        primary.configure("synchronous_standby_names", NOBODY)
        asked = intake.submit(leaves(1, 4))
        for _ in range(3):  # it tries again, with a commit of its own, and is cancelled again
            pid = who_waits(primary)
            primary.do(f"SELECT {ended}({pid})")
            while primary.do(WAITING) == [(pid,)]:
                pass
            assert not asked.done()
            assert answered(log) == 2
        assert certain(log) == (5, 2)  # there for all to see, and not certain
        primary.configure("synchronous_standby_names", SECOND)
        assert sorted(asked.result()) == [2, 3, 4]
        assert certain(log) == (5, 5)
    assert sum(len(entry) == 129 for entry in log.check()) == 4


def test_the_warning_is_heard_as_an_unknown_outcome(log: Log, intake: Intake, primary: Node) -> None:
    """The trap itself: for the driver that commit was a success."""
    primary.configure("synchronous_standby_names", NOBODY)
    heard: list[str | None] = []
    with psycopg.connect(primary.dsn) as db:
        db.add_notice_handler(lambda notice: heard.append(notice.message_primary))
        db.execute(f"INSERT INTO {log.schema}.checkpoints VALUES (99, 'x')")
        Timer(0.2, db.cancel).start()
        db.commit()  # returns
    assert heard == ["canceling wait for synchronous replication due to user request"]
    assert certain(log) == (0, 0)


@pytest.mark.parametrize("hidden", ["by the DSN", "by the role"])
def test_who_hides_warnings_does_not_hide_a_commit_that_no_standby_has(
    log: Log, intake: Intake, primary: Node, hidden: str
) -> None:
    """The warning is all that PostgreSQL says of it."""
    if hidden == "by the DSN":
        log.dsn += " options='-c client_min_messages=error -c synchronous_commit=off'"
    else:
        primary.do("ALTER ROLE postgres SET client_min_messages = error")
    try:
        with log.running(single_node=False, publish_every=3600):
            settle(log, intake)
            primary.configure("synchronous_standby_names", NOBODY)
            asked = intake.submit([leaf(1)])
            pid = who_waits(primary)
            primary.do(f"SELECT pg_cancel_backend({pid})")
            with pytest.raises(TimeoutError):
                asked.result(timeout=0.5)
            assert (answered(log), certain(log)) == (2, (3, 2))
            primary.configure("synchronous_standby_names", SECOND)
            primary.do("SELECT pg_switch_wal()")  # the standby says at once how far it is
            assert asked.result() == [2]
    finally:
        primary.do("ALTER ROLE postgres RESET client_min_messages")


@pytest.mark.parametrize(
    ("act", "setting"),
    [
        ("SET client_min_messages = error", "client_min_messages"),
        ("SET synchronous_commit = local", "synchronous_commit"),
    ],
)
def test_a_connection_that_was_changed_commits_nothing_and_is_made_anew(
    log: Log, act: str, setting: str
) -> None:
    with closing(log.store()) as store:

        def write() -> None:
            with store.writing():
                store.add_entries([leaf(0).entry])

        store.session.change(act)
        with pytest.raises(Unavailable) as refused:
            write()
        assert refused.value.code == "postgres.session_changed"
        assert refused.value.facts["setting"] == setting
        assert store.size() == 0
        write()
        assert store.size() == 1


def test_a_quorum_that_does_not_answer_in_time_is_an_unknown_outcome(
    log: Log, primary: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(log.store()) as store:
        with store.writing():
            store.add_entries([leaf(0).entry])
        primary.configure("synchronous_standby_names", NOBODY)
        monkeypatch.setattr(session, "LONGEST_COMMIT", 0.2)

        def write() -> None:
            with store.writing():
                store.add_entries([leaf(1).entry])

        with pytest.raises(Unavailable) as refused:
            write()
        assert refused.value.code == "postgres.unknown_outcome"
        assert store.certain is not None
        assert (store.certain.size, store.size()) == (1, 2)


@pytest.mark.parametrize("commit", [1, 2], ids=["of the head leaf", "of the checkpoint"])
def test_no_checkpoint_is_signed_over_what_no_quorum_has(
    log: Log, intake: Intake, primary: Node, commit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with log.sequencer(single_node=False, clock=lambda: AT) as sequencer:
        asked = intake.submit(leaves(0, 3))
        until(sequencer.run_once)
        assert sorted(asked.result()) == [0, 1, 2]
        monkeypatch.setattr(session, "LONGEST_COMMIT", 0.2)
        steps = 0
        check = type(sequencer._store.session)._check_standbys

        def check_standbys(own: session.Session) -> None:
            nonlocal steps
            steps += 1
            if steps == 2 * commit - 1:  # asked before and after each commit
                primary.configure("synchronous_standby_names", NOBODY)
            check(own)

        monkeypatch.setattr(session.Session, "_check_standbys", check_standbys)
        with pytest.raises(Unavailable) as refused:
            sequencer.publish()
        assert refused.value.code == "postgres.unknown_outcome"
        monkeypatch.undo()
        signed = log.remembered.load(ORIGIN)
        assert signed is not None
        assert signed.size == (0 if commit == 1 else 4)
        assert certain(log) == (4, 3)
        primary.configure("synchronous_standby_names", SECOND)
        newest = sequencer.publish()
        assert newest.checkpoint.size == 4
        assert sequencer.run_once() == 0
    assert certain(log) == (4, 4)
    log.check()


def test_a_cluster_without_standbys_is_not_started(log: Log, primary: Node) -> None:
    primary.configure("synchronous_standby_names", "")
    with pytest.raises(Unavailable) as refused:
        log.sequencer(single_node=False)
    assert refused.value.code == "postgres.no_standbys"
    log.sequencer(single_node=True).close()


def test_standbys_that_are_struck_off_stop_the_acknowledging_and_not_the_process(
    log: Log, intake: Intake, primary: Node
) -> None:
    with log.running(single_node=False, publish_every=3600) as ended:
        settle(log, intake)
        primary.configure("synchronous_standby_names", "")
        asked = intake.submit([leaf(1)])
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.5)
        assert answered(log) == 2
        primary.configure("synchronous_standby_names", SECOND)
        assert asked.result()
        assert not ended


def test_standbys_that_are_struck_off_while_a_commit_waits_for_them_do_not_let_it_count(
    log: Log, intake: Intake, primary: Node
) -> None:
    """PostgreSQL then ends the waiting, without a warning."""
    with log.running(single_node=False, publish_every=3600):
        settle(log, intake)
        primary.configure("synchronous_standby_names", NOBODY)
        asked = intake.submit([leaf(1)])
        who_waits(primary)
        primary.configure("synchronous_standby_names", "")
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.5)
        assert answered(log) == 2
        primary.configure("synchronous_standby_names", SECOND)
        assert len(asked.result()) == 1


def test_a_standby_serves_those_who_only_read(
    cluster: tuple[Node, Node], log: Log, intake: Intake, primary: Node
) -> None:
    with log.running(single_node=False, publish_every=3600):
        settle(log, intake)
    with pytest.raises(Unavailable):  # unless it is asked for, one that takes writes is wanted
        open_postgres(cluster[1].dsn, schema=log.schema)
    until(lambda: cluster[1].do(f"SELECT size FROM {log.schema}.checkpoints"))
    with open_postgres(f"{cluster[1].dsn} target_session_attrs=any", schema=log.schema) as reader:
        assert reader.prove_inclusion(0)
        with pytest.raises(Unavailable) as refused:
            reader.append([leaf(1)])
        assert refused.value.code == "registry.cannot_write"


def test_a_server_that_does_not_wait_for_its_disk_is_refused(tmp_path: Path) -> None:
    node = Node.create("careless", {"fsync": "off"})
    try:
        log = Log.create(node.dsn, "konsens", tmp_path)
        with pytest.raises(Unavailable) as refused:
            log.sequencer()
        assert refused.value.code == "postgres.not_durable"
        assert refused.value.facts == {"setting": "fsync"}
    finally:
        node.remove()


def test_a_standby_takes_over_and_a_poorer_one_is_refused(tmp_path: Path) -> None:
    """The primary is gone for good. One standby has all that was acknowledged; one was cut off before."""
    primary = Node.create("first")
    nodes = [primary, Node.standby("good", primary), Node.standby("poor", primary)]
    good, poor = nodes[1:]
    try:
        primary.configure("synchronous_standby_names", "ANY 1 (good, poor)")
        log = Log.create(primary.dsn, "konsens", tmp_path)
        log.dsn = f"host={','.join(str(node.folder) for node in nodes)} user=postgres dbname=postgres"
        with Intake(log.dsn, VKEY, schema="konsens") as intake:
            with log.running(single_node=False, clock=lambda: AT):
                intake.append(leaves(0, 5))
                primary.configure("synchronous_standby_names", "ANY 1 (good)")
                until(lambda: poor.do("SELECT count(*) FROM konsens.broken") == [(5,)])
                poor.stop()
                places = intake.append(leaves(5, 9))
                waits: Future[list[int]]
                primary.kill()
                waits = intake.submit(leaves(9, 12))
                poor.start()
                poor.promote()  # wrongly
                poor.configure("synchronous_standby_names", "ANY 1 (*)")
                with pytest.raises(TimeoutError):
                    waits.result(timeout=0.7)
            with pytest.raises(Damaged) as refused:
                log.sequencer(single_node=False, clock=lambda: later(1))
            assert refused.value.code == "registry.rolled_back"
            poor.stop()
            good.promote()
            good.configure("synchronous_standby_names", "")
            with log.running(single_node=True, clock=lambda: later(1)):
                assert len(waits.result()) == 3
                assert intake.append(leaves(5, 9)) == places
        assert sum(len(entry) == 129 for entry in log.check()) == 12
    finally:
        for node in nodes:
            node.remove()
