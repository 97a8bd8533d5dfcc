"""How fast a mirror catches up with a log of 200,000 entries, apart from the signatures and with them.

The limit of tree and map is what cannot be saved: the durable insertion of the same bytes into SQLite, and
the SHA-256 calls of the definition (leaf, node, seal, row of the map, and the nodes of the map that a block
of rows touches), one after the other in one process. With signatures their check on two threads comes on top.
The machine may be busy with other things: the ratio to the limit, measured in the same run, says more than
the rate.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from append import ORIGIN, SIGNER, figure, make_leaves, raw_checks, raw_inserts, seconds

from konsens.registry import (
    Checkpoint,
    Cosigner,
    Registry,
    SealLeaf,
    SignerHead,
    render_vkey,
    sign_checkpoint,
)
from konsens.registry.mirror import FolderSource, Mirror
from konsens.registry.witness import AddCheckpoint, Witness, WitnessState, parse_logs, render_add_checkpoint

ENTRIES, BLOCK, SAMPLE = 200_000, 2000, 20_000
BATCHES = 200


class Everything(set[bytes]):
    """Says of every entry that its signature was checked."""

    def __contains__(self, _: object) -> bool:
        return True


def make_log(folder: Path, leaves: Sequence[SealLeaf]) -> None:
    """Make a registry with a head leaf after every block."""
    remembered = SignerHead(folder.with_name("signed"))
    with Registry.create(folder, origin=ORIGIN, signer=SIGNER) as registry:
        for start in range(0, len(leaves), BLOCK):
            registry.append(leaves[start : start + BLOCK])
            registry.publish(SIGNER, at=datetime.now(UTC), remembered=remembered)


def follow(source: Path, folder: Path, *, jobs: int = 0, signatures: bool = True) -> tuple[float, float]:
    """Return entries a second by the clock, and by the time of this process."""
    with Mirror.open(folder, vkey=SIGNER.vkey) as mirror:
        if not signatures:
            mirror._copy.checked = Everything()  # not for anybody else: a mirror checks every leaf
        start, used = perf_counter(), process_time()
        added = mirror.follow(FolderSource(source), at=datetime.now(UTC), jobs=jobs).added
        return added / (perf_counter() - start), added / (process_time() - used)


def hashes_a_second() -> float:
    data = bytes(65)
    return 100_000 / seconds(lambda: [sha256(data).digest() for _ in range(100_000)])


def witness_rate(folder: Path) -> float:
    """Return how many checkpoints a second a witness cosigns durably, one after the other."""
    logs = parse_logs(f"log {render_vkey(SIGNER.vkey)}\nquorum none\n")
    witness = Witness(Cosigner("w.example", os.urandom(32)), logs, WitnessState.open(folder / "witness"))
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, bytes(32)), SIGNER).note
    at = datetime.now(UTC)
    witness.add_checkpoint(render_add_checkpoint(AddCheckpoint(0, (), note)), at=at)
    again = render_add_checkpoint(AddCheckpoint(7, (), note))
    return BATCHES / seconds(lambda: [witness.add_checkpoint(again, at=at) for _ in range(BATCHES)])


def measure(folder: Path) -> list[dict[str, Any]]:
    with ProcessPoolExecutor(2) as pool:
        made = pool.map(make_leaves, (ENTRIES // 2, ENTRIES // 2))
        leaves = [leaf for some in made for leaf in some]
    make_log(folder / "log", leaves)
    checks = raw_checks(leaves[:SAMPLE])
    inserts, _ = raw_inserts(folder, leaves[SAMPLE:], leaves[:SAMPLE])
    each = 5 + math.log2(ENTRIES / BLOCK)
    limit = 1 / (1 / inserts + each / hashes_a_second())
    apart, apart_used = follow(folder / "log", folder / "one", signatures=False)
    threads, _ = follow(folder / "log", folder / "two")
    jobs, _ = follow(folder / "log", folder / "three", jobs=2)
    with_checks = 1 / (1 / limit + 1 / checks)
    return [
        figure("Ed25519 checks alone, two threads", checks, "/s"),
        figure("tree and map, by the clock", apart, "/s", limit=limit, aim=30_000),
        figure("tree and map, by the time of the process", apart_used, "/s", limit=limit, aim=30_000),
        figure("of that, the share of what the machine could do", apart_used / limit, "ratio"),
        figure("with signatures, in this process on two threads", threads, "/s", limit=with_checks),
        figure("with signatures, in two processes beside it", jobs, "/s", limit=with_checks),
        figure("a witness, one checkpoint after the other", witness_rate(folder), "/s"),
    ]


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        figures = measure(folder)
    finally:
        shutil.rmtree(folder)
    if "--json" in sys.argv:
        name = f"mirror of {ENTRIES:,} entries"
        print(json.dumps({"benchmark": name, "figures": figures}, ensure_ascii=False))
        return
    for one in figures:
        beside = ", ".join(f"{name} {one[name]:,.3g}" for name in ("limit", "aim") if one[name] is not None)
        print(f"{one['name']}: {one['value']:,.3g} {one['unit']}{f' ({beside})' if beside else ''}")


if __name__ == "__main__":
    main()
