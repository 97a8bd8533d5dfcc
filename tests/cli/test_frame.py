"""What the frame gives a command: the home, the registries, the clock, chance, words and files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pexpect
import pytest

from konsens.cli.answers import IdOne
from konsens.cli.frame import Common, Frame, Outcome
from konsens.cli.terminal import Terminal
from konsens.errors import KonsensError
from tests.cli.conftest import Konsens, Sample


def test_the_home_comes_from_the_option_else_from_the_environment(tmp_path: Path) -> None:
    assert Frame("x", Common(home=tmp_path / "a")).home.folder == tmp_path / "a"
    assert Frame("x", Common()).home.folder == tmp_path / "home"


@pytest.mark.parametrize(
    ("option", "environ", "folders"),
    [
        ([], "", []),
        ([], "a:b", ["a", "b"]),
        ([], ":a:", ["a"]),
        (["c", "d"], "a:b", ["c", "d"]),
    ],
)
def test_registries_come_from_the_option_else_from_the_environment(
    option: list[str],
    environ: str,
    folders: list[str],
    konsens: Konsens,
    sample: Sample,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KONSENS_REGISTRY", environ)
    sample(lambda frame: Outcome(IdOne(did="did:x", company=",".join(map(str, frame.registries)))), logs=True)
    words = [word for folder in option for word in ("--registry", folder)]
    assert konsens("sample", "--json", *words).json["data"]["company"] == ",".join(folders)


def test_the_clock_is_utc_and_counts_whole_seconds() -> None:
    now = Frame("x", Common()).now()
    assert (now.tzinfo, now.microsecond) == (UTC, 0)
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


def test_chance_is_the_systems() -> None:
    frame = Frame("x", Common())
    assert len(frame.entropy(32)) == 32
    assert frame.entropy(32) != frame.entropy(32)


def test_words_are_in_the_persons_language() -> None:
    german, english = Frame("x", Common(lang="de")), Frame("x", Common(lang="en"))
    assert (german.pick(de="a", en="b"), english.pick(de="a", en="b")) == ("a", "b")
    assert german.text("file.missing", path="x") == "Es gibt keine Datei x."


@pytest.mark.parametrize(("common", "heard"), [(Common(), True), (Common(json=True), False)])
def test_talk_is_for_people(common: Common, heard: bool, capsys: pytest.CaptureFixture[str]) -> None:
    Frame("x", common).talk("Nearly there.")
    assert capsys.readouterr() == ("", "Nearly there.\n" if heard else "")


def test_what_is_read_along_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    page = Frame("x", Common()).page
    assert page is not None
    page.line("Step 1")
    assert capsys.readouterr() == ("Step 1\n", "")
    assert Frame("x", Common(json=True)).page is None


def test_a_dry_run_writes_no_file_but_says_if_it_could_not(tmp_path: Path) -> None:
    frame = Frame("x", Common(dry_run=True))
    frame.check_out(None)
    frame.write(tmp_path / "a", b"data")
    assert not (tmp_path / "a").exists()
    (tmp_path / "a").write_bytes(b"there")
    with pytest.raises(KonsensError) as caught:
        frame.write(tmp_path / "a", b"data")
    assert caught.value.code == "file.exists"
    assert frame.read(tmp_path / "a") == b"there"


def test_progress_is_silent_where_nobody_watches(capfd: pytest.CaptureFixture[str]) -> None:
    with Frame("x", Common()).progress("Reading") as progress:
        progress(10, 10)
    assert capfd.readouterr() == ("", "")


def test_progress_is_a_bar_at_a_terminal() -> None:
    code = (
        "import time; from konsens.cli.frame import Frame, Common\n"
        "with Frame('x', Common()).progress('Reading') as progress:\n"
        "    for done in (1, 2): progress(done, 2); time.sleep(0.3)"
    )
    environ = {**os.environ, "TERM": "xterm"}
    child = pexpect.spawn(sys.executable, ["-c", code], env=environ, encoding="utf-8", timeout=20)
    child.expect_exact("Reading")
    child.expect_exact("2/2")
    child.expect(pexpect.EOF)


def test_yes_answers_without_a_terminal() -> None:
    assert Frame("x", Common(yes=True, no_input=True)).agrees("Really?")
    with pytest.raises(KonsensError) as caught:
        Frame("x", Common(no_input=True)).confirm("Really?")
    assert (caught.value.code, caught.value.facts) == ("input.needed", {"option": "--yes"})


@pytest.mark.parametrize(
    ("typed", "outcome"), [("Erika\n", "Erika"), ("", "input.cancelled")], ids=["a word", "the end"]
)
def test_without_a_controlling_terminal_the_streams_will_do(
    typed: str, outcome: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise OSError

    class Stdin:
        isatty: Callable[[], bool] = staticmethod(lambda: True)
        readline: Callable[[], str] = staticmethod(lambda: typed)

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("sys.stdin", Stdin())
    monkeypatch.setattr("os.isatty", lambda _: True)
    try:
        found = Terminal("en", allowed=True).ask("Name?", option="--name")
    except KonsensError as error:
        found = error.code
    assert found == outcome
    assert capsys.readouterr().err == "Name? "
