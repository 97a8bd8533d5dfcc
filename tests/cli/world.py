"""A shop with its registry and its customers, each in a home of its own, as the command line makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from konsens.wallet import Cost
from tests.cli.conftest import Konsens, Ran

PASSPHRASE = "correct horse"
ORIGIN = "log.muster.example"
GRANT = ("grant", "ask.json", "--all", "--yes", "--out", "grant.json")
NOTICE = Path(__file__).parent.parent.parent / "examples" / "notices" / "newsletter.toml"


def cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a guess of a new vault's passphrase cost nothing, in this process only."""
    monkeypatch.setattr("konsens.wallet.vault.Cost", lambda: Cost(memory_kib=64, iterations=1, lanes=1))


class World:
    """A company `Muster-Shop` in `shop`, its log in `reg`, and a customer in `customer`."""

    def __init__(self, folder: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.konsens = konsens
        monkeypatch.chdir(folder)
        cheap_passphrases(monkeypatch)
        (folder / "pp").write_text(f"{PASSPHRASE}\n")
        (folder / "pp").chmod(0o600)
        monkeypatch.setenv("KONSENS_PASSPHRASE_FILE", "pp")
        self.shop("init", "Muster-Shop", "--new-registry", "reg", "--origin", ORIGIN)
        self.shop("notice", "publish", self.notice())
        self.me("init", "--registry", "reg", "--words-file", "words")

    def notice(self) -> Path:
        """Write the example with a second purpose and a second channel."""
        text = NOTICE.read_text("utf-8").replace('channels = ["email"]', 'channels = ["email", "phone"]')
        second = text[text.index("[[purpose]]") :].replace('"newsletter"', '"survey"')
        path = self.folder / "notice.toml"
        path.write_text(text + second.replace('"Newsletter"', '"Umfragen"'), "utf-8")
        return path

    def run(self, home: str, *words: str | Path, ok: bool = True) -> Any:
        """Run a line with `--json` in a home; return its `data`, or with `ok=False` the whole answer."""
        ran: Ran = self.konsens(*words, "--home", home, "--json")
        answer = json.loads(ran.out)
        assert answer["ok"] is (ran.exit == 0)
        if not ok:
            return answer | {"exit": ran.exit, "err": ran.err}
        assert ran.exit == 0, answer
        return answer["data"]

    def shop(self, *words: str | Path, **more: Any) -> Any:
        """Run `konsens company …`."""
        return self.run("shop", "company", *words, **more)

    def me(self, *words: str | Path, **more: Any) -> Any:
        """Run a line in the customer's home."""
        return self.run("customer", *words, **more)

    def ask(self, out: str = "ask.json", *words: str) -> str:
        """Write a request for everything that the notice offers."""
        purposes = words or ("--purpose", "newsletter", "--channel", "email")
        self.shop("ask", "--notice", "newsletter", *purposes, "--out", out, "--force")
        return out

    def granted(self) -> Any:
        """Let the customer grant the newsletter and the shop receive it."""
        self.ask()
        data = self.me("grant", "ask.json", "--all", "--yes", "--out", "grant.json", "--force")
        self.shop("receive", "grant.json", "--ref", "C-1001", "--receipts", "receipts.json", "--force")
        return data

    def check(self) -> tuple[int, str]:
        """Ask the shop whether it may write: exit and code."""
        answer = self.shop("check", "C-1001", "newsletter", "--channel", "email", ok=False)
        return answer["exit"], answer["data"]["code"]


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file's bytes, but for what SQLite keeps beside a file while it is open."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal", ".lock"))
    }


def telltale(words: list[str]) -> list[str]:
    """Return those of the 24 words that our sentences and DIDs do not hold anyway, as "message" or "fox"."""
    root = NOTICE.parent.parent.parent
    ours = [*root.glob("src/texts/*.toml"), *root.glob("cli/*.py"), *root.glob("src/registry/*.py")]
    said = "".join(path.read_text("utf-8").lower() for path in ours)
    return [word for word in words if len(word) > 4 and word not in said]
