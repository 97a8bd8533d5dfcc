"""How long a decision takes: one consent among 100,000, with both look-ups in the log.

The slowest of a hundred are those during which a busy machine ran something else; CPU time leaves that out.

Run: python benchmarks/decide.py [--json] [--consents 100000]
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns, process_time_ns

from _consent_world import Shop, figure, report

from konsens.consent import Company
from konsens.encoding import sha256


def samples(
    call: Callable[[str], None], arguments: list[str], *, clock: Callable[[], int] = perf_counter_ns
) -> list[float]:
    """Return microseconds, one for each argument."""
    times = []
    for argument in arguments:
        start = clock()
        call(argument)
        times.append((clock() - start) / 1000)
    return times


def p99(times: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(times, n=100)[98]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--consents", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.publish()
        people = shop.fill(options.consents)
        company: Company = shop.company
        asked = random.Random(1).sample(people, min(20_000, len(people)))

        def ask(who: str) -> None:
            if not company.decide(who, "newsletter", "email", now=shop.now):
                raise SystemExit("a decision that should be yes was no")

        path = Path(folder) / "floor.sqlite"
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID")
        db.executemany("INSERT INTO t VALUES (?, ?)", ((who, bytes(300)) for who in people))
        db.commit()
        seals = {who: sha256(who.encode()) for who in asked}

        def floor(who: str) -> None:
            db.execute("SELECT v FROM t WHERE k = ?", (who,)).fetchone()
            shop.registry.find(seals[who])
            shop.registry.find(seals[who])

        samples(ask, asked[:500])
        name = f"decide at {len(people):,} consents"
        figures = []
        for what, clock, aim in (("", perf_counter_ns, 50), (", CPU time", process_time_ns, None)):
            bare, whole = samples(floor, asked, clock=clock), samples(ask, asked, clock=clock)
            middle, usual = statistics.median(whole), statistics.median(bare)
            figures.append(figure(f"{name}, median{what}", middle, "µs", limit=usual, aim=aim))
            figures.append(figure(f"{name}, p99{what}", p99(whole), "µs", limit=p99(bare)))
        report("decide", figures, as_json=options.json)


if __name__ == "__main__":
    main()
