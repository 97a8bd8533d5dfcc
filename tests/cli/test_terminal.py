"""Questions at a real terminal: yes and no cost the same, secrets are unseen, and nobody is asked in vain."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import in_its_own_process

PROGRAM = """
import sys, types
from konsens.cli import commands
from konsens.cli.answers import IdOne
from konsens.cli.app import main
from konsens.cli.frame import Outcome, command

def act(frame):
    "Ask."
    if "secret" in sys.argv[0]:
        return Outcome(IdOne(did=f"did:{len(frame.passphrase(new=True))}", company=None))
    frame.confirm("Give consent to \\x1b[31mMuster-Shop?")
    return Outcome(IdOne(did="did:" + frame.ask("Name?", option="--name"), company=None), done="Given.")

module = types.ModuleType("konsens.cli.sample")
module.act = command(unlocks=True)(act)
sys.modules["konsens.cli.sample"] = module
commands.COMMANDS["sample"] = commands.Entry("sample:act", "For a test.")
main()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "ask.py"
    path.write_text(PROGRAM)
    return path


def at_a_terminal(program: Path, *words: str) -> pexpect.spawn[str]:
    environ = {**os.environ, "TERM": "xterm", "KONSENS_LANG": "en"}
    environ.pop("NO_COLOR", None)
    line = [str(program), "sample", *words]
    return pexpect.spawn(sys.executable, line, env=environ, encoding="utf-8", timeout=20)


def ended(child: pexpect.spawn[str]) -> int:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None
    return child.exitstatus


@pytest.mark.parametrize("answer", ["y", "yes", "Y", "j", "ja"])
def test_a_yes_goes_on(answer: str, program: Path) -> None:
    child = at_a_terminal(program)
    child.expect_exact("Give consent to [31mMuster-Shop? [y/n] ")
    child.sendline(answer)
    child.expect_exact("Name? ")
    child.sendline("Erika")
    child.expect_exact("did:Erika")
    child.expect_exact("Given.")
    assert ended(child) == 0


@pytest.mark.parametrize("answer", ["n", "no", "N", "nein"])
def test_a_no_is_as_short_as_a_yes_and_ends_with_3(answer: str, program: Path) -> None:
    child = at_a_terminal(program)
    child.expect_exact("[y/n] ")
    child.sendline(answer)
    child.expect_exact("error[input.declined]:")
    assert ended(child) == 3


def test_neither_is_the_default(program: Path) -> None:
    child = at_a_terminal(program, "--lang", "de")
    for word in ("", "vielleicht"):
        child.expect_exact("[j/n] ")
        child.sendline(word)
    child.expect_exact("[j/n] ")
    child.sendline("n")
    assert ended(child) == 3


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_going_away_is_a_no(key: str, program: Path) -> None:
    child = at_a_terminal(program)
    child.expect_exact("[y/n] ")
    child.send(key)
    child.expect_exact("error[input.cancelled]")
    assert ended(child) == 3


def test_yes_answers_every_question_of_yes_or_no_and_no_other(program: Path) -> None:
    child = at_a_terminal(program, "--yes")
    child.expect_exact("Name? ")
    child.sendline("E")
    assert ended(child) == 0


def test_no_input_names_the_option_instead(program: Path) -> None:
    child = at_a_terminal(program, "--no-input")
    child.expect_exact("error[input.needed]")
    child.expect_exact("--yes")
    assert ended(child) == 2


def test_a_new_passphrase_is_typed_twice_and_unseen(program: Path) -> None:
    secret = program.with_name("secret.py")
    program.rename(secret)
    child = at_a_terminal(secret)
    child.expect_exact("Passphrase: ")
    child.sendline("correct horse")
    child.expect_exact("Once more: ")
    child.sendline("correct horse")
    child.expect_exact("did:13")
    assert "horse" not in str(child.before)
    assert ended(child) == 0
    child = at_a_terminal(secret)
    child.expect_exact("Passphrase: ")
    child.sendline("a")
    child.expect_exact("Once more: ")
    child.sendline("b")
    child.expect_exact("error[input.passphrase_differs]")
    assert ended(child) == 2


def test_errors_are_coloured_at_a_terminal_and_nowhere_else(program: Path) -> None:
    child = at_a_terminal(program, "--no-input")
    child.expect_exact("\x1b[31merror[input.needed]:\x1b[0m")
    assert ended(child) == 2
    child = at_a_terminal(program, "--no-input", "--plain")
    child.expect(pexpect.EOF)
    assert "\x1b" not in str(child.before)
    assert "\x1b" not in in_its_own_process("nothing").err
