"""How append cost, proof and memory grow with a log from 10³ to 10⁶ leaves; with `--full` to 10⁷.

Between the points where it is measured, the log is filled with random seal leaves that nobody signed, in
steps of 10,000; what is measured is signed, and goes the ordinary way in steps of 1000. `--plot FILE` draws
the figures as an SVG picture.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import msgspec
from _scale_plot import draw
from append import BATCH, ORIGIN, SIGNER, batches, figure, make_leaves, raw_checks, seconds

from konsens.registry import (
    LeafChecker,
    Policy,
    Registry,
    SealLeaf,
    SignedCheckpoint,
    SignerHead,
    SqliteStore,
    check_holds_proof,
    leaf_hash,
    parse_policy,
    parse_proof,
    render_vkey,
)
from konsens.registry.append import add
from konsens.registry.cosignature import Cosigner, cosign
from konsens.registry.prove import prove_holds
from konsens.registry.publish import publish

STEP, MEASURED, QUESTIONS = 10_000, 6 * BATCH, 300
POINTS = (1000, 10_000, 100_000, 1_000_000, 10_000_000)
WITNESSES = [Cosigner(f"witness-{number}.example", bytes([number]) * 32) for number in (1, 2, 3)]


class Point(msgspec.Struct, frozen=True):
    """What was measured at one size."""

    leaves: int
    raw: float
    """Ed25519 checks a second on two threads, in the same minute."""
    checked: float
    """Appends a second, signatures checked, the map kept, a checkpoint for every thousand."""
    ahead: float
    """The same, with the signatures of the next thousand checked in other processes meanwhile."""
    unchecked: float
    """The same without the time of the signatures, which were checked before."""
    made: float
    """Microseconds to make a "still holds" proof."""
    verified: float
    """Microseconds to verify it, cosigned by three witnesses."""
    size: int
    """Bytes of that proof as a `.tlog-proof`."""
    memory: float
    """Megabytes that this process holds."""
    start: float
    """Seconds from the start of a process to its first checkpoint, the program itself left out."""


def fill(registry: Registry, remembered: SignerHead, size: int) -> None:
    """Let the log grow to `size` entries by leaves that nobody signed."""
    store = SqliteStore(registry.folder / "log.sqlite")
    while (count := min(STEP, size - store.size() - 1)) > 0:
        entries = [b"\x01" + os.urandom(128) for _ in range(count)]
        seals = {entry: sha256(entry[1:33]).digest() for entry in entries}
        with store.writing():
            add(store, sorted((leaf_hash(entry), entry) for entry in entries), seals)
        publish(
            store,
            signer=SIGNER,
            at=datetime.now(UTC),
            remembered=remembered,
            head_of=registry.head_of,
            seals_at=registry.seals_at,
            checked=seals,
            show=lambda _: None,
        )
    store.close()


def rate(
    registry: Registry, remembered: SignerHead, steps: Sequence[Callable[[], Sequence[SealLeaf]]]
) -> float:
    """Return how many leaves a second are appended and published, a checkpoint for every step."""

    def run() -> None:
        for step in steps:
            registry.append(step())
            registry.publish(SIGNER, at=datetime.now(UTC), remembered=remembered)

    return len(steps) * BATCH / seconds(run)


def rates(
    registry: Registry, remembered: SignerHead, leaves: Sequence[SealLeaf], checker: LeafChecker
) -> tuple[float, float, float]:
    """Return the rates of a third of `leaves` each: checked here, checked ahead, and checked before."""
    third = len(leaves) // 3
    here, meanwhile, before = (batches(leaves[n * third : (n + 1) * third]) for n in range(3))
    started = [checker.start(meanwhile[0])]

    def next_ahead(number: int) -> Any:
        if number + 1 < len(meanwhile):
            started.append(checker.start(meanwhile[number + 1]))
        return started[number]

    ahead = rate(registry, remembered, [lambda n=n: next_ahead(n) for n in range(len(meanwhile))])  # type: ignore[misc]  # a default binds n now
    known = [checker.start(some) for some in before]
    for some in known:
        some.bad(origin=ORIGIN)
    return (
        rate(registry, remembered, [lambda some=some: some for some in here]),  # type: ignore[misc]  # as above
        ahead,
        rate(registry, remembered, [lambda some=some: some for some in known]),  # type: ignore[misc]  # as above
    )


def witnessed(registry: Registry) -> tuple[SignedCheckpoint, Policy]:
    """Return the newest checkpoint with three cosignatures, and the policy that asks for them."""
    newest = registry.checkpoint()
    assert newest is not None
    note = newest.note
    for witness in WITNESSES:
        note = cosign(note, witness, at=datetime.now(UTC))
    lines = [f"log {render_vkey(SIGNER.vkey)}"]
    lines += [f"witness {number} {render_vkey(one.vkey)}" for number, one in enumerate(WITNESSES)]
    policy = parse_policy("\n".join([*lines, "group all 3 0 1 2", "quorum all", ""]))
    return SignedCheckpoint(newest.checkpoint, note), policy


def proofs(registry: Registry) -> tuple[float, float, int]:
    """Return the median microseconds to make and to verify a proof that something holds, and its bytes."""
    newest, policy = witnessed(registry)
    store, node = SqliteStore(registry.folder / "log.sqlite"), registry.nodes()
    made, verified, sizes = [], [], []
    for number in range(QUESTIONS):
        index = number * (newest.checkpoint.size - 1) // QUESTIONS
        seal, leaf = os.urandom(32), leaf_hash(registry.entry(index))
        start = perf_counter()
        text = prove_holds(
            store, node, newest, index, seal, head_of=registry.head_of, seals_at=registry.seals_at
        )
        between = perf_counter()
        check_holds_proof(parse_proof(text), leaf_hash=leaf, next_seal=seal, policy=policy)
        made.append(between - start)
        verified.append(perf_counter() - between)
        sizes.append(len(text))
    store.close()
    return median(made) * 1e6, median(verified) * 1e6, max(sizes)


def first_checkpoint(folder: Path, remembered: SignerHead, leaf: SealLeaf) -> float:
    """Return the seconds that a fresh registry takes to append one leaf and publish."""

    def run() -> None:
        with Registry.open(folder) as registry:
            registry.append([leaf])
            registry.publish(SIGNER, at=datetime.now(UTC), remembered=remembered)

    return seconds(run)


def megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure_at(
    folder: Path, registry: Registry, remembered: SignerHead, leaves: Sequence[SealLeaf], checker: LeafChecker
) -> Point:
    size, raw = registry.size(), raw_checks(leaves[:2000])
    checked, ahead, unchecked = rates(registry, remembered, leaves[:-1], checker)
    made, verified, bytes_ = proofs(registry)
    memory = megabytes()
    start = first_checkpoint(folder, remembered, leaves[-1])
    return Point(size, raw, checked, ahead, unchecked, made, verified, bytes_, memory, start)


def measure(folder: Path, points: Sequence[int]) -> list[Point]:
    remembered, found = SignerHead(folder / "signed"), []
    registry = Registry.create(folder / "registry", origin=ORIGIN, signer=SIGNER)
    with registry, LeafChecker(origin=ORIGIN) as checker, ProcessPoolExecutor(2) as makers:
        for size in points:
            print(f"{size:,} leaves …", file=sys.stderr, flush=True)
            count = 3 * max(
                BATCH, min(MEASURED, size // 20)
            )  # for each of the rates; few where the log is small
            halves = makers.map(make_leaves, (count // 2, count - count // 2 + 1))
            leaves = [leaf for half in halves for leaf in half]
            fill(registry, remembered, size)
            found.append(measure_at(registry.folder, registry, remembered, leaves, checker))
            print(json.dumps(msgspec.to_builtins(found[-1])), file=sys.stderr, flush=True)
    return found


def figures(found: Sequence[Point]) -> list[dict[str, Any]]:
    rows = []
    for one in found:
        at = f"at {one.leaves:,} leaves"
        # Of what the plan's machine did: 15,000 a second at a million, 12,000 at ten, of 44,000 raw checks.
        least = {1_000_000: 15 / 44, 10_000_000: 12 / 44}.get(one.leaves)
        rows += [
            figure(f"appends {at}, checked and published", one.checked, "/s", limit=one.raw),
            figure(f"the same {at}, checked ahead", one.ahead, "/s", limit=one.raw),
            figure(f"of raw checks {at}", one.ahead / one.raw, "ratio", aim=least),
            figure(f"the same {at}, checked before", one.unchecked, "/s", limit=one.raw),
            figure(f"still-holds proof {at}, made", one.made, "µs", most=1000),
            figure(f"still-holds proof {at}, verified with three witnesses", one.verified, "µs", most=1000),
            figure(f"still-holds proof {at}", one.size, "bytes", most=4096),
            figure(f"memory {at}", one.memory, "MB"),
            figure(f"first checkpoint of a process {at}", one.start, "s"),
        ]
    return rows


def main() -> None:
    points = POINTS if "--full" in sys.argv else POINTS[:-1]
    folder = Path(tempfile.mkdtemp())
    try:
        found = measure(folder, points)
    finally:
        shutil.rmtree(folder)
    if "--plot" in sys.argv:
        picture = Path(sys.argv[sys.argv.index("--plot") + 1])
        picture.write_text(draw([msgspec.to_builtins(one) for one in found]), "utf-8")
    rows = figures(found)
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": "registry by size", "figures": rows}, ensure_ascii=False))
        return
    for row in rows:
        beside = f" (limit {row['limit']:,.0f})" if row["limit"] else ""
        print(f"{row['name']}: {row['value']:,.4g} {row['unit']}{beside}")


if __name__ == "__main__":
    main()
