"""Every command in the README and in the pages for customers and officers is run, and ends as it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.cli.world import World
from tests.flow.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def lines_of(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    return [line for block in blocks(text, "sh") for line in block.splitlines()]


def test_the_readmes_first_commands_are_targets_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for line in blocks(README, "sh")[0].splitlines():
        assert re.search(rf"^{shlex.split(line)[1]}:", makefile, re.M), line


def test_the_readme_can_be_followed(tmp_path: Path, desk: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks(README, "sh")[1:])],
        cwd=tmp_path,
        env=desk,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exit code 7" in done.stdout
    [snippet] = blocks(README, "python")
    ran = subprocess.run(
        [sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("False consent.seal_broken ")


class Reader:
    """A person who types what the page says, and answers every question with yes."""

    def __init__(self, world: World, lang: str) -> None:
        self.world = world
        self.yes = {"en": "y", "de": "j"}[lang]
        self.environ = {**os.environ, "KONSENS_LANG": lang, "KONSENS_HOME": "customer"}

    def type(self, line: str) -> str:
        """Run one line at a terminal; it ends with 0."""
        words = shlex.split(line, comments=True)
        assert words[0] == "konsens"
        child = pexpect.spawn(
            sys.executable,
            ["-c", "from konsens.cli.app import main; main()", *words[1:]],
            cwd=self.world.folder,
            env=self.environ,
            encoding="utf-8",
            timeout=30,
            dimensions=(50, 200),
        )
        said = ""
        while child.expect([pexpect.EOF, r"\[./n\] "]):
            said += child.before or ""
            child.sendline(self.yes)
        child.close()
        said += child.before or ""
        assert child.exitstatus == 0, f"{line}\n{said}"
        return said


def consent_again(world: World) -> None:
    """Let the customer consent, so that there is something to take back."""
    world.ask("again.json")
    world.me("grant", "again.json", "--all", "--yes", "--out", "given.json", "--force")
    world.shop("receive", "given.json", "--receipts", "receipts.json", "--force")


def receive(world: World) -> None:
    world.shop("receive", "grant.json", "--receipts", "receipts.json", "--force")


def start_anew(world: World) -> None:
    """Let a wallet with a consent be lost; the words are left."""
    shutil.rmtree(world.folder / "customer")
    world.me("init", "--registry", "reg", "--words-file", "words", "--force")
    consent_again(world)
    shutil.rmtree(world.folder / "customer")


def put_a_question(world: World) -> None:
    did = world.me("id", "show")["did"]
    (world.folder / "claims.json").write_text('{"level":"gold","points":3}')
    world.shop("issue", "claims.json", "--type", "urn:club", "--to", did, "--out", "card.json")
    world.me("card", "import", "card.json")
    world.shop("question", "--type", "urn:club", "--claim", "level", "--out", "question.json")


# What others must have done before a line of the page makes sense.
BEFORE: dict[str, Callable[[World], None]] = {
    "card import": receive,
    "withdraw Muster-Shop ": consent_again,
    "object": consent_again,
    "share": put_a_question,
    "recover": start_anew,
}


@pytest.mark.parametrize(("page", "lang"), [("customer.md", "en"), ("customer.de.md", "de")])
def test_the_customers_page_can_be_followed(page: str, lang: str, world: World) -> None:
    shutil.rmtree(world.folder / "customer")
    (world.folder / "words").unlink()
    both = ("--purpose", "newsletter", "--purpose", "survey")
    world.ask("ask.json", *both, "--channel", "email")
    reader = Reader(world, lang)
    lines = lines_of(page)
    assert len(lines) > 15
    for line in lines:
        for start, prepare in BEFORE.items():
            if line.removeprefix("konsens ").startswith(start):
                prepare(world)
        reader.type(line)
    assert world.run("new-home", "consents")["records"] == world.me("consents")["records"]


@pytest.mark.parametrize(("page", "lang"), [("trail.md", "en"), ("trail.de.md", "de")])
def test_the_officers_page_can_be_followed(page: str, lang: str, world: World) -> None:
    world.granted()
    world.run("shop", "registry", "policy", "reg", "--out", "trust.toml")  # handed over another way
    reader = Reader(world, lang)
    reader.environ["KONSENS_HOME"] = "shop"
    lines = lines_of(page)
    assert len(lines) > 5
    for line in lines:
        reader.type(line)
