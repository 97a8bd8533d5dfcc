"""How fast the export of another system is imported: one event, one leaf, a seal of its own for every row.

The limit is what cannot be saved: a one-time key for every row, by libsodium, and the durable insertion of
the same rows into the same table, shared between two cores as if neither ever waited for the other. CPU time
is that of all processes; on a machine that others use too, it says more than the time that passed.

Run: python benchmarks/imports.py [--json] [--rows 100000]
"""

from __future__ import annotations

import argparse
import csv
import os
import sqlite3
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter

from _consent_world import Shop, figure, report
from nacl.bindings import crypto_sign_seed_keypair

from konsens.consent import import_rows, read_mapping
from konsens.consent.tables import MIGRATIONS
from konsens.records import Book


def write_export(path: Path, rows: int) -> None:
    """Write a Mailchimp audience of so many rows."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Email Address", "First Name", "OPTIN_TIME", "CONFIRM_TIME", "LEID", "EUID"])
        for n in range(rows):
            at = f"2024-0{n % 9 + 1}-1{n % 9} 10:00:00"
            writer.writerow([f"customer.{n}@muster.example", "Anna", at, at, str(n), f"e{n:09x}"])


def make_keys(count: int) -> None:
    seeds = os.urandom(32 * count)
    for at in range(0, len(seeds), 32):
        crypto_sign_seed_keypair(seeds[at : at + 32])


def keys_alone(rows: int) -> float:
    """Return the seconds that one-time keys take in two processes, with nothing else."""
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(make_keys, (1, 1)))  # the processes have started
        begin = perf_counter()
        list(pool.map(make_keys, [1000] * (rows // 1000)))
        return perf_counter() - begin


def inserts_alone(filled: sqlite3.Connection, path: Path) -> float:
    """Return the seconds that an empty book takes for the rows of a filled one, and nothing else."""
    with Book.create(path, migrations=MIGRATIONS) as book:
        rows = filled.execute("SELECT * FROM attested ORDER BY id").fetchall()
        begin = perf_counter()
        with book.write() as db:
            db.executemany(f"INSERT INTO attested VALUES ({','.join('?' * len(rows[0]))})", rows)
        return perf_counter() - begin


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those that it has started and that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    name, rows = f"import of {options.rows:,} rows", options.rows
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.publish()
        export = Path(folder) / "audience.csv"
        write_export(export, options.rows)
        begin, spent = perf_counter(), cpu_seconds()
        done = import_rows(shop.company.ledger, shop.keys, export, read_mapping("mailchimp"), now=shop.now)
        took, spent = perf_counter() - begin, cpu_seconds() - spent
        if done.accepted != options.rows or done.rejects:
            raise SystemExit("not every row was taken")
        least = cpu_seconds()
        keys = keys_alone(options.rows)
        inserts = inserts_alone(shop.company.ledger.db, Path(folder) / "raw.sqlite")
        least = (cpu_seconds() - least) / rows * 1e6
        limit = rows / (keys + inserts / 2)  # the keys were made on both cores, the rows inserted on one
        figures = [
            figure(name, rows / took, "rows/s", limit=limit, aim=30_000, more_is_better=True),
            figure(f"{name}, CPU time of a row", spent / rows * 1e6, "µs", limit=least),
            figure("one-time keys alone, two processes", rows / keys, "/s"),
            figure("SQLite inserts of the same rows alone", rows / inserts, "/s"),
        ]
        report("imports", figures, as_json=options.json)


if __name__ == "__main__":
    main()
