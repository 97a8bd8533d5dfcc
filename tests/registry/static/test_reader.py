"""Following a log by its files: it may only grow, and two histories are evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from konsens.errors import InputError, KonsensError, VerificationError
from konsens.registry import (
    Checkpoint,
    check_checkpoint,
    check_inclusion,
    leaf_hash,
    root_of,
    sign_checkpoint,
)
from konsens.registry.static import StaticLog, export, fetch_from

from ..logs import ORIGIN, POLICY, SIGNER, VKEY, sign
from .logs import Files, GrowingLog, exported, files_of, grown, objects_of, read


class Served:
    """A server whose files can be exchanged, and that remembers what was asked."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.asked: list[str] = []

    def __call__(self, paths: Sequence[str]) -> list[bytes | None]:
        self.asked.extend(paths)
        return [self.files.get(path) for path in paths]


def other(home: Path, *documents: int) -> Files:
    """Return the files of another history under the same name and key."""
    log = GrowingLog(home)
    log._documents = 10_000
    for count in documents:
        log.grow(count)
    return files_of(exported(log))


def test_a_log_that_grows_is_followed(tmp_path: Path) -> None:
    log, served = GrowingLog(tmp_path), Served({})
    reader = StaticLog(served, POLICY, origin=ORIGIN)
    for documents in (0, 254, 1, 256, 700, 0):
        log.grow(documents)
        served.files = files_of(exported(log))
        reader.checkpoint()
        assert reader.size == len(log.entries())
        assert reader.entries(0, reader.size) == log.entries()
    assert reader.checkpoint() == reader.newest


def test_of_the_tiles_only_the_new_ones_are_fetched(tmp_path: Path) -> None:
    log = grown(tmp_path, 5000)
    served = Served(files_of(exported(log)))
    reader = StaticLog(served, POLICY, origin=ORIGIN)
    assert reader.checkpoint().proven.size == 5001
    assert served.asked == ["checkpoint", "tile/0/019.p/137", "tile/1/000.p/19"]
    log.grow(3)
    served.files = files_of(exported(log))
    served.asked.clear()
    reader.checkpoint()
    assert served.asked == ["checkpoint", "tile/0/019.p/141", "tile/1/000.p/19"]
    served.asked.clear()
    reader.prove_inclusion(300)
    reader.prove_inclusion(301)
    reader.entries(300, 600)
    assert served.asked == ["tile/0/001", "tile/entries/001", "tile/entries/002"]


@pytest.mark.parametrize(
    ("first", "then", "code"),
    [
        pytest.param([300], [200], "static.older", id="a smaller one, of another history"),
        pytest.param([300], [300], "static.fork", id="another one of the same size"),
        pytest.param([300], [300, 300], "static.fork", id="a longer one of another history"),
        pytest.param([255], [300, 300], "static.fork", id="after a size that filled its tiles"),
        pytest.param([0], [1, 0], "static.fork", id="after one entry"),
    ],
)
def test_another_history_is_not_followed(
    tmp_path: Path, first: list[int], then: list[int], code: str
) -> None:
    log = grown(tmp_path / "one", *first)
    served = Served(files_of(exported(log)))
    reader = StaticLog(served, POLICY, origin=ORIGIN)
    before = reader.checkpoint()
    served.files = other(tmp_path / "two", *then)
    with pytest.raises(KonsensError) as caught:
        reader.checkpoint()
    assert caught.value.code == code
    assert reader.newest == before
    served.files = files_of(exported(log))
    assert reader.entries(0, 1000) == log.entries()
    if code == "static.fork":
        assert isinstance(caught.value, VerificationError)
        notes = [str(caught.value.facts[name]) for name in ("seen", "served")]
        roots = {check_checkpoint(note, VKEY).root for note in notes}
        assert len(roots) == 2, "two signed notes that contradict each other: evidence for anybody"


def test_an_older_checkpoint_of_the_same_log_is_named(tmp_path: Path) -> None:
    log = grown(tmp_path, 30)
    served = Served(files_of(exported(log)))
    older = served.files["checkpoint"]
    log.grow(30)
    served.files = files_of(exported(log))
    reader = StaticLog(served, POLICY, origin=ORIGIN)
    reader.checkpoint()
    served.files["checkpoint"] = older
    with pytest.raises(KonsensError) as caught:
        reader.checkpoint()
    assert caught.value.code == "static.older"


def test_a_reader_goes_on_from_what_it_knew(tmp_path: Path) -> None:
    log = grown(tmp_path / "one", 300)
    objects = exported(log)
    known = read(objects).newest
    log.grow(300)
    export(log.store, objects, vkey=VKEY)
    again = StaticLog(fetch_from(objects), POLICY, origin=ORIGIN, known=known)
    assert again.size == 301
    assert again.entries(0, 1000) == log.entries()[:301], "also before a newer checkpoint was fetched"
    assert again.checkpoint().proven.size == 602
    forked = StaticLog(Served(other(tmp_path / "two", 400)), POLICY, origin=ORIGIN, known=known)
    with pytest.raises(KonsensError) as caught:
        forked.checkpoint()
    assert caught.value.code == "static.fork"


def test_the_first_question_fetches_the_checkpoint(tmp_path: Path) -> None:
    log = grown(tmp_path, 3)
    reader = StaticLog(fetch_from(exported(log)), POLICY, origin=ORIGIN)
    assert reader.entries(1, 3) == log.entries()[1:3]


def test_every_node_is_that_of_the_entries(tmp_path: Path) -> None:
    log = grown(tmp_path, 700)
    reader, hashes = read(exported(log)), [leaf_hash(entry) for entry in log.entries()]
    for level in range(10):
        for index in range(len(hashes) >> level):
            assert reader.node(level, index) == root_of(hashes[index << level : (index + 1) << level])
        with pytest.raises(InputError):
            reader.node(level, len(hashes) >> level)
    for place in (-1, 701):
        with pytest.raises(InputError):
            reader.prove_inclusion(place)
    for level, index in ((0, -1), (0, 3), (2, 0), (-1, 0)):
        with pytest.raises(InputError):
            reader.tile(level, index)
    proof = reader.prove_inclusion(700)
    check_inclusion(700, 701, hashes[700], proof.path, reader.newest.proven.root)
    assert reader.entries(5, 5) == reader.entries(9, 5) == reader.entries(-1, 5) == []


def test_an_empty_log_is_read(tmp_path: Path) -> None:
    reader = read(objects_of({"checkpoint": sign([]).encode()}))
    assert (reader.size, reader.entries(0, 5)) == (0, [])
    with pytest.raises(VerificationError) as caught:
        reader.head_of(0)
    assert caught.value.code == "static.no_head"


def test_an_empty_log_of_another_root_is_refused() -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), SIGNER).note
    with pytest.raises(KonsensError) as caught:
        read(objects_of({"checkpoint": note.encode()}))
    assert caught.value.code == "static.edge"


def test_a_checkpoint_that_does_not_end_with_a_head_leaf_is_named(tmp_path: Path) -> None:
    reader = read(exported(grown(tmp_path, 30)))
    assert reader.head_of(31).entry == reader.entries(30, 31)[0]
    with pytest.raises(VerificationError) as caught:
        reader.head_of(30)
    assert caught.value.code == "static.no_head"


def test_memory_stays_small_in_a_long_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("konsens.registry.static.reader.TILES_TO_KEEP", 4)
    log = grown(tmp_path, 4000)
    reader = read(exported(log))
    for index in range(0, 4001, 100):
        reader.prove_inclusion(index)
    assert len(reader._tiles) == 4
