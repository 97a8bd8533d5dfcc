"""Statements fail, the sequencer and the server are killed: nothing that was acknowledged is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg
import pytest

from konsens.errors import Locked, Unavailable
from konsens.registry.postgres import Intake
from tests.registry.logs import VKEY, leaf, leaves, public

from .nodes import Node
from .running import Log, sequence_for_ever, until

OLD = 250  # six more entries behind it fill a tile


class Stop:
    """Lets the n-th statement to PostgreSQL fail, before or after it, and the connection with it."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.number, self.after, self.count = number, after, 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        execute, copy = psycopg.Cursor.execute, psycopg.Cursor.copy
        stop = self

        def failing(own: psycopg.Cursor[Any], act: Callable[[], Any]) -> Any:
            stop.count += 1
            if stop.count != stop.number:
                return act()
            if stop.after:
                act()
            own.connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        def failing_execute(own: psycopg.Cursor[Any], *given: Any, **named: Any) -> Any:
            return failing(own, lambda: execute(own, *given, **named))

        @contextmanager
        def failing_copy(own: psycopg.Cursor[Any], *given: Any) -> Iterator[Any]:
            with failing(own, lambda: copy(own, *given)) as rows:
                yield rows

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(psycopg.Cursor, "execute", failing_execute)
            patch.setattr(psycopg.Cursor, "copy", failing_copy)
            yield


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)], ids="every {}.".format)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whichever_statement_fails_the_sequencer_finds_out_how_far_it_came(
    server: Node, schema: str, tmp_path: Path, after: bool, every: int
) -> None:
    """One log goes through all of it: each round something new, one failure, and the way back."""
    log = Log.create(server.dsn, schema, tmp_path)
    number, finished = -2 * after, False  # other statements after than before
    with Intake(log.dsn, VKEY, schema=schema, wait=20) as intake, log.sequencer(publish_every=0) as sequencer:
        intake_done = intake.submit([public(n) for n in range(OLD)])
        until(sequencer.run_once)
        acknowledged = dict(zip(range(-OLD, 0), intake_done.result(), strict=True))
        while not finished:
            number += every
            asked = intake.submit([leaf(number), public(1000 + number)])
            with psycopg.connect(server.dsn) as db:
                until(lambda db=db: db.execute(f"SELECT FROM {schema}.pending").fetchone() is not None)  # type: ignore[misc]  # a default binds now
            stop = Stop(number, after=after)
            with stop.installed():
                finished = step(sequencer.run_once) and step(sequencer.publish)
            finished &= stop.count < number
            until(lambda: step(sequencer.run_once) and step(sequencer.publish))
            acknowledged[number], acknowledged[1000 + number] = asked.result()
    assert number > 20
    entries = log.check()
    assert all(entries[place] == leaf(n).entry for n, place in acknowledged.items() if 0 < n < 1000)
    assert all(entries[place] == public(n).entry for n, place in acknowledged.items() if n >= 1000)
    assert len(entries) <= len(acknowledged) + 3 * number  # at most a few head leaves each round


def step(act: Callable[[], object]) -> bool:
    with suppress(Unavailable, Locked):
        act()
        return True
    return False


@contextmanager
def sequencing(log: Log) -> Iterator[None]:
    """Let a process of its own sequence and publish, and kill it at the end."""
    process = get_context("spawn").Process(target=sequence_for_ever, args=(log,))
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()
        process.close()


class Client:
    """Hands over leaves without end, and keeps the index of each that was acknowledged."""

    def __init__(self, log: Log) -> None:
        self.places: dict[int, int] = {}
        self.errors: list[BaseException] = []
        self._log = log
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with Intake(self._log.dsn, VKEY, schema=self._log.schema, wait=60) as intake:
                for start in range(0, 1_000_000, 5):
                    places = intake.append(leaves(start, start + 5))
                    self.places |= dict(zip(range(start, start + 5), places, strict=True))
                    if self._stop.is_set():
                        return
        except BaseException as error:  # for the test to see
            self.errors.append(error)

    def check(self) -> None:
        """Every acknowledged leaf lies where it was said to, and the log is whole."""
        assert not self.errors
        entries = self._log.check()
        assert all(entries[place] == leaf(number).entry for number, place in self.places.items())


def kill_the_sequencer(log: Log, times: int) -> None:
    chance, client = random.Random(times), Client(log)
    try:
        for _ in range(times):
            with sequencing(log):
                known = len(client.places)
                until(lambda: len(client.places) > known or client.errors)  # noqa: B023 (called at once)
                time.sleep(chance.random() * 0.05)
        with sequencing(log):
            client.end()
    finally:
        client._stop.set()
    client.check()
    assert len(client.places) >= 5 * times


def kill_the_server(node: Node, log: Log, times: int) -> None:
    chance = random.Random(times)
    with sequencing(log):
        client = Client(log)
        try:
            for _ in range(times):
                known = len(client.places)
                until(lambda: len(client.places) > known or client.errors)  # noqa: B023 (called at once)
                time.sleep(chance.random() * 0.05)
                node.kill()
                node.start()
            client.end()
        finally:
            client._stop.set()
    client.check()
    assert len(client.places) >= 5 * times


def test_a_sequencer_killed_again_and_again_loses_nothing(server: Node, schema: str, tmp_path: Path) -> None:
    kill_the_sequencer(Log.create(server.dsn, schema, tmp_path), 3)


def test_a_server_killed_again_and_again_loses_nothing(node: Node, schema: str, tmp_path: Path) -> None:
    kill_the_server(node, Log.create(node.dsn, schema, tmp_path), 2)


@pytest.mark.long
def test_a_sequencer_killed_a_hundred_times_loses_nothing(server: Node, schema: str, tmp_path: Path) -> None:
    kill_the_sequencer(Log.create(server.dsn, schema, tmp_path), 100)


@pytest.mark.long
def test_a_server_killed_a_hundred_times_loses_nothing(node: Node, schema: str, tmp_path: Path) -> None:
    kill_the_server(node, Log.create(node.dsn, schema, tmp_path), 100)
