"""How many leaves a served log takes over HTTP on loopback, beside what the machine can do in the same run.

The log runs as in `registry serve`, in a process of its own: rules, signatures, SQLite, checkpoints, static
files, a signed acknowledgement for each leaf. Those who append run on the same two cores. The limit is
libsodium's signature checks on two threads.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from append import ORIGIN, SIGNER, figure, make_leaves, raw_checks

from konsens.registry import Registry, SignerHead, check_seal_leaf
from konsens.registry.serve import AppendPolicy, Open
from konsens.registry.serve.run import listen, serving
from konsens.registry.serve.server import served_log
from konsens.registry.serve.wire import render_append

REQUESTS = {1: 1500, 50: 400, 1000: 60}  # leaves of a request, and how many requests
CLIENTS = {1: 32, 50: 8, 1000: 8}
LOAD_SECONDS = 8.0
RULES = AppendPolicy(v=1, open=Open(per_minute=1_000_000, all_per_minute=1_000_000))


def run_log(home: Path, end: Connection) -> None:
    """Serve a log below `home` until `end` says something."""
    Registry.create(home / "log", origin=SIGNER.name, signer=SIGNER).close()
    with (
        served_log(
            home / "log",
            signer=SIGNER,
            remembered=SignerHead(home / "signed"),
            static=home / "static",
            rules=RULES,
            pause=0,
        ) as app,
        serving(app, listen("127.0.0.1", 0)) as url,
    ):
        end.send(url)
        end.recv()
        before = time.process_time()
        end.send(None)
        end.recv()
        spent = time.process_time() - before
    children = resource.getrusage(resource.RUSAGE_CHILDREN)  # those that check signatures ahead
    end.send(spent + children.ru_utime + children.ru_stime)


class Log:
    """A served log in a process of its own."""

    def __init__(self, end: Connection) -> None:
        self.end, self.address = end, end.recv().removeprefix("http://")

    def begin(self) -> None:
        """Begin to count the time of its processors."""
        self.end.send(None)
        self.end.recv()

    def close(self) -> float:
        """End it, and return the seconds that its processors have worked since `begin`."""
        self.end.send(None)
        return float(self.end.recv())


@contextmanager
def log_of_its_own() -> Iterator[Log]:
    """Yield a served log that is still to be closed."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with tempfile.TemporaryDirectory() as home:
        process = context.Process(target=run_log, args=(Path(home), there))
        process.start()
        there.close()  # so that this end notices if it fails
        yield Log(here)
        process.join()


class Client:
    """One who appends, on a connection that stays open."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address)

    def append(self, body: bytes) -> None:
        self.connection.request("POST", "/append", body)
        answer = self.connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said


def through(address: str, bodies: Sequence[bytes], clients: int) -> float:
    """Return how many requests a second are answered when so many clients ask without a pause."""

    def run(own: Sequence[bytes]) -> None:
        client = Client(address)
        with closing(client.connection):
            for body in own:
                client.append(body)

    with ThreadPoolExecutor(clients) as pool:
        start = perf_counter()
        list(pool.map(run, [bodies[number::clients] for number in range(clients)]))
        return len(bodies) / (perf_counter() - start)


def answer_times(address: str, bodies: Sequence[bytes], *, per_second: float, clients: int) -> list[float]:
    """Return the seconds from when each request was due until it was acknowledged, at a steady load."""
    start = perf_counter() + 0.05

    def run(first: int) -> list[float]:
        times, client = [], Client(address)
        with closing(client.connection):
            for number in range(first, len(bodies), clients):
                due = start + number / per_second
                if (wait := due - perf_counter()) > 0:
                    sleep(wait)
                client.append(bodies[number])
                times.append(perf_counter() - due)
        return times

    with ThreadPoolExecutor(clients) as pool:
        return [one for times in pool.map(run, range(clients)) for one in times]


def measure() -> list[dict[str, Any]]:
    figures = []
    for size, count in REQUESTS.items():
        with ProcessPoolExecutor(2) as pool:
            half = size * count
            leaves = [leaf for some in pool.map(make_leaves, (half, half)) for leaf in some]
        bodies = [render_append(leaves[at : at + size]) for at in range(0, len(leaves), size)]
        checks = raw_checks(leaves[:20_000])
        name = f"{size} leaf" if size == 1 else f"{size} leaves"
        with log_of_its_own() as log:
            address = log.address
            through(address, bodies[:1], 1)
            log.begin()
            rate = through(address, bodies[1:count], CLIENTS[size])
            half_load = rate / 2
            some = bodies[count : count + max(8, min(count, int(half_load * LOAD_SECONDS)))]
            times = answer_times(address, some, per_second=half_load, clients=CLIENTS[size])
            work = log.close() / (size * (count - 1 + len(some)))
        start = time.process_time()
        for leaf in leaves[:5000]:
            check_seal_leaf(leaf, origin=ORIGIN)
        one_check = (time.process_time() - start) / 5000
        figures += [
            figure(f"the log's work for a leaf, requests of {name}", work * 1e6, "µs", limit=one_check * 1e6),
            figure(f"appends, requests of {name}", rate * size, "/s", limit=checks),
            figure("of that, the share of the checks alone", rate * size / checks, "ratio"),
            figure("acknowledgement at half that load, median", statistics.median(times) * 1e3, "ms"),
            figure(
                "acknowledgement at half that load, p99",
                statistics.quantiles(times, n=100)[98] * 1e3,
                "ms",
                most=250,
            ),
        ]
    return figures


def main() -> None:
    figures = measure()
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": "a served log over HTTP", "figures": figures}, ensure_ascii=False))
        return
    for one in figures:
        beside = ", ".join(f"{name} {one[name]:,.3g}" for name in ("limit", "aim") if one[name] is not None)
        print(f"{one['name']}: {one['value']:,.3g} {one['unit']}{f' ({beside})' if beside else ''}")


if __name__ == "__main__":
    main()
