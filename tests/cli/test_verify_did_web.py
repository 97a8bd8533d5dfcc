"""A company that is a did:web, from the first request to the officer's proof: its keys stand in the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from konsens.did import PrivateKey
from tests.cli.conftest import Konsens
from tests.cli.world import ORIGIN, World

DID = "did:web:muster.example"


class WebWorld(World):
    """The shop is a did:web."""

    def shop(self, *words: str | Path, **more: Any) -> Any:
        """Run `konsens company …`."""
        did = ("--did", DID) if words[0] == "init" else ()
        return super().shop(*words, *did, **more)


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> WebWorld:
    return WebWorld(tmp_path, konsens, monkeypatch)


def with_a_key_of_somebody_else(world: World, name: str) -> str:
    """Append a key to the history on the way: it follows from the real one, letter for letter."""
    message = json.loads((world.folder / name).read_text())
    key = PrivateKey.ed25519(b"9" * 32).public.multikey
    more = {"kid": f"{DID}#key-2", "publicKeyMultibase": key, "from": "2026-11-22T10:00:00Z", "until": None}
    message["key_history"]["keys"].append(more)
    (world.folder / "forged.json").write_text(json.dumps(message))
    return "forged.json"


def test_what_a_did_web_signed_verifies_and_its_keys_are_proven_to_be_in_the_log(world: WebWorld) -> None:
    world.granted()
    world.me("card", "import", "receipts.json")
    world.run("shop", "registry", "policy", "--out", "trust.toml")
    world.run("shop", "trail", "export", "--format", "bundle", "--out", "trail.zip")
    found = world.run("nobody", "verify", "trail.zip", "--trust", "trust.toml")
    assert (found["signer"], found["origin"], found["failed"]) == (DID, ORIGIN, [])
    (in_log,) = [check for check in found["checks"] if check["name"] == "bundle.log"]
    assert in_log["detail"] == f"{found['counts']['events'] + 1} of {found['counts']['events'] + 1}"


@pytest.mark.parametrize("known", [False, True], ids=["first contact", "known company"])
def test_a_key_that_no_log_holds_is_not_trusted(world: WebWorld, *, known: bool) -> None:
    if known:
        world.granted()
    world.ask()
    forged = with_a_key_of_somebody_else(world, "ask.json")
    for words in (("request", "show", forged), ("grant", forged, "--all", "--yes", "--out", "g.json")):
        answer = world.me(*words, ok=False)
        assert (answer["exit"], answer["code"]) == (10, "company.key_unanchored")
    assert not (world.folder / "g.json").exists()
    assert world.me("request", "show", "ask.json")["company"]["known"] is known


def test_while_the_log_is_away_only_pinned_keys_are_known(world: WebWorld) -> None:
    world.ask()
    (world.folder / "reg").rename(world.folder / "away")
    answer = world.me("request", "show", "ask.json", ok=False)
    assert (answer["exit"], answer["code"]) == (8, "wallet.log_unreachable")
    (world.folder / "away").rename(world.folder / "reg")
    world.granted()
    (world.folder / "reg").rename(world.folder / "away")
    assert world.me("request", "show", "ask.json")["company"]["known"] is True
