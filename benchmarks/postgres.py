"""How fast a log in PostgreSQL takes leaves, on one node, beside what the machine can do in the same run.

Two limits: libsodium's signature checks on two threads, and PostgreSQL's COPY of the same bytes into two bare
tables. An append cannot be faster than one after the other.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from append import ORIGIN, SIGNER, figure, make_leaves, raw_checks, seconds

from konsens.errors import Locked, Unavailable
from konsens.registry import SealLeaf, SealLog, SignerHead
from konsens.registry.postgres import Intake, PostgresStore, Sequencer, create_postgres
from konsens.registry.postgres.copying import render_pairs
from tests.registry.postgres.nodes import Node

STEPS = {1: 200, 100: 60, 1000: 20}
THROUGH, LOAD_SECONDS, REQUEST = 40_000, 8.0, 20


def raw_copy(node: Node, leaves: Sequence[SealLeaf], batch: int) -> float:
    """Return how many leaves a second COPY alone takes, in durable steps of `batch`."""
    entries, rows = (
        "CREATE TABLE IF NOT EXISTS raw_entries (idx bigint PRIMARY KEY, entry bytea NOT NULL)",
        ("CREATE TABLE IF NOT EXISTS raw_broken (idx bigint NOT NULL, seal bytea PRIMARY KEY)"),
    )
    with psycopg.connect(node.dsn) as db:
        db.execute(f"DROP TABLE IF EXISTS raw_entries, raw_broken; {entries}; {rows}")
        db.commit()
        ready = []
        for start in range(0, len(leaves), batch):
            some = list(enumerate(leaves[start : start + batch], start))
            ready.append(
                (
                    render_pairs((index, leaf.entry) for index, leaf in some),
                    render_pairs(
                        (index, leaf.seal) for index, leaf in sorted(some, key=lambda one: one[1].seal)
                    ),
                )
            )

        def insert() -> None:
            for one, other in ready:
                with db.cursor() as cursor:
                    with cursor.copy("COPY raw_entries FROM STDIN (FORMAT binary)") as copy:
                        copy.write(one)
                    with cursor.copy("COPY raw_broken FROM STDIN (FORMAT binary)") as copy:
                        copy.write(other)
                db.commit()

        return len(leaves) / seconds(insert)


def appends(node: Node, leaves: Sequence[SealLeaf], batch: int) -> float:
    """Return how many leaves a second one writer appends, in durable steps of `batch`, each leaf checked."""
    store = PostgresStore(node.dsn, schema="konsens")
    log = SealLog(store, SIGNER.vkey)

    def append() -> None:
        for start in range(0, len(leaves), batch):
            log.append(leaves[start : start + batch])

    log.append([])
    rate = len(leaves) / seconds(append)
    log.close()
    return rate


def sequence(dsn: str, home: Path, stop: Any, *, single_node: bool = False) -> None:
    """Be the sequencer, in a process of its own."""
    remembered = SignerHead(home / "signed")
    while not stop.is_set():
        with (
            suppress(Unavailable, Locked),  # no quorum yet, or the one before is not quite gone
            Sequencer(
                dsn, SIGNER, schema="konsens", remembered=remembered, single_node=single_node
            ) as sequencer,
        ):
            sequencer.run(stop)
        stop.wait(0.1)


@contextmanager
def sequencing(dsn: str, home: Path, *, single_node: bool = False) -> Iterator[None]:
    """Let a process of its own sequence."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=sequence, args=(dsn, home, stop), kwargs={"single_node": single_node})
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def through(intake: Intake, leaves: Sequence[SealLeaf], batch: int) -> float:
    """Return how many leaves a second go from a node into the log and back as indices."""
    intake.append(leaves[:1])  # the sequencer is there

    def send() -> None:
        asked = [intake.submit(leaves[start : start + batch]) for start in range(0, len(leaves), batch)]
        for one in asked:
            one.result()

    return len(leaves) / seconds(send)


def answer_times(intake: Intake, leaves: Sequence[SealLeaf], *, per_second: float) -> list[float]:
    """Return the seconds until each request of some leaves was acknowledged, at a steady load."""
    times: list[float] = []

    def note(started: float, _: Future[list[int]]) -> None:
        times.append(perf_counter() - started)

    start, asked = perf_counter(), []
    for number in range(0, len(leaves), REQUEST):
        due = start + number / per_second
        if (wait := due - perf_counter()) > 0:
            sleep(wait)
        done = intake.submit(leaves[number : number + REQUEST])
        done.add_done_callback(lambda one, due=due: note(due, one))  # type: ignore[misc]  # a default binds now
        asked.append(done)
    for one in asked:
        one.result()
    return times


def measure(node: Node, home: Path) -> list[dict[str, Any]]:
    create_postgres(node.dsn, schema="konsens", signer=SIGNER).close()
    count = sum(batch * steps for batch, steps in STEPS.items()) + THROUGH + 200_000
    with ProcessPoolExecutor(2) as pool:
        leaves = [leaf for some in pool.map(make_leaves, (count // 2, count // 2)) for leaf in some]
    checks = raw_checks(leaves[:20_000])
    figures = [figure("Ed25519 checks alone, two threads", checks, "/s")]
    for batch, steps in STEPS.items():
        some, leaves = leaves[: batch * steps], leaves[batch * steps :]
        copies = raw_copy(node, some, batch)
        limit = 1 / (1 / checks + 1 / copies)
        rate = appends(node, some, batch)
        figures.append(figure(f"COPY alone, steps of {batch}", copies, "/s"))
        figures.append(
            figure(f"durable appends, steps of {batch}, signatures checked", rate, "/s", limit=limit)
        )
    some, leaves = leaves[:THROUGH], leaves[THROUGH:]
    with (
        sequencing(node.dsn, home, single_node=True),
        Intake(node.dsn, SIGNER.vkey, schema="konsens") as intake,
    ):
        rate = through(intake, some, 100)
        figures.append(
            figure("from a node into the log and back, checked twice, map kept", rate, "/s", limit=limit)
        )
        half = min(rate / 2, len(leaves) / LOAD_SECONDS)
        times = answer_times(intake, leaves[: int(half * LOAD_SECONDS)], per_second=half)
    figures.append(figure("the load for the next two", half, "/s"))
    figures.append(figure("acknowledgement, median", statistics.median(times) * 1e3, "ms"))
    p99 = statistics.quantiles(times, n=100)[98] * 1e3
    figures.append(figure("acknowledgement, p99", p99, "ms", most=250))
    return figures


def main() -> None:
    node = Node.create("benchmark", {"shared_buffers": "512MB"})
    try:
        with tempfile.TemporaryDirectory() as home:
            figures = measure(node, Path(home))
    finally:
        node.remove()
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": f"registry on PostgreSQL, one node ({ORIGIN})", "figures": figures}))
        return
    for one in figures:
        beside = ", ".join(f"{name} {one[name]:,.3g}" for name in ("limit", "aim") if one[name] is not None)
        print(f"{one['name']}: {one['value']:,.3g} {one['unit']}{f' ({beside})' if beside else ''}")


if __name__ == "__main__":
    main()
