"""A shop that is run by its commands, and customers who need no wallet but a seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import msgspec

from konsens.cli.answers import ANSWERS
from konsens.cli.commands import COMMANDS
from konsens.consent import SignedNotice, SignedRequest, parse_message, parse_request
from konsens.consent.message import ContactText, RequestMessage
from konsens.consent.notice import read_notice
from konsens.did import parse_jws
from konsens.records import AnchoredEvent
from konsens.registry import Registry
from tests.cli.conftest import Konsens, Ran
from tests.consent.world import NEWSLETTER, ORIGIN, Customer, message

PASSPHRASE = "canary-horse-battery"
EMAIL = "anna.canary@muster.example"


class Shop:
    """One company's home in `folder / "shop"`, with a registry of its own in `folder / "reg"`."""

    def __init__(self, folder: Path, konsens: Konsens) -> None:
        self.folder, self.konsens = folder, konsens
        self.home, self.reg = folder / "shop", folder / "reg"
        (folder / "newsletter.toml").write_text(NEWSLETTER)

    def init(self, *more: str | Path) -> Ran:
        made = more or ("--new-registry", self.reg, "--origin", ORIGIN)
        return self("init", "Muster-Shop", *made)

    def __call__(self, *words: str | Path) -> Ran:
        """Run a company's command; its answer keeps the contract."""
        ran = self.konsens("company", *words, "--home", self.home, "--json")
        found = ran.json
        assert (ran.exit == 0) == found["ok"] == (found["code"] == "ok")
        if found["data"] is not None:
            name = " ".join(["company", *map(str, words[: 2 if words[0] == "notice" else 1])])
            assert name in COMMANDS
            jsonschema.validate(found["data"], msgspec.json.schema(ANSWERS[name]))
        assert ran.err == ""
        return ran

    def data(self, *words: str | Path) -> Any:
        """Return the answer of a command that must go well."""
        ran = self(*words)
        assert ran.exit == 0, ran.out
        return ran.json["data"]

    def publish(self) -> Any:
        return self.data("notice", "publish", self.folder / "newsletter.toml")

    def ask(self, name: str = "ask.json", *more: str) -> tuple[SignedNotice, SignedRequest]:
        """Return notice and request as the customer reads them."""
        words = ("--notice", "newsletter", "--purpose", "newsletter", "--out", self.folder / name)
        self.data("ask", *words, *more)
        read = parse_message((self.folder / name).read_bytes(), RequestMessage)
        notice = read_notice(read.notice, parse_jws(read.notice, typ="konsens-notice+jws").unverified_payload)
        return notice, parse_request(read.request)

    def customer(self, name: str = "anna") -> Customer:
        world: Any = SimpleNamespace(
            registry=Registry.open(self.reg),
            did=self.did,
            now=datetime.now(UTC).replace(microsecond=0),
            customers={},
        )
        return Customer.new(world, name)

    @property
    def did(self) -> str:
        return str(json.loads((self.home / "konsens.json").read_text())["did"])

    def file(self, name: str, *events: AnchoredEvent, contacts: Sequence[ContactText] = ()) -> Path:
        path = self.folder / name
        path.write_bytes(message(*events, contacts=tuple(contacts)))
        return path

    def granted(self, name: str = "anna", ref: str = "C-1001") -> tuple[Customer, Path]:
        """Let a customer say yes, with an address, and receive it."""
        anna = self.customer(name)
        notice, request = self.ask(f"ask-{name}.json")
        target, contact = anna.target(EMAIL)
        events = anna.open(), anna.give(notice, request, target=target)
        path = self.file(f"grant-{name}.json", *events, contacts=[contact])
        self.data("receive", path, "--ref", ref)
        return anna, path


def look(*folders: Path) -> dict[str, bytes]:
    """Return every file below `folders` with its bytes; SQLite's own side files left out."""
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock"))
    }
