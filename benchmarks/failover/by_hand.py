"""Three PostgreSQL nodes with a quorum, a load of leaves, and the primary killed with SIGKILL, repeatedly.

    python benchmarks/failover/by_hand.py [--kills 2] [--seconds 5] [--json]

Each time the standby with the most WAL is promoted; a fresh standby joins, so that a quorum stays possible.
The sequencer and the node that takes leaves in find the new primary by themselves. In the end every
acknowledged leaf is looked up under the index that it was acknowledged with, and the whole log is gone over.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from append import SIGNER, figure, make_leaves, raw_checks  # noqa: E402 (found through the path above)
from postgres import appends, raw_copy, sequencing, through  # noqa: E402

from konsens.registry import SealLeaf  # noqa: E402
from konsens.registry.postgres import Intake, PostgresStore, create_postgres  # noqa: E402
from tests.registry.postgres.nodes import Node  # noqa: E402
from tests.registry.postgres.running import Log  # noqa: E402

SETTINGS = {"shared_buffers": "256MB", "wal_receiver_status_interval": "1s"}
REQUEST, WINDOW = 50, 40  # leaves of a request, and how many requests wait at once
BATCH, STEPS, THROUGH = 1000, 10, 20_000


class Cluster:
    """A primary and its standbys, of which at least one has every step that counts."""

    def __init__(self) -> None:
        self.primary = Node.create("n1", SETTINGS)
        self.standbys = [Node.standby(name, self.primary) for name in ("n2", "n3")]
        self.all = [self.primary, *self.standbys]
        self._quorum()

    def dsn(self) -> str:
        hosts = ",".join(str(node.folder) for node in (self.primary, *self.standbys))
        return f"host={hosts} user=postgres dbname=postgres"

    def fail_over(self) -> float:
        """Kill the primary, promote the standby with the most WAL, and return the moment of the kill."""
        self.primary.kill()
        killed = time.perf_counter()
        asked = "SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')"
        self.standbys.sort(key=lambda node: int(node.do(asked)[0][0]), reverse=True)
        self.primary = self.standbys.pop(0)
        self.primary.configure("synchronous_standby_names", self._names())  # before it takes a single write
        self.primary.promote()
        for node in self.standbys:
            node.follow(self.primary)
        return killed

    def replenish(self, name: str) -> None:
        """Let a fresh standby join in place of the node that was lost."""
        self.standbys.append(Node.standby(name, self.primary))
        self.all.append(self.standbys[-1])
        self._quorum()

    def remove(self) -> None:
        for node in self.all:
            node.remove()

    def _names(self) -> str:
        return f"ANY 1 ({', '.join(node.name for node in self.standbys)})"

    def _quorum(self) -> None:
        self.primary.configure("synchronous_standby_names", self._names())


class Load:
    """Keeps some requests waiting all the time, and writes down what was acknowledged, and when."""

    def __init__(self, intake: Intake, leaves: list[SealLeaf]) -> None:
        self.acknowledged: list[tuple[float, bytes, int]] = []
        self.failed = 0
        self._intake, self._leaves = intake, leaves
        self._free = threading.Semaphore(WINDOW)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Wait for all that was asked."""
        self._stop.set()
        self._thread.join()
        for _ in range(WINDOW):
            self._free.acquire()

    def _run(self) -> None:
        for start in range(0, len(self._leaves), REQUEST):
            self._free.acquire()
            if self._stop.is_set():
                self._free.release()
                return
            some = self._leaves[start : start + REQUEST]
            self._intake.submit(some).add_done_callback(lambda done, some=some: self._note(some, done))  # type: ignore[misc]  # a default binds now

    def _note(self, leaves: list[SealLeaf], done: Future[list[int]]) -> None:
        now = time.perf_counter()
        if done.exception() is None:
            self.acknowledged += [
                (now, leaf.entry, index) for leaf, index in zip(leaves, done.result(), strict=True)
            ]
        else:
            self.failed += 1
        self._free.release()


def new_intake(cluster: Cluster) -> Intake:
    return Intake(cluster.dsn(), SIGNER.vkey, schema="konsens", wait=60)


def lost(dsn: str, acknowledged: list[tuple[float, bytes, int]]) -> int:
    """Return how many acknowledged leaves are not where they were said to be."""
    with closing(PostgresStore(dsn, schema="konsens")) as store:
        entries = store.entries(0, store.size())
    return sum(index >= len(entries) or entries[index] != entry for _, entry, index in acknowledged)


def measure(cluster: Cluster, home: Path, *, kills: int, seconds: float) -> list[dict[str, Any]]:
    create_postgres(cluster.dsn(), schema="konsens", signer=SIGNER).close()
    count = BATCH * STEPS + THROUGH + int((kills + 1) * seconds * 20_000)
    with ProcessPoolExecutor(2) as pool:
        leaves = [leaf for some in pool.map(make_leaves, (count // 2, count // 2)) for leaf in some]
    some, rest = leaves[: BATCH * STEPS], leaves[BATCH * STEPS :]
    checks, copies = raw_checks(some), raw_copy(cluster.primary, some, BATCH)
    limit = 1 / (1 / checks + 1 / copies)
    rate = appends(cluster.primary, some, BATCH)
    figures = [
        figure("Ed25519 checks alone, two threads", checks, "/s"),
        figure(f"COPY alone, quorum, steps of {BATCH}", copies, "/s"),
        figure(
            f"durable appends, quorum, steps of {BATCH}, signatures checked",
            rate,
            "/s",
            limit=limit,
            aim=10_000,
        ),
    ]
    first: list[tuple[float, bytes, int]] = []
    gaps: list[float] = []
    failed = 0
    with sequencing(cluster.dsn(), home), new_intake(cluster) as intake:
        rate = through(intake, rest[:THROUGH], 100)
        figures.append(figure("from a node into the log and back, quorum", rate, "/s", limit=limit))
    for number in range(kills):
        # One pair that lives through all kills would do; new ones start from what is there.
        with sequencing(cluster.dsn(), home), new_intake(cluster) as intake:
            start = THROUGH + int(number * seconds * 20_000)
            load = Load(intake, rest[start : start + int(seconds * 20_000)])
            time.sleep(seconds / 2)
            killed = cluster.fail_over()
            time.sleep(seconds / 2)
            load.end()
        gaps.append(min(when for when, _, _ in load.acknowledged if when > killed + 0.05) - killed)
        first += load.acknowledged
        failed += load.failed
        if number + 1 < kills:
            cluster.replenish(f"n{4 + number}")
    figures += [
        figure("primaries killed", kills, ""),
        figure("acknowledged leaves", len(first), ""),
        figure("requests without an answer", failed, ""),
        figure("acknowledged leaves lost", lost(cluster.primary.dsn, first), "", most=0),
        figure("from the kill to the next acknowledgement, median", statistics.median(gaps), "s"),
        figure("from the kill to the next acknowledgement, longest", max(gaps), "s"),
    ]
    Log(cluster.primary.dsn, "konsens", home).check()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    cluster = Cluster()
    try:
        with tempfile.TemporaryDirectory() as home:
            figures = measure(cluster, Path(home), kills=given.kills, seconds=given.seconds)
    finally:
        cluster.remove()
    if given.json:
        print(json.dumps({"benchmark": "registry on three PostgreSQL nodes", "figures": figures}))
    else:
        for one in figures:
            beside = ", ".join(
                f"{name} {one[name]:,.3g}" for name in ("limit", "aim") if one[name] is not None
            )
            print(f"{one['name']}: {one['value']:,.6g} {one['unit']}{f' ({beside})' if beside else ''}")
    return 0 if all(one["holds"] is not False for one in figures if "lost" in one["name"]) else 1


if __name__ == "__main__":
    sys.exit(main())
