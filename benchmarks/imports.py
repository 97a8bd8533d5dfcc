"""How fast the export of another system is imported: one event, one leaf, a seal of its own for every row.

Run: python benchmarks/imports.py [--json] [--rows 100000]
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from _consent_world import Shop, figure, report
from nacl.bindings import crypto_sign_seed_keypair

from konsens.consent import import_rows, read_mapping


def write_export(path: Path, rows: int) -> None:
    """Write a Mailchimp audience of so many rows."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Email Address", "First Name", "OPTIN_TIME", "CONFIRM_TIME", "LEID", "EUID"])
        for n in range(rows):
            at = f"2024-0{n % 9 + 1}-1{n % 9} 10:00:00"
            writer.writerow([f"customer.{n}@muster.example", "Anna", at, at, str(n), f"e{n:09x}"])


def keys_alone(rows: int) -> float:
    """Return one-time keys a second, on two threads and with nothing else: the physical limit."""
    seeds = os.urandom(32 * rows)

    def make(start: int) -> None:
        for n in range(start, min(start + 5000, rows)):
            crypto_sign_seed_keypair(seeds[32 * n : 32 * n + 32])

    begin = perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, range(0, rows, 5000)))
    return rows / (perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.publish()
        export = Path(folder) / "audience.csv"
        write_export(export, options.rows)
        begin = perf_counter()
        done = import_rows(shop.company.ledger, shop.keys, export, read_mapping("mailchimp"), now=shop.now)
        speed = options.rows / (perf_counter() - begin)
        if done.accepted != options.rows or done.rejects:
            raise SystemExit("not every row was taken")
        name = f"import of {options.rows:,} rows"
        limit = keys_alone(options.rows)
        figures = [figure(name, speed, "rows/s", limit=limit, aim=30_000, more_is_better=True)]
        report("imports", figures, as_json=options.json)


if __name__ == "__main__":
    main()
