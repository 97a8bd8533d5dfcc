"""How a wallet begins, is kept safe, and comes back; and its identities."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Konsens
from tests.cli.world import ORIGIN, PASSPHRASE, World, snapshot, telltale


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, konsens, monkeypatch)


def test_a_new_wallet_has_keys_of_its_own_and_words_in_a_file_of_its_own(world: World) -> None:
    data = world.run("new", "init", "--name", "mine", "--registry", "reg", "--words-file", "w")
    assert data["home"] == str(world.folder / "new")
    assert data["did"].startswith("did:key:z6Mk")
    assert (data["registry"]["origin"], data["words_file"]) == (ORIGIN, "w")
    words = (world.folder / "w").read_text().split()
    assert len(words) == 24
    assert not set(words) & set(json.dumps(data).replace('"', " ").split())
    assert (world.folder / "w").stat().st_mode & 0o777 == 0o600
    assert (world.folder / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (world.folder / "new").iterdir()} == {0o600}


def test_a_wallet_needs_no_registry_to_begin(world: World) -> None:
    data = world.run("new", "init", "--words-file", "w")
    assert data["registry"] is None
    world.ask()
    answer = world.run("new", "grant", "ask.json", "--all", "--yes", "--out", "o", ok=False)
    assert (answer["exit"], answer["code"]) == (8, "wallet.no_common_log")
    assert world.run("new", "grant", "ask.json", "--all", "--yes", "--out", "o", "--registry", "reg")


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("init",), 2, "input.needed"),
        (("init", "--words-file", "words"), 12, "words.there"),
        (("init", "--words-file", "-"), 2, "input.stdout_taken"),
        (("init", "--words-file", "w", "--registry", "x"), 8, "wallet.log_unreachable"),
        (("recover", "--words-file", "x"), 5, "file.missing"),
        (("recover", "--words-file", "pp"), 2, "words.count"),
        (("recover", "--words-file", "words", "--registry", "x"), 8, "wallet.log_unreachable"),
        (("recover",), 2, "input.needed"),
        (("backup", "restore", "x"), 5, "backup.missing"),
        (("backup", "restore", "pp"), 9, "backup.damaged"),
        (("consents",), 5, "home.missing"),
    ],
)
def test_what_goes_wrong_makes_no_home(words: tuple[str, ...], code: int, error: str, world: World) -> None:
    answer = world.run("new", *words, ok=False)
    assert (answer["exit"], answer["code"]) == (code, error)
    assert not (world.folder / "new").exists()
    assert not (world.folder / "w").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("init", "--words-file", "w"),
        ("recover", "--words-file", "words", "--registry", "reg"),
        ("backup", "restore", "b"),
    ],
)
def test_a_home_is_never_taken_over(words: tuple[str, ...], world: World) -> None:
    world.me("backup", "create", "b")
    for home in ("customer", "shop", "reg"):
        before = snapshot(world.folder / home)
        assert world.run(home, *words, ok=False)["exit"] == 12
        assert snapshot(world.folder / home) == before


def test_a_backup_is_checked_when_it_is_made_and_brings_everything_back(world: World) -> None:
    world.granted()
    world.me("card", "import", "receipts.json")
    made = world.me("backup", "create", "b")
    assert (made["records"], made["cards"]) == (2, 1)
    assert all(one["ok"] for one in made["checks"])
    assert world.me("backup", "verify", "b") == made
    assert (world.folder / "b").stat().st_mode & 0o777 == 0o600
    assert world.me("backup", "create", "b", ok=False)["exit"] == 12
    assert PASSPHRASE.encode() not in (world.folder / "b").read_bytes()

    before = world.me("consents")
    shutil.rmtree(world.folder / "customer")
    assert world.me("backup", "restore", "b") == made
    assert world.me("consents") == before
    world.me("withdraw", "Muster-Shop", "--yes")
    assert world.check()[0] == 7


def test_a_backup_goes_through_a_pipe(world: World) -> None:
    konsens = f'{sys.executable} -c "from konsens.cli.app import main; main()"'
    pipe = f"{konsens} backup create - --home customer | {konsens} backup restore - --home new"
    done = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, check=True)
    assert "saved in -" in done.stderr
    assert world.run("new", "id", "show") == world.me("id", "show")


@pytest.mark.parametrize("at", [0, 30, 400, -1])
def test_a_damaged_backup_is_exit_9_and_a_wrong_passphrase_exit_4(at: int, world: World) -> None:
    world.me("backup", "create", "b")
    data = bytearray((world.folder / "b").read_bytes())
    data[at] ^= 1
    (world.folder / "b").write_bytes(data)
    for verb in ("verify", "restore"):
        answer = world.run("new", "backup", verb, "b", ok=False)
        assert (answer["exit"], answer["code"]) == (9, "backup.damaged")
    world.me("backup", "create", "whole")
    (world.folder / "pp").write_text("another")
    assert world.run("new", "backup", "verify", "whole", ok=False)["exit"] == 4
    assert not (world.folder / "new").exists()


def test_the_words_alone_bring_back_every_withdrawal(world: World) -> None:
    did = world.granted()["did"]
    shutil.rmtree(world.folder / "customer")
    data = world.me("recover", "--words-file", "words", "--registry", "reg")
    assert did in data["dids"]
    assert (data["seals_found"], data["records_without_text"]) == (2, 1)
    assert world.me("consents") == {"records": [], "warnings": ["wallet.untold"]}
    ended = world.me("withdraw", "--all", "--yes")
    assert {one["state"] for one in ended["records"]} == {"withdrawn"}
    assert world.me("consents")["warnings"] == []
    assert world.check()[0] == 7


def test_no_wrong_word_is_repeated(world: World) -> None:
    words = (world.folder / "words").read_text().split()
    for wrong in (["zeppelinxyz", *words[1:]], [*words[1:], words[0]], words[:23]):
        (world.folder / "wrong").write_text(" ".join(wrong))
        answer = world.run("new", "recover", "--words-file", "wrong", ok=False)
        assert answer["exit"] == 2
        said = answer["message"] + answer["hint"] + answer["err"]
        assert not [word for word in telltale(wrong) if word in said.lower()]


def test_every_company_gets_an_identity_of_its_own(world: World) -> None:
    first = world.me("id", "show")["did"]
    assert [one["did"] for one in world.me("id", "list")["ids"]] == [first]
    granted = world.granted()["did"]
    shop = world.me("consents")["records"][0]["company"]
    assert world.me("id", "show", "--for", "Muster-Shop") == {"did": granted, "company": shop}
    new = world.me("id", "new", "--for", "did:web:other.example")
    assert new["did"] not in (first, granted)
    assert world.me("id", "new", "--for", "did:web:other.example") == new
    assert world.me("id", "show", "--for", "did:web:other.example") == new
    for words in (("id", "show", "--for", "Nobody"), ("id", "new", "--for", "Nobody")):
        assert world.me(*words, ok=False)["exit"] == 5
    ran = world.konsens("id", "list", "--home", "customer", "--jsonl")
    assert [json.loads(line) for line in ran.out.splitlines()] == world.me("id", "list")["ids"]
