"""How long it takes to say for a whole list who may be contacted, and why not the others.

The limit is to read the list, the same rows of the book and the broken seals, and to write the list again.

Run: python benchmarks/filter.py [--json] [--rows 100000]
"""

from __future__ import annotations

import argparse
import csv
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter, process_time

from _consent_world import Shop, figure, report

from konsens.consent import filter_list


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.publish()
        people = shop.fill(options.rows * 9 // 10)
        strangers = [f"X-{n}" for n in range(options.rows - len(people))]
        source = Path(folder) / "list.csv"
        with source.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["number", "name"])
            writer.writerows([f"C-{n}", "Anna"] for n in range(len(people)))
            writer.writerows([stranger, "Nobody"] for stranger in strangers)
        begin, spent = perf_counter(), process_time()
        done = filter_list(
            shop.company.ledger,
            source,
            purpose="newsletter",
            channel="email",
            column="number",
            out=Path(folder) / "yes.csv",
            refused=Path(folder) / "no.csv",
            now=shop.now,
        )
        took, spent = perf_counter() - begin, process_time() - spent
        if done.allowed != len(people) or done.refused != {"consent.none": len(strangers)}:
            raise SystemExit("the list is not what it should be")
        begin, spared = perf_counter(), process_time()
        with source.open(newline="", encoding="utf-8") as file, (Path(folder) / "copy.csv").open("w") as copy:
            csv.writer(copy).writerows(csv.reader(file))
        for table in ("standing", "relation", "person"):
            shop.company.ledger.db.execute(f"SELECT * FROM {table}").fetchall()
        with closing(sqlite3.connect(shop.registry.folder / "log.sqlite")) as log:
            log.execute("SELECT seal, idx FROM broken").fetchall()
        limit, spared = perf_counter() - begin, process_time() - spared
        name = f"filter of {options.rows:,} rows"
        figures = [
            figure(name, took, "s", limit=limit, aim=1.5),
            figure(f"{name}, CPU time", spent, "s", limit=spared),
        ]
        report("filter", figures, as_json=options.json)


if __name__ == "__main__":
    main()
