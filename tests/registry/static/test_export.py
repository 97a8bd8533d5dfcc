"""Exporting: what was exported is the log; little by little or all at once, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proofbundle import tlogproof
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # has no types

from konsens.errors import KonsensError
from konsens.registry import (
    Cosigner,
    MemoryStore,
    NoteSigner,
    check_consistency_proof,
    check_inclusion_proof,
    cosign,
    leaf_hash,
    render_proof,
    render_vkey,
    root_of,
)
from konsens.registry.static import (
    FolderObjects,
    MemoryObjects,
    StaticLog,
    TileName,
    bundle_path,
    export,
    fetch_from,
    parse_path,
    render_bundle,
    tile_path,
)
from konsens.registry.static.edge import edge_of
from konsens.registry.tiles import TileBuilder

from ..logs import AT, ORIGIN, POLICY, VKEY, leaves
from .logs import GrowingLog, exported, files_of, grown, read

growths = st.lists(st.integers(0, 40) | st.integers(200, 300) | st.integers(500, 530), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(growths, st.data())
def test_little_by_little_is_all_at_once_and_what_is_read_is_the_log(
    tmp_path_factory: pytest.TempPathFactory, documents: list[int], data: st.DataObject
) -> None:
    log, objects = GrowingLog(tmp_path_factory.mktemp("log")), MemoryObjects()
    follower, sizes = StaticLog(fetch_from(objects), POLICY, origin=ORIGIN), []
    for count in documents:
        sizes.append(log.grow(count))
        if data.draw(st.booleans()):
            export(log.store, objects, vkey=VKEY)
            follower.checkpoint()
    export(log.store, objects, vkey=VKEY)
    assert files_of(objects) == files_of(exported(log))
    follower.checkpoint()
    entries = log.entries()
    assert follower.entries(0, len(entries) + 1) == entries
    start, stop = (data.draw(st.integers(0, len(entries))) for _ in range(2))
    assert follower.entries(start, stop) == entries[start:stop]
    index, old = data.draw(st.integers(0, len(entries) - 1)), data.draw(st.sampled_from(sizes))
    proof = follower.prove_inclusion(index)
    check_inclusion_proof(proof, leaf_hash=leaf_hash(entries[index]), policy=POLICY)
    older = read(exported_as_of(log, old)).newest.proven
    check_consistency_proof(follower.prove_consistency(old), old=older, policy=POLICY)


def exported_as_of(log: GrowingLog, size: int) -> MemoryObjects:
    objects = MemoryObjects()
    note = dict(log.store.checkpoints(0))[size]
    export(log.store, objects, vkey=VKEY, note=note)
    return objects


def test_the_files_are_those_of_the_specification_and_no_others(tmp_path: Path) -> None:
    """Computed from the entries by the formula of tlog-tiles, "Merkle Tree"."""
    log = grown(tmp_path, 3, 300, 66_000, 2)
    sizes, entries = [size for size, _ in log.store.checkpoints(0)], log.entries()
    hashes = [leaf_hash(entry) for entry in entries]
    expected: dict[str, bytes] = {"checkpoint": log.store.checkpoints(0)[-1][1].encode()}

    def full(level: int, index: int) -> bool:
        return (index + 1) << 8 * (level + 1) <= len(hashes)

    level, row = 0, hashes
    while row:
        names = {TileName(level, index, 256) for index in range(len(row) // 256)}
        partial = {tile for size in sizes for tile in edge_of(size) if tile.level == level}
        for tile in names | {tile for tile in partial if not full(tile.level, tile.index)}:
            first = 256 * tile.index
            expected[tile_path(level, tile.index, tile.width)] = b"".join(row[first : first + tile.width])
            if level == 0:
                some = entries[first : first + tile.width]
                data = b"".join(len(entry).to_bytes(2, "big") + entry for entry in some)
                expected[bundle_path(tile.index, tile.width)] = data
        row = [root_of(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
        level += 1
    files = files_of(exported(log))
    assert files == expected
    assert all(parse_path(path) for path in files if path != "checkpoint")


def test_pymerkle_finds_the_same_root_over_the_entries_that_are_read(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    log.grow(600, seals=leaves(0, 9))
    reader, tree = read(exported(log)), InmemoryTree(algorithm="sha256")
    for entry in reader.entries(0, reader.size):
        tree.append_entry(entry)
    assert tree.get_root() == reader.newest.proven.root
    assert tree.get_root(512) == reader.node(9, 0)


def test_proofbundle_accepts_proofs_that_are_made_from_files(tmp_path: Path) -> None:
    log = grown(tmp_path, 300, 300)
    reader, entries = read(exported(log)), log.entries()
    for index in (0, 255, 256, 300, 601):
        text = render_proof(reader.prove_inclusion(index))
        verdict = tlogproof.verify_tlog_proof(
            text, entries[index], render_vkey(VKEY), [], threshold=0, expected_origin=ORIGIN
        )
        assert (verdict["ok"], verdict["index"], verdict["tree_size"]) == (True, index, 602)


class Recording(MemoryObjects):
    """Objects that remember which were written."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self.written: list[str] = []
        self.put(files.items())
        self.written.clear()

    def put(self, objects: Iterable[tuple[str, bytes]]) -> None:
        for key, data in objects:
            self.written.append(key)
            super().put([(key, data)])

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        self.written.append(key)
        super().swap(key, old, new)


def test_only_what_is_new_is_written_and_the_checkpoint_last(tmp_path: Path) -> None:
    log = grown(tmp_path, 5000)
    objects = Recording(files_of(exported(log)))
    export(log.store, objects, vkey=VKEY)
    assert objects.written == []
    log.grow(10)
    export(log.store, objects, vkey=VKEY)
    assert sorted(objects.written[:-1]) == ["tile/0/019.p/148", "tile/1/000.p/19", "tile/entries/019.p/148"]
    assert objects.written[-1] == "checkpoint"


def test_more_cosignatures_take_the_place_of_fewer_and_are_kept(tmp_path: Path) -> None:
    log = grown(tmp_path, 30)
    objects = exported(log)
    note = (objects.get("checkpoint") or b"").decode()
    cosigned = cosign(note, Cosigner("witness.example", b"w" * 32), at=AT + timedelta(minutes=1))
    export(log.store, objects, vkey=VKEY, note=cosigned)
    assert objects.get("checkpoint") == cosigned.encode()
    for fewer in (None, note):
        assert export(log.store, objects, vkey=VKEY, note=fewer).note == cosigned
        assert objects.get("checkpoint") == cosigned.encode()
    later = cosign(note, Cosigner("witness.example", b"w" * 32), at=AT + timedelta(minutes=5))
    assert export(log.store, objects, vkey=VKEY, note=later).note == later


def other_log(home: Path, *documents: int) -> GrowingLog:
    """Return a log under the same name and key, of other entries."""
    log = GrowingLog(home / "other")
    log._documents = 10_000
    for count in documents:
        log.grow(count)
    return log


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        pytest.param([100], "registry.rolled_back", id="shorter"),
        pytest.param([300], "registry.fork", id="the same size"),
        pytest.param([300, 300], "registry.fork", id="longer"),
    ],
)
def test_a_log_that_is_not_the_published_one_is_not_exported_over_it(
    tmp_path: Path, documents: list[int], code: str
) -> None:
    objects = exported(grown(tmp_path, 300))
    before, other = files_of(objects), other_log(tmp_path, *documents)
    with pytest.raises(KonsensError) as caught:
        export(other.store, objects, vkey=VKEY)
    assert caught.value.code == code
    assert files_of(objects) == before


def test_what_another_log_published_is_not_written_over(tmp_path: Path) -> None:
    log, stranger = grown(tmp_path, 5), NoteSigner("other.example", bytes(32))
    with pytest.raises(KonsensError) as caught:
        export(log.store, exported(log), vkey=stranger.vkey)
    assert caught.value.code == "note.unknown_signer"


def test_a_log_without_a_checkpoint_has_nothing_to_export() -> None:
    objects = MemoryObjects()
    with pytest.raises(KonsensError) as caught:
        export(MemoryStore(), objects, vkey=VKEY)
    assert caught.value.code == "static.no_checkpoint"
    assert files_of(objects) == {}


@pytest.mark.parametrize(
    ("place", "code"),
    [(0, "registry.damaged"), (700, "registry.damaged"), (-1, "registry.damaged")],
)
def test_entries_that_are_not_those_signed_are_not_published(tmp_path: Path, place: int, code: str) -> None:
    log = grown(tmp_path, 400, 400)
    log.store._entries[place] = bytes(33)
    log.store._tiles.clear()
    rebuild_tiles(log)
    objects = MemoryObjects()
    with pytest.raises(KonsensError) as caught:
        export(log.store, objects, vkey=VKEY)
    assert caught.value.code == code
    assert objects.get("checkpoint") is None


@pytest.mark.parametrize(
    ("left", "code"),
    [(500, "registry.rolled_back"), (None, "registry.damaged")],
    ids=["the tail", "one of them"],
)
def test_entries_that_are_lost_are_not_passed_over(tmp_path: Path, left: int | None, code: str) -> None:
    log = grown(tmp_path, 400, 400)
    if left is not None:
        del log.store._entries[left:]
    else:
        log.store.entries = lambda start, stop: log.store._entries[start : min(stop, 300)]  # type: ignore[method-assign]  # a gap
    objects = MemoryObjects()
    with pytest.raises(KonsensError) as caught:
        export(log.store, objects, vkey=VKEY)
    assert (caught.value.code, objects.get("checkpoint")) == (code, None)


def test_an_entry_that_no_bundle_can_hold_is_refused() -> None:
    assert len(render_bundle([bytes(65_535)])) == 65_537
    with pytest.raises(KonsensError) as caught:
        render_bundle([bytes(65_536)])
    assert caught.value.code == "static.entry"


def rebuild_tiles(log: GrowingLog) -> None:
    with log.store.writing():
        log.store.add_tiles(TileBuilder().extend(map(leaf_hash, log.entries())))


def test_who_comes_too_late_is_told(tmp_path: Path) -> None:
    """Two exporters: one is overtaken between its reading and its swap, the other before it began."""
    log = grown(tmp_path, 300)
    objects = Overtaken(exported(log))
    log.grow(3)
    earlier = log.store.checkpoints(0)[-1][1]
    log.grow(3)
    objects.meanwhile = lambda: export(log.store, objects, vkey=VKEY)
    for _ in range(2):
        with pytest.raises(KonsensError) as caught:
            export(log.store, objects, vkey=VKEY, note=earlier)
        assert caught.value.code == "static.overtaken"
    assert files_of(objects) == files_of(exported(log))


class Overtaken(Recording):
    """Objects in which somebody else publishes just before the next swap."""

    meanwhile: Callable[[], object] | None = None

    def __init__(self, objects: MemoryObjects) -> None:
        super().__init__(files_of(objects))

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        if act := self.meanwhile:
            self.meanwhile = None
            act()
        super().swap(key, old, new)


def test_a_folder_holds_the_same_files(tmp_path: Path) -> None:
    log = grown(tmp_path, 300)
    objects = FolderObjects(tmp_path / "public")
    export(log.store, objects, vkey=VKEY)
    log.grow(300)
    export(log.store, objects, vkey=VKEY)
    files = files_of(exported(log))
    assert {key: objects.get(key) for key in objects.list("")} == files
    folder = tmp_path / "public"
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == set(files)
    assert not list(folder.rglob("001.p")), "no empty folder stays behind"
