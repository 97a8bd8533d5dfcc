"""Pruning takes old entries away and nothing that a proof needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from konsens.errors import KonsensError
from konsens.registry import check_consistency_proof, check_inclusion_proof, leaf_hash
from konsens.registry.static import MemoryObjects, export, prune

from ..logs import POLICY, VKEY
from .logs import exported, files_of, grown, read


def test_pruned_entries_are_named_and_everything_else_goes_on(tmp_path: Path) -> None:
    log = grown(tmp_path, 1000, 1000)
    objects, entries = exported(log), log.entries()
    before = files_of(objects)
    assert prune(objects, vkey=VKEY, minimum=700) == 2
    gone = set(before) - set(files_of(objects))
    assert gone == {"tile/entries/000", "tile/entries/001"}
    reader = read(objects)
    for start in (0, 511):
        with pytest.raises(KonsensError) as caught:
            reader.entries(start, start + 1)
        assert caught.value.code == "static.pruned"
    assert reader.entries(512, 3000) == entries[512:]
    check_inclusion_proof(reader.prove_inclusion(3), leaf_hash=leaf_hash(entries[3]), policy=POLICY)
    older = read(exported(grown(tmp_path / "again", 1000))).newest.proven
    check_consistency_proof(reader.prove_consistency(older.size), old=older, policy=POLICY)


def test_the_export_goes_on_and_nothing_pruned_comes_back(tmp_path: Path) -> None:
    log = grown(tmp_path, 1000)
    objects = exported(log)
    prune(objects, vkey=VKEY, minimum=700)
    log.grow(1000)
    export(log.store, objects, vkey=VKEY)
    full = files_of(exported(log))
    assert set(full) - set(files_of(objects)) == {"tile/entries/000", "tile/entries/001"}
    assert files_of(objects)["minimum-index"] == b"700\n"


def test_the_bundle_of_the_newest_head_leaf_stays(tmp_path: Path) -> None:
    objects = exported(grown(tmp_path, 1023))
    assert prune(objects, vkey=VKEY, minimum=1024) == 3
    reader = read(objects)
    assert reader.size == 1024
    reader.head_of(1024)


@pytest.mark.parametrize("minimum", [-1, 699, 1002, 1 << 70])
def test_the_minimum_goes_forward_and_not_beyond_the_checkpoint(tmp_path: Path, minimum: int) -> None:
    objects = exported(grown(tmp_path, 1000))
    prune(objects, vkey=VKEY, minimum=700)
    before = files_of(objects)
    with pytest.raises(KonsensError) as caught:
        prune(objects, vkey=VKEY, minimum=minimum)
    assert caught.value.code == "static.minimum"
    assert files_of(objects) == before
    assert prune(objects, vkey=VKEY, minimum=1001) == 1


def test_a_bundle_above_the_minimum_is_missing_and_not_pruned(tmp_path: Path) -> None:
    objects = exported(grown(tmp_path, 1000))
    prune(objects, vkey=VKEY, minimum=300)
    objects.delete(["tile/entries/001"])
    with pytest.raises(KonsensError) as caught:
        read(objects).entries(0, 1000)
    assert (caught.value.code, caught.value.facts["path"]) == ("static.pruned", "tile/entries/000")
    with pytest.raises(KonsensError) as caught:
        read(objects).entries(256, 1000)
    assert (caught.value.code, caught.value.facts["path"]) == ("static.missing", "tile/entries/001")


def test_where_nothing_is_published_nothing_is_pruned() -> None:
    with pytest.raises(KonsensError) as caught:
        prune(MemoryObjects(), vkey=VKEY, minimum=0)
    assert caught.value.code == "static.missing"
