"""A command of the tests' own, and the command line run in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from konsens.cli import commands
from konsens.cli.app import run
from konsens.cli.frame import Command, Outcome, command

if TYPE_CHECKING:
    from tests.cli.company_world import Shop


class Ran(NamedTuple):
    """What one run left behind."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Konsens = Callable[..., Ran]
Sample = Callable[..., None]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KONSENS_PASSPHRASE_FILE", "KONSENS_REGISTRY", "KONSENS_DEBUG", "NO_COLOR", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KONSENS_LANG", "en")
    monkeypatch.setenv("KONSENS_HOME", str(tmp_path / "home"))


@pytest.fixture
def konsens(capsys: pytest.CaptureFixture[str]) -> Konsens:
    """Run a line in this process."""

    def call(*words: str | Path) -> Ran:
        code = run([str(word) for word in words])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return call


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> Sample:
    """Make a function the command `konsens sample`."""

    def install(act: Callable[..., Outcome] | Command, **traits: Any) -> None:
        made = act if isinstance(act, Command) else command(**traits)(act)
        module = ModuleType("konsens.cli.sample")
        module.act = made  # type: ignore[attr-defined]  # a module of the test's own
        monkeypatch.setitem(sys.modules, "konsens.cli.sample", module)
        monkeypatch.setitem(commands.COMMANDS, "sample", commands.Entry("sample:act", "For a test."))

    return install


@pytest.fixture
def fresh(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A company whose home is not made yet."""
    from tests.cli.company_world import PASSPHRASE, Shop

    secret = tmp_path / "pp"
    secret.touch(mode=0o600)
    secret.write_text(f"{PASSPHRASE}\n")
    monkeypatch.setenv("KONSENS_PASSPHRASE_FILE", str(secret))
    return Shop(tmp_path, konsens)


@pytest.fixture
def shop(fresh: Shop) -> Shop:
    """A company with a registry of its own and one published notice."""
    fresh.init()
    fresh.publish()
    return fresh


def in_its_own_process(*words: str | Path, stdin: bytes | None = None, **environ: str) -> Ran:
    """Run a line as a script would: no terminal, nothing on stdin unless given."""
    done = subprocess.run(
        [sys.executable, "-c", "from konsens.cli.app import main; main()", *map(str, words)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        env={**os.environ, **environ},
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
