"""Everything that a customer's command refuses, with its exit code and its reason, and without a trace."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from konsens.cli.frame import Frame
from tests.cli.conftest import Konsens
from tests.cli.world import GRANT, ORIGIN, World, snapshot


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, konsens, monkeypatch)


# What is typed, how it ends, and why.
WRONG = [
    (("grant", "ask.json", "--yes", "--out", "o"), 2, "wallet.nothing_chosen"),
    (("grant", "ask.json", "--all", "--out", "o", "--no-input"), 2, "input.needed"),
    (("refuse", "ask.json", "--out", "o", "--no-input"), 2, "input.needed"),
    (("grant", "ask.json", "--all", "--yes", "--out", "-"), 2, "input.stdout_taken"),
    (("grant", "ask.json", "--purpose", "x", "--yes", "--out", "o"), 2, "wallet.not_offered"),
    ((*GRANT[:-1], "o", "--address", "email"), 2, "wallet.address_form"),
    ((*GRANT[:-1], "o", "--address", "phone=+49301234567"), 2, "wallet.address_without_channel"),
    ((*GRANT[:-1], "o", "--until", "2020-01-01"), 11, "grant.until"),
    (("grant", "nothing", "--all", "--yes", "--out", "o"), 5, "file.missing"),
    (("grant", "receipts.json", "--all", "--yes", "--out", "o"), 2, "input.wrong_type"),
    ((*GRANT[:-1], "grant.json"), 12, "file.exists"),
    ((*GRANT[:-1], "no/o"), 5, "file.no_folder"),
    (("refuse", "ask.json", "--yes", "--out", "o"), 11, "wallet.nothing_to_refuse"),
    (("withdraw",), 2, "input.needed"),
    (("withdraw", "Muster-Shop", "--no-input"), 2, "input.needed"),
    (("withdraw", "Muster-Shop", "newsletter", "--all"), 2, "wallet.all_or_purpose"),
    (("withdraw", "Muster-Shop", "survey", "--yes"), 5, "wallet.nothing_to_withdraw"),
    (("withdraw", "Nobody", "--yes"), 5, "wallet.company_unknown"),
    (("withdraw", "Muster-Shop", "--yes", "--out", "pp"), 12, "file.exists"),
    (("object", "Nobody", "--yes"), 5, "wallet.company_unknown"),
    (("object", "Muster-Shop", "--no-input"), 2, "input.needed"),
    (("history", "abcdef"), 5, "wallet.record_unknown"),
    (("request", "show", "grant.json"), 2, "input.wrong_type"),
]


@pytest.mark.parametrize(("words", "code", "error"), WRONG)
def test_what_is_wrong_has_its_code_and_changes_nothing(
    words: tuple[str, ...], code: int, error: str, world: World
) -> None:
    world.granted()
    before = snapshot(world.folder / "reg")
    answer = world.me(*words, ok=False)
    assert (answer["exit"], answer["code"]) == (code, error)
    assert answer["message"]
    assert answer["hint"]
    assert answer["data"] is None
    assert snapshot(world.folder / "reg") == before
    assert not (world.folder / "o").exists()


def tampered(world: World, member: str) -> str:
    message = json.loads((world.folder / "ask.json").read_text())
    head, payload, signature = message[member].split(".")
    message[member] = ".".join([head, payload, ("A" if signature[0] != "A" else "B") + signature[1:]])
    (world.folder / "forged.json").write_text(json.dumps(message))
    return "forged.json"


@pytest.mark.parametrize("member", ["request", "notice"])
@pytest.mark.parametrize("words", [("request", "show"), ("grant", "--all", "--yes", "--out", "o")])
def test_a_forged_request_is_exit_6(member: str, words: tuple[str, ...], world: World) -> None:
    world.ask()
    at = 2 if words[0] == "request" else 1
    answer = world.me(*words[:at], tampered(world, member), *words[at:], ok=False)
    assert answer["exit"] == 6


def test_a_registry_that_is_away_is_exit_8_and_nothing_is_lost(world: World) -> None:
    world.granted()
    world.ask("second.json", "--purpose", "survey")
    (world.folder / "reg").rename(world.folder / "away")
    for words in (
        ("grant", "second.json", "--all", "--yes", "--out", "o"),
        ("withdraw", "Muster-Shop", "--yes"),
        ("withdraw", "--all", "--yes"),
        ("object", "Muster-Shop", "--yes"),
    ):
        answer = world.me(*words, ok=False)
        assert (answer["exit"], answer["code"]) == (8, "wallet.log_unreachable"), words
    ran = world.konsens("consents", "--home", "customer")
    assert ran.exit == 0
    assert "given" in ran.out
    assert "warning[wallet.unchecked]" in ran.err
    (world.folder / "away").rename(world.folder / "reg")
    assert world.check() == (0, "ok")
    world.me("withdraw", "Muster-Shop", "--yes")
    assert world.check()[0] == 7


def test_a_copy_of_the_registry_takes_no_withdrawal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.granted()
    shutil.copytree(world.folder / "reg", world.folder / "copy")
    answer = world.me("withdraw", "Muster-Shop", "--yes", "--registry", "copy", ok=False)
    assert (answer["exit"], answer["code"]) == (8, "registry.copy")
    monkeypatch.setenv("KONSENS_REGISTRY", "copy")
    assert world.me("withdraw", "Muster-Shop", "--yes", ok=False)["exit"] == 8


def test_another_key_for_a_known_origin_is_exit_10(world: World) -> None:
    world.run("other", "company", "init", "Other", "--new-registry", "other-reg", "--origin", ORIGIN)
    world.run("other", "company", "notice", "publish", "notice.toml")
    ask = ("ask", "--notice", "newsletter", "--purpose", "newsletter", "--out", "other.json")
    world.run("other", "company", *ask)
    for words in (("request", "show", "other.json"), ("grant", "other.json", *GRANT[2:])):
        answer = world.me(*words, ok=False)
        assert (answer["exit"], answer["code"]) == (10, "registry.other_key")


def test_a_request_for_somebody_else_or_out_of_date_is_exit_11(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run("berta", "init", "--registry", "reg", "--words-file", "berta-words")
    berta = world.run("berta", "id", "show")["did"]
    world.ask("hers.json", "--purpose", "newsletter", "--who", berta)
    assert world.me("request", "show", "hers.json", ok=False)["code"] == "request.other_customer"
    assert world.me("grant", "hers.json", *GRANT[2:], ok=False)["exit"] == 11
    assert world.run("berta", "grant", "hers.json", *GRANT[2:])["did"] == berta
    world.ask()
    later = datetime.now(UTC) + timedelta(days=15)
    monkeypatch.setattr(Frame, "now", lambda _: later.replace(microsecond=0))
    answer = world.me("grant", "ask.json", *GRANT[2:-1], "o", ok=False)
    assert (answer["exit"], answer["code"]) == (11, "request.expired")


def test_another_answer_to_the_same_request_is_exit_12(world: World) -> None:
    world.granted()
    world.me("withdraw", "Muster-Shop", "newsletter", "--yes")
    answer = world.me(*GRANT[:-1], "again.json", ok=False)
    assert (answer["exit"], answer["code"]) == (12, "wallet.answered_before")


def test_a_wrong_passphrase_is_exit_4(world: World) -> None:
    (world.folder / "pp").write_text("wrong battery staple")
    for words in (("consents",), ("withdraw", "--all", "--yes")):
        answer = world.me(*words, ok=False)
        assert (answer["exit"], answer["code"]) == (4, "wallet.passphrase")
        assert "battery" not in str(answer)


def test_a_damaged_wallet_is_exit_9(world: World) -> None:
    path = world.folder / "customer" / "wallet.sqlite"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    assert world.me("consents", ok=False)["exit"] == 9
