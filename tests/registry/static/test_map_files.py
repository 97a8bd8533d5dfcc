"""The seal map as files: looking up a seal among a hundred, at the newest checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from konsens.errors import KonsensError
from konsens.registry.static import (
    MapName,
    MemoryObjects,
    Prefix,
    bucket_path,
    export,
    export_map,
    fetch_from,
    find_broken,
    parse_map_name,
)

from ..logs import VKEY, leaf, leaves
from .logs import Files, GrowingLog, exported, files_of, objects_of, read

SEALS = [one.seal for one in leaves(0, 620)]


def publish_map(log: GrowingLog, objects: MemoryObjects, *, depth: int = 1) -> MapName:
    size = log.store.checkpoints(0)[-1][0]
    return export_map(log.log.seals_at(size), log.store.rows, objects, size=size, depth=depth)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> GrowingLog:
    log = GrowingLog(tmp_path_factory.mktemp("log"))
    log.grow(0, seals=leaves(0, 600))
    return log


@pytest.fixture(scope="module")
def files(log: GrowingLog) -> Files:
    """Export the log with its map, let it grow by ten seals, and export it again without."""
    objects = exported(log)
    publish_map(log, objects)
    log.grow(3, seals=leaves(600, 610))
    export(log.store, objects, vkey=VKEY)
    return files_of(objects)


def test_a_seal_is_found_in_the_map_or_in_what_came_after(log: GrowingLog, files: Files) -> None:
    objects = objects_of(files)
    found = find_broken(read(objects), fetch_from(objects), SEALS)
    assert found == {one.seal: log.store.broken(one.seal) for one in leaves(0, 610)}
    assert find_broken(read(objects), fetch_from(objects), [leaf(5).seal, leaf(619).seal]) == {
        leaf(5).seal: log.store.broken(leaf(5).seal)
    }
    assert find_broken(read(objects), fetch_from(objects), []) == {}


def test_nothing_is_asked_but_buckets_and_bundles(files: Files) -> None:
    asked: list[str] = []
    objects = objects_of(files)

    def fetch(paths: Sequence[str]) -> list[bytes | None]:
        asked.extend(paths)
        return fetch_from(objects)(paths)  # type: ignore[return-value]  # it is a list

    find_broken(read(objects), fetch, [leaf(5).seal])
    assert asked == ["map/newest", bucket_path(601, Prefix.of(leaf(5).seal, 1))]
    for path in asked:
        assert leaf(5).seal.hex()[:4] not in path


def change(path: str, tamper: Callable[[bytes], bytes]) -> Callable[[Files], object]:
    return lambda files: files.update({path: tamper(files[path])})


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        pytest.param(lambda files: files.pop("map/newest"), "static.map_name", id="no map"),
        pytest.param(change("map/newest", lambda _: b"601"), "static.map_name", id="half a name"),
        pytest.param(change("map/newest", lambda _: b"0 0\n"), "static.map_name", id="of nothing"),
        pytest.param(change("map/newest", lambda _: b"601 2\n"), "static.map_depth", id="cut too finely"),
        pytest.param(change("map/newest", lambda _: b"601 33\n"), "static.map_name", id="cut beyond reason"),
        pytest.param(change("map/newest", lambda _: b"600 1\n"), "static.no_head", id="of no checkpoint"),
        pytest.param(change("map/newest", lambda _: b"9999 1\n"), "static.older", id="of a later one"),
        pytest.param(change("map/newest", lambda _: b"601 0\n"), "bucket.map", id="cut otherwise"),
        pytest.param(lambda files: files.pop("map/601/000"), "static.missing", id="a bucket missing"),
        pytest.param(change("map/601/000", lambda data: data[:-1]), "bucket.map", id="a bucket cut"),
        pytest.param(
            change("map/601/000", lambda data: data[:-1] + b"!"), "bucket.map", id="a bucket altered"
        ),
        pytest.param(
            lambda files: files.update({"map/601/000": files["map/601/001"]}), "bucket.map", id="another one"
        ),
    ],
)
def test_a_map_that_is_not_the_logs_own_is_named(
    files: Files, tamper: Callable[[Files], object], code: str
) -> None:
    tampered = dict(files)
    tamper(tampered)
    objects = objects_of(tampered)
    with pytest.raises(KonsensError) as caught:
        find_broken(read(objects), fetch_from(objects), SEALS)
    assert caught.value.code == code


def test_maps_take_each_others_place_and_the_last_one_stays_for_its_readers(tmp_path: Path) -> None:
    log, objects, kept = GrowingLog(tmp_path), MemoryObjects(), []
    for number in range(4):
        log.grow(0, seals=leaves(10 * number, 10 * number + 10))
        objects.put([("map/5/000", b"what an interrupted export left")])
        assert publish_map(log, objects, depth=0) == publish_map(log, objects, depth=0)
        kept.append([key for key in objects.list("map/") if key != "map/newest"])
    assert kept == [["map/11/000"], ["map/11/000", "map/22/000"], ["map/22/000", "map/33/000"], kept[3]]
    older = GrowingLog(tmp_path / "x")
    older.grow(1)
    with pytest.raises(KonsensError) as caught:
        publish_map(older, objects)
    assert caught.value.code == "static.older_map"


@pytest.mark.parametrize(
    "name", [b"", b"1 1", b"1  1\n", b"01 1\n", b"1 01\n", b"-1 1\n", b"1 1\n\n", b"\xff"]
)
def test_a_name_has_one_spelling(name: bytes) -> None:
    assert parse_map_name(MapName(70_000, 12).render()) == MapName(70_000, 12)
    with pytest.raises(KonsensError) as caught:
        parse_map_name(name)
    assert caught.value.code == "static.map_name"
