"""Files that were lost or damaged after they were published are written again, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from konsens.errors import Damaged, KonsensError, Unavailable
from konsens.registry.static import (
    MemoryObjects,
    bundle_path,
    export,
    export_map,
    prune,
    repair,
    repair_map,
    tile_path,
)

from ..logs import VKEY, leaves
from .logs import GrowingLog, exported, files_of, grown, read


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> GrowingLog:
    made = grown(tmp_path_factory.mktemp("log"), 300, 5, 300)
    made.grow(3, seals=leaves(0, 20))
    return made


def lose(objects: MemoryObjects, path: str) -> None:
    objects.delete([path])


def flip(objects: MemoryObjects, path: str) -> None:
    data = objects.get(path) or b""
    objects.put([(path, bytes([data[0] ^ 1]) + data[1:])])


def cut(objects: MemoryObjects, path: str) -> None:
    objects.put([(path, (objects.get(path) or b"")[:-1])])


@pytest.mark.parametrize("damage", [lose, flip, cut])
def test_each_file_that_is_lost_or_wrong_is_written_again(
    log: GrowingLog, damage: Callable[[MemoryObjects, str], None]
) -> None:
    objects = exported(log)
    whole = files_of(objects)
    assert repair(log.store, objects, vkey=VKEY) == []
    for path in whole:
        if path.startswith("tile/"):
            damage(objects, path)
            export(log.store, objects, vkey=VKEY)
            assert files_of(objects) != whole  # an export does not look at what is there
            assert repair(log.store, objects, vkey=VKEY) == [path]
            assert files_of(objects) == whole
    assert len(whole) > 10


def test_all_files_but_the_checkpoint_come_back(log: GrowingLog) -> None:
    objects = exported(log)
    whole = files_of(objects)
    objects.delete(path for path in whole if path.startswith("tile/"))
    assert sorted(repair(log.store, objects, vkey=VKEY)) == sorted(set(whole) - {"checkpoint"})
    assert read(objects).entries(0, 999) == log.entries()


def test_what_was_pruned_stays_away_and_its_tiles_come_back(log: GrowingLog) -> None:
    objects = exported(log)
    prune(objects, vkey=VKEY, minimum=300)
    lose(objects, tile_path(0, 0))
    assert repair(log.store, objects, vkey=VKEY) == [tile_path(0, 0)]
    assert objects.get(bundle_path(0)) is None


def test_a_bucket_of_the_map_comes_back(log: GrowingLog) -> None:
    objects, size = exported(log), log.store.size()
    seals = log.log.seals_at(size)
    export_map(seals, log.store.rows, objects, size=size, depth=2)
    whole = files_of(objects)
    bucket = next(path for path in whole if path.startswith(f"map/{size}/"))
    lose(objects, bucket)
    assert repair_map(seals, log.store.rows, objects, size=size, depth=2) == [bucket]
    assert files_of(objects) == whole


@pytest.mark.parametrize(
    ("documents", "error", "code"),
    [
        pytest.param(None, Unavailable, "static.missing", id="nothing is published"),
        pytest.param(10, Damaged, "registry.rolled_back", id="more is published than the log has"),
        pytest.param(700, Damaged, "registry.fork", id="another log under the same key"),
    ],
)
def test_what_is_not_this_logs_is_left_as_it_is(
    log: GrowingLog, tmp_path: Path, documents: int | None, error: type[KonsensError], code: str
) -> None:
    objects = MemoryObjects() if documents is None else exported(log)
    before = files_of(objects)
    other = grown(tmp_path, documents or 1)
    with pytest.raises(error) as refused:
        repair(other.store, objects, vkey=VKEY)
    assert refused.value.code == code
    assert files_of(objects) == before
