"""The seal map at 10⁵ and 10⁶ seals: taking in, building anew, proving, checking.

The limit is what the unavoidable SHA-256 calls alone would take in Python.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from time import perf_counter
from typing import Any

from konsens.registry import SqliteStore
from konsens.registry.seal_map import Row, SealMap, check_map_proof

BATCH = 1000


def rows(start: int, end: int) -> list[Row]:
    return [(sha256(b"seal %d" % index).digest(), index) for index in range(start, end)]


class Table:
    """Rows as a log keeps them."""

    def __init__(self) -> None:
        self.store = SqliteStore.scratch()
        self.rows = self.store.rows

    def add(self, new: Sequence[Row]) -> None:
        with self.store.writing():
            self.store.add_rows(new)


def seconds(action: Callable[[], object], *, times: int = 1) -> float:
    """Return the best of `times` runs."""
    best = math.inf
    for _ in range(times):
        start = perf_counter()
        action()
        best = min(best, perf_counter() - start)
    return best


def hash_seconds() -> float:
    data = bytes(65)
    return seconds(lambda: [sha256(data).digest() for _ in range(100_000)], times=3) / 100_000


def insert_per_second(table: Table, size: int, count: int) -> float:
    """Take in `count` more rows; from size 0 this includes every deepening of the map on the way."""
    new = rows(size, size + count)
    seal_map = SealMap(table.rows, size=size)

    def take_in() -> None:
        for start in range(0, count, BATCH):
            batch = new[start : start + BATCH]
            seal_map.insert(batch, size=size + start + BATCH)
            table.add(batch)

    return count / seconds(take_in)


def figure(name: str, value: float, unit: str, limit: float | None, aim: float | None) -> dict[str, Any]:
    holds = None if aim is None else (value >= aim if unit.endswith("/s") else value <= aim)
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "limit": limit,
        "peers": {},
        "aim": aim,
        "holds": holds,
    }


def measure_at(
    size: int, label: str, *, one_hash: float, insert_aim: float, build_aim: float
) -> list[dict[str, Any]]:
    table = Table()
    table.add(rows(0, size))
    seal_map = SealMap(table.rows, size=size)
    root, asked = seal_map.root(), [sha256(b"asked %d" % number).digest() for number in range(5000)]
    proofs = [seal_map.prove(seal) for seal in asked]

    def check_all() -> None:
        for seal, proof in zip(asked, proofs, strict=True):
            check_map_proof(proof, seal=seal, root=root, size=size)

    depth = sum(int.from_bytes(proof[1:3], "big") for proof in proofs) / len(proofs)
    built = seconds(lambda: SealMap(table.rows, size=size), times=2)
    made = seconds(lambda: [seal_map.prove(seal) for seal in asked], times=3) / len(asked) * 1e6
    checked = seconds(check_all, times=3) / len(asked) * 1e6
    length = sum(map(len, proofs)) / len(proofs)
    inserted = insert_per_second(table, size, 10 * BATCH)
    # A new row needs its leaf, and the nodes above it up to where the ways of its batch meet.
    insert_limit = 1 / ((2 + math.log2(size / BATCH)) * one_hash)
    # A trie over n random keys has n leaves and 1.44 n nodes.
    build_limit = 2.44 * size * one_hash
    return [
        figure(f"insert at {label}, batches of {BATCH}", inserted, "rows/s", insert_limit, insert_aim),
        figure(f"build anew at {label}", built, "s", build_limit, build_aim),
        figure(f"absence at {label}, made", made, "µs", None, 60),
        figure(f"absence at {label}, checked", checked, "µs", (depth + 1) * one_hash * 1e6, 60),
        figure(f"absence at {label}, size", length, "bytes", 32 * depth, None),
    ]


def measure() -> list[dict[str, Any]]:
    one_hash = hash_seconds()
    return [
        *measure_at(100_000, "10⁵", one_hash=one_hash, insert_aim=25_000, build_aim=1),
        *measure_at(1_000_000, "10⁶", one_hash=one_hash, insert_aim=10_000, build_aim=10),
        figure("grow from 0 to 10⁵", insert_per_second(Table(), 0, 100_000), "rows/s", None, 25_000),
    ]


def main() -> None:
    figures = measure()
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": "seal map", "figures": figures}, ensure_ascii=False))
        return
    for each in figures:
        print(f"{each['name']:34} {each['value']:>10,.1f} {each['unit']:7} aim {each['aim']}")


if __name__ == "__main__":
    main()
