"""Files that are missing, cut, swapped or altered: each by its name, and nothing of them is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.errors import KonsensError
from konsens.registry import NoteSigner, parse_policy, render_vkey
from konsens.registry.static import StaticLog, check_files, fetch_from

from ..logs import ORIGIN, sign
from .logs import Files, exported, files_of, grown, objects_of, read

Tamper = Callable[[Files], object]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Make a log with two levels of full tiles and partial ones on each."""
    return files_of(exported(grown(tmp_path_factory.mktemp("log"), 300, 66_000)))


def drop(path: str) -> Tamper:
    return lambda files: files.pop(path)


def put(path: str, change: Callable[[bytes], bytes]) -> Tamper:
    return lambda files: files.update({path: change(files[path])})


def swap(one: str, other: str) -> Tamper:
    return lambda files: files.update({one: files[other], other: files[one]})


def flip(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


def cut(data: bytes) -> bytes:
    return data[:-1]


def longer(data: bytes) -> bytes:
    return data + b"\0"


def shorter_first_entry(data: bytes) -> bytes:
    """Move a byte from the first entry to the second: the lengths still add up."""
    first, second = int.from_bytes(data[:2], "big"), data[35:37]
    more = (int.from_bytes(second, "big") + 1).to_bytes(2, "big")
    return (first - 1).to_bytes(2, "big") + data[2:34] + more + data[34:35] + data[37:]


TAMPERS = [
    pytest.param(drop("checkpoint"), "static.missing", id="no checkpoint"),
    pytest.param(put("checkpoint", cut), "note.format", id="the checkpoint cut"),
    pytest.param(
        put("checkpoint", lambda note: note.replace(b"\n66", b"\n67", 1)), "note.signature", id="size"
    ),
    pytest.param(put("checkpoint", lambda note: note[:-4] + b"AA=\n"), "note.signature", id="signature"),
    pytest.param(drop("tile/0/000"), "static.missing", id="a tile missing"),
    pytest.param(drop("tile/1/000"), "static.missing", id="an upper tile missing"),
    pytest.param(drop("tile/1/001.p/2"), "static.missing", id="a partial tile missing"),
    pytest.param(drop("tile/entries/000"), "static.missing", id="a bundle missing"),
    pytest.param(put("tile/0/007", cut), "static.tile", id="a tile cut"),
    pytest.param(put("tile/0/007", longer), "static.tile", id="a tile too long"),
    pytest.param(put("tile/0/007", lambda _: b""), "static.tile", id="a tile empty"),
    pytest.param(put("tile/2/000.p/1", cut), "static.tile", id="a partial tile cut"),
    pytest.param(put("tile/0/007", flip), "static.tile_hash", id="a bit of a tile"),
    pytest.param(put("tile/1/000", flip), "static.tile_hash", id="a bit of an upper tile"),
    pytest.param(swap("tile/0/007", "tile/0/008"), "static.tile_hash", id="two tiles swapped"),
    pytest.param(swap("tile/0/007", "tile/1/000"), "static.tile_hash", id="tiles of two levels swapped"),
    pytest.param(put("tile/1/001.p/2", lambda data: bytes(64)), "static.edge", id="a partial tile of zeros"),
    pytest.param(put("tile/2/000.p/1", lambda data: bytes(32)), "static.edge", id="the top altered"),
    pytest.param(put("tile/entries/007", cut), "static.bundle", id="a bundle cut"),
    pytest.param(put("tile/entries/007", longer), "static.bundle", id="a bundle too long"),
    pytest.param(put("tile/entries/007", lambda _: b""), "static.bundle", id="a bundle empty"),
    pytest.param(put("tile/entries/007", flip), "static.bundle_hash", id="a bit of a bundle"),
    pytest.param(put("tile/entries/007", shorter_first_entry), "static.bundle_hash", id="other entries"),
    pytest.param(swap("tile/entries/007", "tile/entries/008"), "static.bundle_hash", id="bundles swapped"),
]
PARTIAL = "tile/entries/258.p/"


@pytest.mark.parametrize(("tamper", "code"), TAMPERS)
def test_a_file_that_is_not_the_logs_own_is_named(files: Files, tamper: Tamper, code: str) -> None:
    tampered = dict(files)
    tamper(tampered)
    with pytest.raises(KonsensError) as caught:
        check_all(read(tampered))
    assert caught.value.code == code


def test_untouched_files_hold_the_log(files: Files) -> None:
    log = read(files)
    assert check_files(log) == log.size == 66_302
    assert check_files(log, start=66_000) == 66_302 - 66_000 + 66_000 % 256
    check_all(log)


def check_all(log: StaticLog, *, tiles: int = 9) -> None:
    """Read some bundles, the last one, and the first tiles of every level with the last one."""
    log.entries(0, 256 * tiles)
    log.entries(log.size - 1, log.size)
    for level in range(3):
        last = ((log.size >> 8 * level) + 255) // 256
        for index in {*range(min(tiles, last)), max(last - 1, 0)} if last else ():
            log.tile(level, index)


@pytest.mark.parametrize(("change", "code"), [(flip, "static.bundle_hash"), (cut, "static.bundle")])
def test_the_partial_bundle_is_checked_too(files: Files, change: Callable[[bytes], bytes], code: str) -> None:
    (path,) = (path for path in files if path.startswith(PARTIAL))
    with pytest.raises(KonsensError) as caught:
        check_all(read({**files, path: change(files[path])}))
    assert caught.value.code == code


def test_the_last_of_all_files_is_checked_too(files: Files) -> None:
    for path in ("tile/0/257", "tile/entries/257", "tile/entries/258.p/254"):
        with pytest.raises(KonsensError) as caught:
            check_files(read({**files, path: flip(files[path])}))
        assert caught.value.facts["path"] == path


@settings(deadline=None)
@given(st.data())
def test_no_changed_byte_survives(small: Files, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(small)))
    place, change = data.draw(st.integers(0, len(small[path]) - 1)), data.draw(st.integers(1, 255))
    old = small[path]
    changed = old[:place] + bytes([old[place] ^ change]) + old[place + 1 :]
    with pytest.raises(KonsensError):
        check_files(read({**small, path: changed}))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Make a log of one checkpoint: each of its files is needed."""
    return files_of(exported(grown(tmp_path_factory.mktemp("log"), 600)))


def test_where_a_partial_file_is_gone_the_full_one_serves(tmp_path: Path) -> None:
    log = grown(tmp_path, 300)
    earlier = files_of(exported(log))
    log.grow(300)
    later = files_of(exported(log))
    assert not {path for path in later if ".p/45" in path}
    merged = {**later, "checkpoint": earlier["checkpoint"]}
    seen = read(merged)
    assert seen.entries(0, 1000) == log.entries()[:301]
    check_all(seen)


def test_a_checkpoint_of_another_log_is_refused(files: Files) -> None:
    other = NoteSigner("other.example", b"o" * 32)
    policy = parse_policy(
        f"log {render_vkey(other.vkey)}\nlog {render_vkey(NoteSigner(ORIGIN, bytes(32)).vkey)}\nquorum none\n"
    )
    tampered = {**files, "checkpoint": sign([], origin="other.example", signer=other).encode()}
    with pytest.raises(KonsensError) as caught:
        StaticLog(fetch_from(objects_of(tampered)), policy, origin=ORIGIN).checkpoint()
    assert caught.value.code == "checkpoint.other_origin"
