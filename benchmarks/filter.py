"""How long it takes to say for a whole list who may be contacted, and why not the others.

Run: python benchmarks/filter.py [--json] [--rows 100000]
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path
from time import perf_counter

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
        begin = perf_counter()
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
        took = perf_counter() - begin
        if done.allowed != len(people) or done.refused != {"consent.none": len(strangers)}:
            raise SystemExit("the list is not what it should be")
        begin = perf_counter()
        with source.open(newline="", encoding="utf-8") as file, (Path(folder) / "copy.csv").open("w") as copy:
            csv.writer(copy).writerows(csv.reader(file))
        limit = perf_counter() - begin
        figures = [figure(f"filter of {options.rows:,} rows", took, "s", limit=limit, aim=1.5)]
        report("filter", figures, as_json=options.json)


if __name__ == "__main__":
    main()
