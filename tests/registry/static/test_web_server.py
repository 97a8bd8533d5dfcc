"""A folder of static files is served by any web server: here by the one that comes with Python."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from konsens.errors import KonsensError
from konsens.registry import check_holds_proof, leaf_hash
from konsens.registry.proof import HoldsExtra, InclusionProof, render_holds_extra
from konsens.registry.static import FolderObjects, StaticLog, depth_for, export, export_map, find_broken

from ..logs import ORIGIN, POLICY, VKEY, leaf, leaves
from .logs import GrowingLog


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    servers = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def fetch_over_http(url: str, paths: Sequence[str]) -> list[bytes | None]:
    def get(path: str) -> bytes | None:
        try:
            with urlopen(url + path, timeout=10) as answer:
                data: bytes = answer.read()
                return data
        except HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            raise

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(get, paths))


def test_a_log_on_a_web_server_is_read_proven_and_asked(serve: Callable[[Path], str], tmp_path: Path) -> None:
    log, objects = GrowingLog(tmp_path / "log"), FolderObjects(tmp_path / "public")
    size = log.grow(700, seals=leaves(0, 600))
    export(log.store, objects, vkey=VKEY)
    export_map(log.log.seals_at(size), log.store.rows, objects, size=size, depth=depth_for(600))
    log.grow(30, seals=leaves(600, 605))
    export(log.store, objects, vkey=VKEY)

    fetch = partial(fetch_over_http, serve(tmp_path / "public"))
    reader = StaticLog(fetch, POLICY, origin=ORIGIN)
    reader.checkpoint()
    entries = reader.entries(0, reader.size)
    assert entries == log.entries()
    asked = [leaf(number).seal for number in (5, 603, 700)]
    assert find_broken(reader, fetch, asked) == {seal: log.store.broken(seal) for seal in asked[:2]}

    # "Still holds" needs the map proof of one seal, which only a mirror makes; all the rest comes from files.
    head = reader.head_of(reader.size)
    path = reader.prove_inclusion(reader.size - 1).path
    extra = HoldsExtra(head, path, log.log.seals_at(reader.size).prove(asked[2]))
    inclusion = reader.prove_inclusion(5)
    proof = InclusionProof(5, inclusion.path, inclusion.checkpoint_note, render_holds_extra(extra))
    held = check_holds_proof(proof, leaf_hash=leaf_hash(entries[5]), next_seal=asked[2], policy=POLICY)
    assert held.broken_at is None


def test_a_file_that_the_server_does_not_have_is_missing(
    serve: Callable[[Path], str], tmp_path: Path
) -> None:
    log, folder = GrowingLog(tmp_path / "log"), tmp_path / "public"
    log.grow(300)
    export(log.store, FolderObjects(folder), vkey=VKEY)
    reader = StaticLog(partial(fetch_over_http, serve(folder)), POLICY, origin=ORIGIN)
    reader.checkpoint()
    (folder / "tile/entries/000").unlink()
    with pytest.raises(KonsensError) as caught:
        reader.entries(0, 300)
    assert (caught.value.code, caught.value.facts["path"]) == ("static.missing", "tile/entries/000")
