"""The same under Patroni, which decides by itself: its leader is killed with SIGKILL under load, repeatedly.

    python benchmarks/failover/with_patroni.py --patroni PATH/TO/bin/patroni [--kills 2] [--json]

Patroni comes from the package `patroni[raft,psycopg3]`, best in an environment of its own; when run as root,
in one whose Python `nobody` may execute. It keeps its state in Raft among the three nodes, so that nothing
else is needed. Quorum mode, and strict: without that it would let the leader commit alone when the standbys
are gone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import psycopg  # noqa: E402 (found through the path above)
from append import SIGNER, figure, make_leaves  # noqa: E402
from failover.by_hand import Load, lost  # noqa: E402
from postgres import sequencing  # noqa: E402

from konsens.registry.postgres import Intake, create_postgres  # noqa: E402
from tests.registry.postgres.nodes import binaries  # noqa: E402
from tests.registry.postgres.running import Log  # noqa: E402

PATIENCE = 120.0
TTL, LOOP, RETRY = 20, 2, 4  # seconds; the shortest that Patroni allows for a leader to be missed


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Member:
    """Patroni and the PostgreSQL that it runs."""

    def __init__(self, name: str, program: Path) -> None:
        self.name, self.program = name, program
        self.folder = Path(tempfile.mkdtemp(prefix=f"patroni-{name}-"))
        self.port, self.rest, self.raft = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, partners: list[Member]) -> None:
        config = self.folder / "patroni.json"  # JSON is YAML
        config.write_text(json.dumps(self._config(partners)))
        as_nobody: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_nobody = {"user": "nobody", "extra_groups": []}
            for path in (self.folder, config):
                shutil.chown(path, "nobody")
        with (self.folder / "patroni.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, config],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **as_nobody,
            )

    def kill(self) -> None:
        """End Patroni and its PostgreSQL at once, as a loss of power would."""
        pids = self._pids()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def _pids(self) -> list[int]:
        """Return PostgreSQL's main process and its children."""
        try:
            main = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
            children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        except (OSError, ValueError):
            return []
        return [main, *map(int, children)]

    def _config(self, partners: list[Member]) -> dict[str, Any]:
        here = "127.0.0.1"
        hba = [
            "local all all trust",
            f"host all all {here}/32 trust",
            f"host replication all {here}/32 trust",
        ]
        return {
            "scope": "konsens",
            "name": self.name,
            "restapi": {"listen": f"{here}:{self.rest}", "connect_address": f"{here}:{self.rest}"},
            "raft": {
                "data_dir": str(self.folder / "raft"),
                "self_addr": f"{here}:{self.raft}",
                "partner_addrs": [f"{here}:{one.raft}" for one in partners if one is not self],
            },
            "bootstrap": {
                "dcs": {
                    "ttl": TTL,
                    "loop_wait": LOOP,
                    "retry_timeout": RETRY,
                    "synchronous_mode": "quorum",
                    "synchronous_mode_strict": True,
                    "synchronous_node_count": 1,
                    "postgresql": {"use_pg_rewind": False, "parameters": {"shared_buffers": "256MB"}},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}],
            },
            "postgresql": {
                "listen": f"{here}:{self.port}",
                "connect_address": f"{here}:{self.port}",
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(binaries()),
                "pgpass": str(self.folder / "pgpass"),
                "pg_hba": hba,
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "postgres"},
                },
                "parameters": {"unix_socket_directories": str(self.folder)},
            },
        }


class Cluster:
    """Three members, one of which leads."""

    def __init__(self, program: Path) -> None:
        self.members = [Member(name, program) for name in ("n1", "n2", "n3")]
        for one in self.members:
            one.start(self.members)

    def dsn(self) -> str:
        hosts, ports = (
            ",".join("127.0.0.1" for _ in self.members),
            ",".join(str(m.port) for m in self.members),
        )
        return f"host={hosts} port={ports} user=postgres dbname=postgres"

    def wait(self) -> None:
        """Wait until there is a leader with two standbys that may vote."""
        end = time.monotonic() + PATIENCE
        asked = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('quorum', 'sync')"
        while True:
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.dsn(), target_session_attrs="read-write", connect_timeout=2) as db,
            ):
                if db.execute(asked).fetchone() == (len(self.members) - 1,):
                    return
            if time.monotonic() > end:
                raise SystemExit((self.members[0].folder / "patroni.log").read_text()[-3000:])
            time.sleep(0.2)

    def kill_the_leader(self) -> tuple[float, Member]:
        with psycopg.connect(self.dsn(), target_session_attrs="read-write") as db:
            port = db.info.port
        leader = next(one for one in self.members if one.port == port)
        leader.kill()
        return time.perf_counter(), leader


def measure(cluster: Cluster, home: Path, *, kills: int, seconds: float) -> list[dict[str, Any]]:
    cluster.wait()
    dsn = cluster.dsn()
    create_postgres(dsn, schema="konsens", signer=SIGNER).close()
    with ProcessPoolExecutor(2) as pool:
        leaves = [leaf for some in pool.map(make_leaves, (100_000, 100_000)) for leaf in some]
    gaps, acknowledged, failed = [], [], 0
    with sequencing(dsn, home), Intake(dsn, SIGNER.vkey, schema="konsens", wait=PATIENCE) as intake:
        for number in range(kills):
            share = len(leaves) // kills
            load = Load(intake, leaves[number * share : (number + 1) * share])
            time.sleep(seconds)
            killed, member = cluster.kill_the_leader()
            known = len(load.acknowledged)
            while len(load.acknowledged) <= known + 40 * 50:  # those that were on their way, and then some
                time.sleep(0.02)
            time.sleep(seconds)
            load.end()
            gaps.append(min(when for when, _, _ in load.acknowledged if when > killed + 0.5) - killed)
            acknowledged += load.acknowledged
            failed += load.failed
            member.start(cluster.members)
            cluster.wait()
    Log(dsn, "konsens", home).check()
    return [
        figure("leaders killed", kills, ""),
        figure("acknowledged leaves", len(acknowledged), ""),
        figure("requests without an answer", failed, ""),
        figure("acknowledged leaves lost", lost(dsn, acknowledged), "", most=0),
        figure("from the kill to the next acknowledgement, median", statistics.median(gaps), "s"),
        figure("from the kill to the next acknowledgement, longest", max(gaps), "s"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--patroni", type=Path, default=shutil.which("patroni"))
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.patroni is None:
        parser.error("no patroni here; install patroni[raft,psycopg3] somewhere and name it with --patroni")
    cluster = Cluster(given.patroni)
    try:
        with tempfile.TemporaryDirectory() as home:
            figures = measure(cluster, Path(home), kills=given.kills, seconds=given.seconds)
    finally:
        for member in cluster.members:
            member.remove()
    if given.json:
        print(json.dumps({"benchmark": "registry on PostgreSQL under Patroni", "figures": figures}))
    else:
        for one in figures:
            print(f"{one['name']}: {one['value']:,.6g} {one['unit']}")
    return 0 if all(one["holds"] is not False for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
