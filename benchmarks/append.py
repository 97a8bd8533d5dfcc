"""How fast the log takes leaves, publishes and answers, at 100,000 leaves, beside what the machine can do.

The limit of an append is what cannot be saved: one signature check (on two threads) and the durable insertion
of the same bytes into SQLite, one after the other.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

from konsens.registry import LeafChecker, NoteSigner, PublicLeaf, Registry, SealLeaf, SignerHead

ORIGIN = "log.muster.example"
SIGNER = NoteSigner(ORIGIN, bytes(32))
Leaf = SealLeaf | PublicLeaf
SIZE, BATCH, ROUNDS = 100_000, 1000, 20
QUESTIONS, SINGLES = 20_000, 200


def make_leaves(count: int) -> list[SealLeaf]:
    """Return leaves by fresh keys; straight with libsodium, because this is not what is measured."""
    leaves = []
    for _ in range(count):
        public, secret = crypto_sign_seed_keypair(os.urandom(32))
        commitment = os.urandom(32)
        leaves.append(SealLeaf(public, commitment, crypto_sign(signed_bytes(commitment), secret)[:64]))
    return leaves


def signed_bytes(commitment: bytes) -> bytes:
    return b"konsens/leaf/v1\n" + ORIGIN.encode() + b"\n" + commitment


def seconds(act: Callable[[], object]) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


def batches(leaves: Sequence[SealLeaf]) -> list[Sequence[SealLeaf]]:
    return [leaves[start : start + BATCH] for start in range(0, len(leaves), BATCH)]


def raw_checks(leaves: Sequence[SealLeaf]) -> float:
    """Return how many Ed25519 signatures libsodium checks in a second, on two threads."""
    ready = [(leaf.signature + signed_bytes(leaf.commitment), leaf.key) for leaf in leaves]

    def check(some: Sequence[tuple[bytes, bytes]]) -> None:
        for signed, key in some:
            crypto_sign_open(signed, key)

    half = len(ready) // 2
    with ThreadPoolExecutor(2) as pool:
        return len(ready) / seconds(lambda: list(pool.map(check, (ready[:half], ready[half:]))))


def raw_inserts(folder: Path, old: Sequence[SealLeaf], new: Sequence[SealLeaf]) -> tuple[float, float]:
    """Return how many leaves a second SQLite alone takes durably, and the median time of a single one."""
    with closing(sqlite3.connect(folder / "raw.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE entries (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT")
        db.execute("CREATE TABLE broken (seal BLOB PRIMARY KEY, idx INTEGER) STRICT, WITHOUT ROWID")

        def insert(start: int, entries: Sequence[bytes], seals: Sequence[bytes]) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO entries VALUES (?, ?)", enumerate(entries, start))
            rows = sorted(zip(seals, range(start, start + len(seals)), strict=True))
            db.executemany("INSERT INTO broken VALUES (?, ?)", rows)
            db.execute("COMMIT")

        insert(0, [leaf.entry for leaf in old], [leaf.seal for leaf in old])
        ready = [([leaf.entry for leaf in some], [leaf.seal for leaf in some]) for some in batches(new)]
        start = perf_counter()
        for number, (entries, seals) in enumerate(ready):
            insert(len(old) + number * BATCH, entries, seals)
        rate = len(new) / (perf_counter() - start)
        at = len(old) + len(new)
        single = [seconds(lambda n=n: insert(at + n, [bytes(33)], [])) for n in range(SINGLES)]  # type: ignore[misc]  # a default binds n now
    return rate, statistics.median(single)


def one_ahead(checker: LeafChecker, some: Iterable[Sequence[Leaf]]) -> Iterator[Sequence[Leaf]]:
    """Yield batch after batch, while the signatures of the next are being checked."""
    waiting = None
    for batch in some:
        following = checker.start(batch)
        if waiting is not None:
            yield waiting
        waiting = following
    if waiting is not None:
        yield waiting


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    limit: float | None = None,
    aim: float | None = None,
    most: float | None = None,
) -> dict[str, Any]:
    """Return one line; `aim` is to be reached, `most` is not to be exceeded."""
    holds = value >= aim if aim is not None else value <= most if most is not None else None
    goal = aim if aim is not None else most
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "limit": limit,
        "peers": {},
        "aim": goal,
        "holds": holds,
    }


def measure(folder: Path) -> list[dict[str, Any]]:
    with ProcessPoolExecutor(2) as pool:
        half = (SIZE + 4 * ROUNDS * BATCH + SINGLES) // 2 + 1
        leaves = [leaf for some in pool.map(make_leaves, (half, half)) for leaf in some]
    old, plain = leaves[:SIZE], leaves[SIZE : SIZE + ROUNDS * BATCH]
    kept, ahead, before = (leaves[SIZE + n * ROUNDS * BATCH :][: ROUNDS * BATCH] for n in (1, 2, 3))
    single = leaves[-SINGLES:]
    remembered = SignerHead(folder / "signed")

    def publish(registry: Registry) -> None:
        registry.publish(SIGNER, at=datetime.now(UTC), remembered=remembered)

    registry = Registry.create(folder / "registry", origin=ORIGIN, signer=SIGNER)
    for some in batches(old):
        registry.append(some)
    publish(registry)
    checks, (inserts, insert_one) = raw_checks(plain), raw_inserts(folder, old, plain)
    limit = 1 / (1 / checks + 1 / inserts)
    plain_rate = len(plain) / seconds(lambda: [registry.append(some) for some in batches(plain)])
    publish(registry)

    def append_and_publish(some: Iterable[Sequence[Leaf]]) -> None:
        for batch in some:
            registry.append(batch)
            publish(registry)

    kept_rate = len(kept) / seconds(lambda: append_and_publish(batches(kept)))
    with LeafChecker(origin=ORIGIN) as checker:
        checker.start(old[:BATCH]).bad(origin=ORIGIN)  # the processes start
        ahead_rate = len(ahead) / seconds(lambda: append_and_publish(one_ahead(checker, batches(ahead))))
        known = [checker.start(some) for some in batches(before)]
        for under_check in known:
            under_check.bad(origin=ORIGIN)
    unchecked_rate = len(before) / seconds(lambda: append_and_publish(known))
    append_one = [seconds(lambda leaf=leaf: registry.append([leaf])) for leaf in single]  # type: ignore[misc]  # as above
    publish_one = []
    for number in range(20):
        registry.append([PublicLeaf(number.to_bytes(32, "big"))])
        publish_one.append(seconds(lambda: publish(registry)))
    registry.close()
    opened = [seconds(lambda: Registry.open(folder / "registry").close()) for _ in range(100)]
    with Registry.open(folder / "registry") as fresh:
        fresh.append([PublicLeaf(bytes(32))])
        rebuild = seconds(lambda: publish(fresh))
        seals = [leaf.seal for leaf in old[:QUESTIONS]]
        find = seconds(lambda: [fresh.find(seal) for seal in seals]) / QUESTIONS
        many = seconds(lambda: fresh.broken_many(seals)) / QUESTIONS
    with closing(sqlite3.connect(folder / "raw.sqlite")) as db:
        ask = "SELECT idx FROM broken WHERE seal = ?"
        raw_find = seconds(lambda: [db.execute(ask, (seal,)).fetchone() for seal in seals]) / QUESTIONS
    return [
        figure("Ed25519 checks alone, two threads", checks, "/s"),
        figure("SQLite FULL inserts alone, batches of 1000", inserts, "/s"),
        figure("durable appends, batches of 1000, signatures checked", plain_rate, "/s", limit=limit),
        figure(
            "the same with the seal map kept and a checkpoint for every batch",
            kept_rate,
            "/s",
            limit=limit,
            aim=10_000,
        ),
        figure("of that, the share of what the machine could do", kept_rate / limit, "ratio"),
        figure(
            "the same, the next thousand signatures checked meanwhile by other processes",
            ahead_rate,
            "/s",
            limit=checks,
            aim=10_000,
        ),
        figure("of that, the share of the checks alone", ahead_rate / checks, "ratio", aim=15 / 44),
        figure("the same, the signatures checked before", unchecked_rate, "/s", limit=inserts),
        figure(
            "one durable append, median", statistics.median(append_one) * 1e3, "ms", limit=insert_one * 1e3
        ),
        figure("one durable append, p99", statistics.quantiles(append_one, n=100)[98] * 1e3, "ms"),
        figure("checkpoint over one new leaf", statistics.median(publish_one) * 1e3, "ms"),
        figure("first checkpoint of a process, the map built from its rows", rebuild, "s", most=1),
        figure("find", find * 1e6, "µs", limit=raw_find * 1e6, most=10),
        figure("find, many at once", many * 1e6, "µs"),
        figure("open", statistics.median(opened) * 1e3, "ms"),
    ]


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        figures = measure(folder)
    finally:
        shutil.rmtree(folder)
    if "--json" in sys.argv:
        print(
            json.dumps({"benchmark": f"registry at {SIZE:,} leaves", "figures": figures}, ensure_ascii=False)
        )
        return
    for one in figures:
        beside = ", ".join(f"{name} {one[name]:,.3g}" for name in ("limit", "aim") if one[name] is not None)
        print(f"{one['name']}: {one['value']:,.3g} {one['unit']}{f' ({beside})' if beside else ''}")


if __name__ == "__main__":
    main()
