"""The shop and the customer again, with a log that a third party serves over HTTP in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from konsens.cli.frame import Frame
from konsens.errors import RefusedByPolicy
from konsens.registry import make_seal_leaf, parse_vkey
from konsens.registry.remote import LogClient
from tests.cli.conftest import Konsens
from tests.cli.world import ORIGIN, PASSPHRASE, World, cheap_passphrases

KONSENS = str(Path(sys.executable).with_name("konsens"))


@contextmanager
def serving(folder: Path, *words: str, environ: dict[str, str] | None = None) -> Iterator[str]:
    """Run `konsens registry serve` in `folder` until the block ends, and yield its URL."""
    process = subprocess.Popen(
        [KONSENS, "registry", "serve", *words, "--home", "op", "--json"],
        cwd=folder,
        env=environ or {**os.environ, "KONSENS_PASSPHRASE_FILE": "pp", "KONSENS_REGISTRY": ""},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        answer = json.loads(process.stdout.readline())
        assert answer["ok"], answer
        yield answer["data"]["url"]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def rules(member: str, *, per_minute: int) -> str:
    """Return an operator's rules with one member."""
    return f"v = 1\n[open]\nper_minute = {per_minute}\n[[member]]\ndid = '{member}'\nvouchers = 50\n"


class ServedWorld(World):
    """A company `Muster-Shop` in `shop` and a customer in `customer`; who runs the log `reg` is in `op`."""

    def __init__(
        self, folder: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch, *, per_minute: int = 60
    ) -> None:
        self.folder, self.konsens = folder, konsens
        self.ahead = timedelta()
        monkeypatch.chdir(folder)
        cheap_passphrases(monkeypatch)
        (folder / "pp").write_text(f"{PASSPHRASE}\n")
        (folder / "pp").chmod(0o600)
        monkeypatch.setenv("KONSENS_PASSPHRASE_FILE", "pp")
        monkeypatch.setattr(Frame, "now", lambda _: self.now())
        self.vkey = self.run("op", "registry", "init", "reg", "--origin", ORIGIN)["vkey"]
        self.did = self.shop("init", "Muster-Shop")["did"]
        (folder / "rules.toml").write_text(rules(self.did, per_minute=per_minute))
        self.url = ""

    def now(self) -> datetime:
        """Return the moment that all commands are run at."""
        return datetime.now(UTC).replace(microsecond=0) + self.ahead

    @contextmanager
    def operator(self, registry: str = "reg") -> Iterator[str]:
        """Let the operator serve, on the same port each time."""
        port = self.url.rpartition(":")[2] or "0"
        with serving(self.folder, registry, "--rules", "rules.toml", "--port", port) as self.url:
            client = LogClient(self.url, parse_vkey(self.vkey), loopback=True)
            while client.fetch(["checkpoint"]) == [None]:
                sleep(0.1)
            yield self.url

    def begin(self) -> None:
        """Let both use the log; the shop's notice is in it."""
        used = self.run("shop", "registry", "use", self.url)
        assert used == {"origin": ORIGIN, "vkey": self.vkey, "folder": self.url}
        self.shop("notice", "publish", self.notice())
        registry = self.me("init", "--registry", self.url, "--words-file", "words")["registry"]
        assert registry == used

    def confirmed(self) -> Any:
        """Let the customer grant, the shop receive, and the customer take in the receipts."""
        granted = self.granted()
        self.me("card", "import", "receipts.json")
        return granted

    def stranger(self, *, first: int, count: int = 1) -> None:
        """Append leaves of somebody's from this machine, all at once."""
        client = LogClient(self.url, parse_vkey(self.vkey), loopback=True)
        keys = (number.to_bytes(32, "big") for number in range(first, first + count))
        client.append([make_seal_leaf(key, bytes(32), origin=ORIGIN) for key in keys])

    def exhaust(self, *, first: int) -> None:
        """Append leaves of strangers until the log takes no more from this machine."""
        for number in range(first, first + 100):
            try:
                self.stranger(first=number)
            except RefusedByPolicy:
                return
        raise AssertionError("the log has no limit")

    def keep(self, to: str) -> None:
        """Copy all that the operator has."""
        for name in ("reg", "op"):
            shutil.copytree(self.folder / name, self.folder / to / name)

    def bring_back(self, kept: str) -> None:
        """Let the operator be what he was."""
        for name in ("reg", "op"):
            shutil.rmtree(self.folder / name)
            shutil.copytree(self.folder / kept / name, self.folder / name)
        self.run("op", "registry", "use", "reg")
