"""A served log is killed again and again while many append: what was acknowledged is there."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from konsens.registry import Registry, SignerHead, fsck
from konsens.registry.serve import AppendPolicy, Open
from konsens.registry.serve.run import listen, serving
from konsens.registry.serve.server import served_log
from konsens.registry.serve.wire import parse_appended, render_append
from konsens.registry.static import FolderObjects
from tests.registry.serve.writers import SIGNER, seal_leaf

RULES = AppendPolicy(v=1, open=Open(per_minute=1_000_000, all_per_minute=1_000_000))
CLIENTS, MANY = 4, 220  # so many leaves of one request have their signatures checked by other processes


def serve(home: Path, end: Connection) -> None:
    """Serve the log below `home` until killed."""
    with (
        served_log(
            home / "log",
            signer=SIGNER,
            remembered=SignerHead(home / "signed"),
            static=home / "static",
            rules=RULES,
            pause=0.02,
        ) as app,
        serving(app, listen("127.0.0.1", 0)) as url,
    ):
        end.send(url.removeprefix("http://"))
        end.recv()


def append_until_it_is_gone(address: str, numbers: Iterator[int], acknowledged: dict[bytes, int]) -> None:
    with closing(http.client.HTTPConnection(address, timeout=20)) as connection:
        try:
            while True:
                leaves = [seal_leaf(next(numbers)) for _ in range(random.choice([1, 1, 1, 7, MANY]))]
                connection.request("POST", "/append", render_append(leaves))
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == 200, body
                indices = parse_appended(body).indices
                acknowledged.update(zip((leaf.entry for leaf in leaves), indices, strict=True))
        except (OSError, http.client.HTTPException):
            return


def kill_again_and_again(home: Path, times: int) -> int:
    """Return how many leaves were acknowledged; none of them is lost."""
    Registry.create(home / "log", origin=SIGNER.name, signer=SIGNER).close()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    acknowledged: dict[bytes, int] = {}
    chance, numbers, seen = random.Random(times), count(), 0
    for _ in range(times):
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(home, there))
        process.start()
        address = here.recv()
        with ThreadPoolExecutor(CLIENTS) as pool:
            asked = [
                pool.submit(append_until_it_is_gone, address, numbers, acknowledged) for _ in range(CLIENTS)
            ]
            time.sleep(0.05 + chance.random() * 0.4)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            for one in asked:
                one.result()
        with Registry.open(home / "log") as log:
            assert [index for entry, index in acknowledged.items() if log.entry(index) != entry] == []
            # What everybody was shown is no more than what is there.
            note = FolderObjects(home / "static").get("checkpoint")
            if note is not None:
                shown = int(note.split(b"\n")[1])
                assert seen <= shown <= log.size()
                seen = shown
    report = fsck(home / "log", vkey=SIGNER.vkey, against=note.decode() if note else None)
    assert report.failed == ()
    return len(acknowledged)


def test_killed_ten_times_a_served_log_has_lost_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    assert kill_again_and_again(tmp_path, 10) > 10


@pytest.mark.long
def test_killed_a_hundred_times_a_served_log_has_lost_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    assert kill_again_and_again(tmp_path, 100) > 100
