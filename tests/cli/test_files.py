"""Files are read with a cap, and written whole or not at all, never over what is there."""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from konsens.cli.files import check_free, read_input, write_new
from konsens.errors import KonsensError


def test_a_new_file_holds_the_bytes_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    os.umask(os.umask(0))
    write_new(tmp_path / "a", b"data")
    assert (tmp_path / "a").read_bytes() == b"data"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("prepare", "force", "code"),
    [
        pytest.param(lambda p: p.write_bytes(b"old"), False, "file.exists", id="a file"),
        pytest.param(lambda p: p.mkdir(), False, "file.not_a_file", id="a folder"),
        pytest.param(lambda p: p.mkdir(), True, "file.not_a_file", id="a folder, by force"),
        pytest.param(lambda p: p.symlink_to("b"), False, "file.not_a_file", id="a link to nowhere"),
        pytest.param(lambda p: p.symlink_to("b"), True, "file.not_a_file", id="a link to nowhere, by force"),
        pytest.param(lambda p: p.symlink_to("/dev/null"), True, "file.not_a_file", id="a link to a device"),
        pytest.param(lambda p: os.mkfifo(p), True, "file.not_a_file", id="a pipe"),
    ],
)
def test_what_is_there_is_never_written_over_or_followed(
    prepare: Callable[[Path], object], force: bool, code: str, tmp_path: Path
) -> None:
    target = tmp_path / "a"
    prepare(target)
    before = os.lstat(target)
    with pytest.raises(KonsensError) as asked:
        check_free(target, force=force)
    with pytest.raises(KonsensError) as written:
        write_new(target, b"new", force=force)
    assert (asked.value.code, written.value.code) == (code, code)
    assert os.lstat(target)[:7] == before[:7]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_force_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    check_free(tmp_path / "a", force=True)
    write_new(tmp_path / "a", b"new", force=True)
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    for act in (check_free, lambda path: write_new(path, b"")):
        with pytest.raises(KonsensError) as caught:
            act(tmp_path / "no" / "a")
        assert caught.value.code == "file.no_folder"


def test_of_many_writers_of_one_name_one_wins(tmp_path: Path) -> None:
    codes: list[str] = []

    def write(n: int) -> None:
        try:
            write_new(tmp_path / "a", str(n).encode() * 1000)
            codes.append("ok")
        except KonsensError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["file.exists"] * 7 + ["ok"]
    assert len(set((tmp_path / "a").read_bytes())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("call", ["os.fsync", "os.open", "pathlib.Path.replace", "pathlib.Path.hardlink_to"])
def test_a_fault_leaves_what_was_there_and_nothing_half_written(
    call: str, force: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a"
    if force:
        target.write_bytes(b"old")
    monkeypatch.setattr(call, refuse)
    code = ""
    try:
        write_new(target, b"new", force=force)
    except KonsensError as error:
        code = error.code
    monkeypatch.undo()
    assert code in {"", "file.unwritable"}
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert left == ({"a": b"new"} if not code else {"a": b"old"} if force else {})


def test_without_hard_links_a_file_is_still_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    write_new(tmp_path / "a", b"data")
    assert (tmp_path / "a").read_bytes() == b"data"
    monkeypatch.setattr("konsens.cli.files.check_free", lambda *_, **__: None)  # it appears in this moment
    with pytest.raises(KonsensError) as caught:
        write_new(tmp_path / "a", b"other")
    assert caught.value.code == "file.exists"
    assert (tmp_path / "a").read_bytes() == b"data"


def test_reading_stops_at_the_cap(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_input(tmp_path / "a", max_bytes=5) == b"12345"
    with pytest.raises(KonsensError) as caught:
        read_input(tmp_path / "a", max_bytes=4)
    assert caught.value.code == "input.too_large"
    with pytest.raises(KonsensError) as caught:
        read_input("/dev/zero", max_bytes=4)
    assert caught.value.code == "input.too_large"


def test_a_dash_reads_stdin_and_writes_stdout(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xffin")))
    assert read_input("-") == b"\xffin"
    check_free("-")
    write_new("-", b"\xffout")
    assert capsysbinary.readouterr().out == b"\xffout"


@pytest.mark.parametrize(("name", "code"), [("missing", "file.missing"), (".", "file.unreadable")])
def test_what_cannot_be_read_is_named(name: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(KonsensError) as caught:
        read_input(tmp_path / name)
    assert caught.value.code == code
