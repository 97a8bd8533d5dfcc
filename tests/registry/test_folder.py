"""The registry folder: made whole or not at all, told apart from its copies, and known again after a move."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from konsens.errors import Conflict, Damaged, InputError, KonsensError, NotFound, NotTrusted, Unavailable
from konsens.registry import (
    NoteSigner,
    Place,
    Registry,
    Remembered,
    check_checkpoint,
    check_holds_all,
    check_registry_origin,
    fsck,
    render_vkey,
)
from konsens.registry.birth import birth_of

from .logs import AT, ORIGIN, SIGNER, VKEY, by_hand, later, leaf, leaves, make, memory_of, public


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "registry"
    make(made, seals=5)
    return made


def test_a_new_folder_holds_the_log_and_its_key(tmp_path: Path) -> None:
    with Registry.create(tmp_path / "deep" / "reg", origin=ORIGIN, signer=SIGNER) as registry:
        assert (registry.origin, registry.vkey, registry.size()) == (ORIGIN, VKEY, 0)
        assert registry.checkpoint() is None
    assert sorted(path.name for path in (tmp_path / "deep" / "reg").iterdir()) == ["log.sqlite", "vkey"]
    assert (tmp_path / "deep" / "reg" / "vkey").read_text() == render_vkey(VKEY) + "\n"
    assert fsck(tmp_path / "deep" / "reg", vkey=VKEY).failed == ()


def test_an_empty_folder_is_taken_and_any_other_is_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    Registry.create(tmp_path / "empty", origin=ORIGIN, signer=SIGNER).close()
    (tmp_path / "file").touch()
    for taken in (tmp_path / "empty", tmp_path / "file"):
        with pytest.raises(Conflict) as refused:
            Registry.create(taken, origin=ORIGIN, signer=SIGNER)
        assert refused.value.code == "registry.exists"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


@pytest.mark.parametrize("origin", ["log.muster.example", "münchen", "a", "x" * 200, "example.com/log/2026"])
def test_a_log_may_bear_these_names(origin: str) -> None:
    check_registry_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        *("", " ", "a b", "a\u2003b", "a+b", "a\nb", "a\tb", "a\u202eb", "a\x7fb", "a\u2028b", "\ud800"),
        *("konsens/leaf/v1", "konsens/", "x" * 201),
    ],
)
def test_a_log_may_not_bear_these_names(origin: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        check_registry_origin(origin)
    assert refused.value.code == "registry.origin"
    with pytest.raises(InputError):
        Registry.create(tmp_path / "reg", origin=origin, signer=SIGNER)
    assert not (tmp_path / "reg").exists()


def test_the_signer_bears_the_name_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Registry.create(tmp_path / "reg", origin="log.other.example", signer=SIGNER)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda vkey: vkey.unlink(), id="missing"),
        pytest.param(lambda vkey: vkey.write_text("hello\n"), id="unreadable"),
        pytest.param(lambda vkey: vkey.write_bytes(b"\xff\xfe"), id="not text"),
        pytest.param(
            lambda vkey: vkey.write_text(render_vkey(NoteSigner(ORIGIN, bytes(31) + b"\1").vkey) + "\n"),
            id="another key",
        ),
    ],
)
def test_a_folder_with_another_key_than_its_log_is_not_opened(
    folder: Path, damage: Callable[[Path], object]
) -> None:
    damage(folder / "vkey")
    with pytest.raises(Damaged) as refused:
        Registry.open(folder)
    assert refused.value.code == "registry.vkey"


def test_a_folder_that_is_none_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as refused:
        Registry.open(tmp_path)
    assert refused.value.code == "registry.not_found"


def test_the_newest_checkpoint_lies_in_its_file(folder: Path) -> None:
    with Registry.open(folder) as registry:
        registry.append([leaf(9)])
        newest = registry.publish(SIGNER, at=later(1), remembered=memory_of(folder))
        assert registry.checkpoint() == newest
    assert (folder / "checkpoint").read_text() == newest.note
    assert check_checkpoint((folder / "checkpoint").read_text(), VKEY) == newest.checkpoint


def test_a_lost_checkpoint_file_is_written_again_though_nothing_is_new(folder: Path) -> None:
    note = (folder / "checkpoint").read_text()
    (folder / "checkpoint").unlink()
    with Registry.open(folder) as registry:
        registry.publish(SIGNER, at=later(1), remembered=memory_of(folder))
    assert (folder / "checkpoint").read_text() == note


def test_a_link_put_in_the_way_of_the_checkpoint_file_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (folder / "checkpoint.new").symlink_to(tmp_path / "precious")
    with Registry.open(folder) as registry:
        registry.append([leaf(9)])
        registry.publish(SIGNER, at=later(1), remembered=memory_of(folder))
    assert (tmp_path / "precious").read_text() == "precious"
    assert (folder / "checkpoint").is_file()


def test_the_operators_own_file_is_for_nobody_else(folder: Path) -> None:
    assert stat.S_IMODE(memory_of(folder).path.stat().st_mode) == 0o600


def test_appends_of_another_process_are_seen_at_once(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from konsens.registry import Registry;"
        "from tests.registry.logs import leaf, public;"
        "Registry.open(Path(sys.argv[1])).append([leaf(77), public(7)])"
    )
    with Registry.open(folder) as registry:
        assert registry.find(leaf(77).seal) is None
        subprocess.run([sys.executable, "-c", program, str(folder)], check=True)
        assert registry.find(leaf(77).seal) in (6, 7)
        assert registry.find_public(public(7).digest) in (6, 7)
        assert registry.size() == 8


def test_many_append_at_once_and_every_leaf_has_one_place(folder: Path) -> None:
    answers: dict[int, list[int]] = {}

    def write(number: int) -> None:
        with Registry.open(folder) as registry:
            answers[number] = [registry.append(leaves(10 * n, 10 * n + 20))[-1] for n in range(6)]

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(answers) == 4
    assert len({tuple(indices) for indices in answers.values()}) == 1
    with Registry.open(folder) as registry:
        assert registry.size() == 6 + 65
        registry.publish(SIGNER, at=later(1), remembered=memory_of(folder))
    assert fsck(folder).failed == ()


def test_checkpoints_are_made_while_others_append(folder: Path) -> None:
    def write(number: int) -> None:
        with Registry.open(folder) as registry:
            for one in leaves(100 * number, 100 * number + 40):
                registry.append([one])

    writers = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    minutes = 0
    with Registry.open(folder) as registry:
        while any(writer.is_alive() for writer in writers):
            minutes += 1
            registry.publish(SIGNER, at=later(minutes), remembered=memory_of(folder))
        newest = registry.publish(SIGNER, at=later(minutes), remembered=memory_of(folder))
        assert newest.checkpoint.size == registry.size()
        assert all(registry.find(one.seal) for one in [*leaves(100, 140), *leaves(200, 240)])
    assert fsck(folder, vkey=VKEY).failed == ()


def copied(folder: Path, elsewhere: Path) -> Path:
    shutil.copytree(folder, elsewhere)
    return elsewhere


def replaced_in_place(folder: Path, elsewhere: Path) -> Path:
    shutil.copytree(folder, elsewhere)
    shutil.rmtree(folder)
    shutil.copytree(elsewhere, folder)
    return folder


def moved(folder: Path, elsewhere: Path) -> Path:
    folder.rename(elsewhere)
    return elsewhere


@pytest.mark.parametrize("make_copy", [copied, replaced_in_place, moved])
def test_a_copy_proves_the_past_and_says_nothing_about_now(
    folder: Path, tmp_path: Path, make_copy: Callable[[Path, Path], Path]
) -> None:
    with Registry.open(folder) as registry:
        place, proof = registry.place, registry.prove_holds(0, leaf(9).seal)
        registry.check_own()
    copy = make_copy(folder, tmp_path / "elsewhere")
    with Registry.open(copy, place=place) as registry:
        assert registry.is_copy
        assert registry.prove_holds(0, leaf(9).seal) == proof
        assert registry.find(leaf(1).seal) is not None
        for now in (
            registry.check_own,
            lambda: registry.append([leaf(9)]),
            lambda: registry.publish(SIGNER, at=AT, remembered=memory_of(folder)),
        ):
            with pytest.raises(Unavailable) as refused:
                now()
            assert refused.value.code == "registry.copy"
        assert registry.size() == 6


@pytest.mark.parametrize("made", [replaced_in_place, moved])
def test_a_store_that_is_taken_away_while_it_is_open_is_no_longer_ours(
    folder: Path, tmp_path: Path, made: Callable[[Path, Path], Path]
) -> None:
    with Registry.open(folder) as registry:
        made(folder, tmp_path / "elsewhere")
        with pytest.raises(Unavailable) as refused:
            registry.append([leaf(9)])
        assert refused.value.code == "registry.copy"


def test_the_same_folder_by_another_way_is_still_the_own_store(folder: Path, tmp_path: Path) -> None:
    with Registry.open(folder) as registry:
        place = registry.place
    (tmp_path / "link").symlink_to(folder)
    (folder / "sub").mkdir()
    for way in (tmp_path / "link", folder / "sub" / "..", Path(os.path.relpath(folder))):
        with Registry.open(way, place=place) as registry:
            assert not registry.is_copy
            registry.check_own()


@pytest.mark.skipif(
    not birth_of(Path(__file__)), reason="this file system does not tell when a file was made"
)
def test_an_inode_number_that_is_given_out_again_is_told_by_its_birth(folder: Path, tmp_path: Path) -> None:
    for _ in range(5):
        with Registry.open(folder) as registry:
            place = registry.place
        replaced_in_place(folder, tmp_path / "elsewhere")
        shutil.rmtree(tmp_path / "elsewhere")
        with Registry.open(folder, place=place) as registry:
            assert registry.is_copy


def test_a_place_without_a_birth_is_told_by_path_and_inode(folder: Path) -> None:
    with Registry.open(folder) as registry:
        place = registry.place
    with Registry.open(folder, place=Place(place.path, place.inode)) as registry:
        registry.check_own()
    with Registry.open(folder, place=Place(place.path, place.inode + 1)) as registry:
        assert registry.is_copy


def test_an_older_state_written_over_the_log_is_told_by_the_size_that_was_seen(folder: Path) -> None:
    old = (folder / "log.sqlite").read_bytes()
    with Registry.open(folder) as registry:
        registry.append([leaf(9)])
        place, size = registry.place, registry.size()
    (folder / "log.sqlite").write_bytes(old)
    with Registry.open(folder, place=place) as registry:
        registry.check_own(size=size - 1)
        with pytest.raises(Damaged) as refused:
            registry.check_own(size=size)
        assert refused.value.code == "registry.rolled_back"


def remembered(folder: Path, *numbers: int) -> Remembered:
    """Return what a home knows that has seen the newest checkpoint and appended some leaves."""
    with Registry.open(folder) as registry:
        own = [(registry.find(leaf(number).seal) or 0, leaf(number).entry) for number in numbers]
        newest = registry.checkpoint()
        assert newest is not None
        return Remembered(VKEY, newest.checkpoint.size, newest.checkpoint.root, own)


def test_a_moved_folder_that_holds_all_gets_a_new_place(folder: Path, tmp_path: Path) -> None:
    with Registry.open(folder) as registry:
        registry.append([leaf(8)])
    known = remembered(folder, 0, 3, 8)
    with Registry.open(folder) as registry:
        registry.append([leaf(9)])
    place = check_holds_all(moved(folder, tmp_path / "elsewhere"), known)
    with Registry.open(tmp_path / "elsewhere", place=place) as registry:
        registry.append([leaf(10)])


def test_a_home_that_remembers_nothing_takes_any_log_of_the_key(folder: Path) -> None:
    assert check_holds_all(folder, Remembered(VKEY)).path == str(folder.resolve())


def older(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("DELETE FROM entries WHERE idx >= 4")


def without_a_later_leaf(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("DELETE FROM entries WHERE idx = 6")


def with_another_leaf(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("UPDATE entries SET entry = ? WHERE idx = 6", (leaf(50).entry,))


def with_another_past(folder: Path) -> None:
    with by_hand(folder) as db:
        db.execute("UPDATE entries SET entry = ? WHERE idx = 2", (leaf(50).entry,))


def of_another_key(folder: Path) -> None:
    shutil.rmtree(folder)
    Registry.create(folder, origin=ORIGIN, signer=NoteSigner(ORIGIN, bytes(31) + b"\1")).close()


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        pytest.param(older, Damaged, "registry.rolled_back", id="shorter"),
        pytest.param(without_a_later_leaf, Damaged, "registry.missing_leaf", id="own leaf missing"),
        pytest.param(with_another_leaf, Damaged, "registry.missing_leaf", id="own leaf changed"),
        pytest.param(with_another_past, Damaged, "registry.fork", id="another past"),
        pytest.param(of_another_key, NotTrusted, "registry.other_key", id="another key"),
    ],
)
def test_a_folder_that_lost_something_is_not_taken(
    folder: Path, change: Callable[[Path], None], kind: type[KonsensError], code: str
) -> None:
    with Registry.open(folder) as registry:
        registry.append([leaf(8)])
    known = remembered(folder, 0, 8)
    change(folder)
    with pytest.raises(kind) as refused:
        check_holds_all(folder, known)
    assert refused.value.code == code
