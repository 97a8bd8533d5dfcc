"""Where a passphrase comes from, and that it comes from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from konsens.cli.answers import IdOne
from konsens.cli.frame import Common, Frame, Outcome
from konsens.cli.secret import from_file, normal
from konsens.errors import KonsensError
from tests.cli.conftest import Konsens, Sample, in_its_own_process


@pytest.fixture
def secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "pp"
    path.touch(mode=0o600)
    monkeypatch.setenv("KONSENS_PASSPHRASE_FILE", str(path))
    return path


def passphrase(**common: int | bool) -> str:
    return Frame("sample", Common(no_input=True, **common)).passphrase()  # type: ignore[arg-type]  # of each its own


@pytest.mark.parametrize(
    ("data", "secret"),
    [
        (b"correct horse\n", "correct horse"),
        (b"correct horse", "correct horse"),
        (b"correct horse\r\n", "correct horse"),
        (b"first\nsecond\n", "first"),
        (b" spaces stay \n", " spaces stay "),
        (b"", ""),
        (b"\nsecond", ""),
        ("schön\n".encode(), "schön"),
        ("scho\u0308n\n".encode(), "schön"),
    ],
)
def test_the_first_line_of_the_file_without_its_newline(data: bytes, secret: str, secret_file: Path) -> None:
    secret_file.write_bytes(data)
    assert passphrase() == secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_read_is_refused(mode: int, secret_file: Path) -> None:
    secret_file.chmod(mode)
    with pytest.raises(KonsensError) as caught:
        passphrase()
    assert (caught.value.code, caught.value.exit_code) == ("input.passphrase_mode", 2)


def test_a_file_that_only_the_owner_may_read_will_do(secret_file: Path) -> None:
    secret_file.write_bytes(b"x")
    secret_file.chmod(0o400)
    assert passphrase() == "x"


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xff\xfe\n", "input.passphrase_letters"), (b"a" * 5000 + b"\n", "input.passphrase_long")],
)
def test_a_file_with_something_else_is_refused(data: bytes, code: str, secret_file: Path) -> None:
    secret_file.write_bytes(data)
    with pytest.raises(KonsensError) as caught:
        passphrase()
    assert caught.value.code == code


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(KonsensError) as caught:
        from_file(str(tmp_path / "none"))
    assert caught.value.code == "file.missing"
    with pytest.raises(KonsensError) as caught:
        from_file(str(tmp_path))
    assert caught.value.code in {"file.unreadable", "input.passphrase_mode"}


def test_a_descriptor_goes_before_the_file(secret_file: Path) -> None:
    secret_file.write_bytes(b"from the file\n")
    read, write = os.pipe()
    os.write(write, b"from the pipe\n")
    os.close(write)
    assert passphrase(passphrase_fd=read) == "from the pipe"
    os.close(read)
    with pytest.raises(KonsensError) as caught:
        passphrase(passphrase_fd=987)
    assert caught.value.code == "input.passphrase_fd"


def test_with_no_source_and_no_terminal_the_command_ends_with_2(konsens: Konsens, sample: Sample) -> None:
    sample(lambda frame: Outcome(IdOne(did=frame.passphrase(), company=None)), unlocks=True)
    ran = konsens("sample", "--json", "--no-input")
    assert (ran.exit, ran.json["code"]) == (2, "input.passphrase_needed")


def test_the_frame_never_shows_it() -> None:
    frame = Frame("sample", Common())
    frame._passphrase = "correct horse"
    assert "horse" not in repr(frame)


def test_it_is_never_an_option() -> None:
    assert in_its_own_process("version", "--passphrase", "x", "--json").json["code"].startswith("usage.")


def test_two_keyboards_write_one_passphrase() -> None:
    assert normal("\u00e4") == normal("a\u0308")
