"""The bundle's shell has one spelling, and nothing else is read."""

from __future__ import annotations

import errno
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import Damaged, InputError, KonsensError
from konsens.trail.container import read_container, write_container

FILES = {"manifest.json": b"{}", "events/ab.jws": b"a.b.c", "README.txt": b"hello"}


def packed(files: dict[str, bytes] = FILES) -> bytes:
    out = io.BytesIO()
    write_container(files, out)
    return out.getvalue()


names = st.from_regex(r"[a-z][a-z0-9.]{0,8}(/[a-z][a-z0-9]{0,8})?", fullmatch=True)


@given(st.dictionaries(names, st.binary(max_size=200), max_size=8))
def test_reading_after_writing_is_the_identity(files: dict[str, bytes]) -> None:
    with read_container(packed(files)) as container:
        assert {name: container.read(name) for name in container.names} == files
        assert list(container.names) == sorted(files, key=str.encode)


def test_every_flipped_byte_is_found() -> None:
    good = packed()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 0x41
        data = bytes(bad)
        with pytest.raises(Damaged):
            read_container(data)


def test_a_changed_file_is_named() -> None:
    with pytest.raises(Damaged) as caught:
        read_container(packed().replace(b"a.b.c", b"a.b.d"))
    assert (caught.value.code, caught.value.facts["file"]) == ("bundle.file_changed", "events/ab.jws")


def other_zip(change: Callable[[zipfile.ZipFile], None]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        change(archive)
    return out.getvalue()


def bomb(archive: zipfile.ZipFile) -> None:
    archive.writestr(zipfile.ZipInfo("a"), b"0" * 10_000_000, compress_type=zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda a: a.writestr("../evil", b""), "bundle.name", id="a name that climbs out"),
        pytest.param(lambda a: a.writestr("/etc/passwd", b""), "bundle.name", id="an absolute name"),
        pytest.param(lambda a: a.writestr("a\\b", b""), "bundle.name", id="a backslash"),
        pytest.param(lambda a: a.writestr("ä", b""), "bundle.name", id="a name beyond ASCII"),
        pytest.param(lambda a: a.mkdir("folder"), "bundle.name", id="a folder entry"),
        pytest.param(lambda a: a.writestr("a", b""), "bundle.not_canonical", id="today's date"),
        pytest.param(bomb, "bundle.not_canonical", id="a deflate bomb"),
    ],
)
def test_another_zip_is_refused(change: Callable[[zipfile.ZipFile], None], code: str) -> None:
    with pytest.raises(Damaged) as caught:
        read_container(other_zip(change))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"not a zip", packed()[:-1], packed()[10:], packed() + b"\0", b"\0" + packed()],
    ids=["empty", "two letters", "text", "cut", "beheaded", "one byte more", "one byte before"],
)
def test_what_is_no_whole_zip_is_refused(data: bytes) -> None:
    with pytest.raises(Damaged) as caught:
        read_container(data)
    assert caught.value.code in {"bundle.not_a_zip", "bundle.not_canonical"}


def test_names_are_checked_before_anything_is_written() -> None:
    with pytest.raises(ValueError, match=r"no bundle holds '\.\./a'"):
        packed({"../a": b""})
    with pytest.raises(ValueError, match="no bundle holds 'a'"):
        write_container([("b", b""), ("a", b"")], io.BytesIO())


def test_a_repeated_file_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", b"2")
    with pytest.raises(Damaged):
        read_container(out.getvalue())


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        pytest.param(errno.EINVAL, Damaged, "bundle.not_a_zip", id="a directory before the file"),
        pytest.param(errno.EIO, InputError, "file.unreadable", id="the disk"),
    ],
)
def test_a_disk_that_fails_says_nothing_against_a_bundle(
    number: int, kind: type[KonsensError], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundle.zip").write_bytes(b"PK")

    def fail(*_: object) -> None:
        raise OSError(number, "as told")

    monkeypatch.setattr(zipfile, "ZipFile", fail)
    with pytest.raises(kind) as refused:
        read_container(tmp_path / "bundle.zip")
    assert refused.value.code == code
