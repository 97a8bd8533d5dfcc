"""Credentials and receipts in the wallet, and showing just what a question needs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from konsens.cli.frame import Frame
from tests.cli.conftest import Konsens
from tests.cli.world import World, snapshot

TYPE = "urn:example:membership"


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world where the customer holds a membership card."""
    world = World(tmp_path, konsens, monkeypatch)
    world.granted()
    (tmp_path / "claims.json").write_text('{"level":"gold","birthdate":"1963-08-12"}')
    issue(world, world.me("id", "show")["did"])
    world.me("card", "import", "card.json")
    world.shop(
        "question", "--type", TYPE, "--claim", "level", "--reason", "Discount", "--out", "question.json"
    )
    return world


def issue(world: World, did: str) -> None:
    world.shop("issue", "claims.json", "--type", TYPE, "--to", did, "--out", "card.json", "--force")


def tampered(world: World, name: str, member: str) -> str:
    message = json.loads((world.folder / name).read_text())
    where = message if member in message else message[member.split("/")[0]][0]
    key = member.split("/")[-1]
    head, payload, rest = where[key].split(".", 2)
    where[key] = ".".join([head, payload, ("A" if rest[0] != "A" else "B") + rest[1:]])
    (world.folder / "forged.json").write_text(json.dumps(message))
    return "forged.json"


def test_cards_are_listed_shown_and_removed(world: World, konsens: Konsens) -> None:
    world.me("card", "import", "receipts.json")
    cards = {card["type"]: card for card in world.me("card", "list")["cards"]}
    member = cards[TYPE]
    assert set(cards) == {TYPE, "urn:konsens:receipt:1"}
    assert {"level", "birthdate"} <= set(member["claims"])
    assert (member["status"], member["subject"]) == ("valid", world.me("id", "show")["did"])
    assert "gold" not in json.dumps(cards), "programs get the names of claims, not their values"
    assert world.me("card", "show", member["card"][:6])["cards"] == [member]
    assert "gold" in konsens("card", "show", member["card"][:6], "--home", "customer").out
    assert world.me("card", "remove", member["card"], "--no-input", ok=False)["exit"] == 2
    assert world.me("card", "remove", member["card"], "--yes")["cards"] == [member]
    for words in (("show",), ("remove", "--yes")):
        answer = world.me("card", words[0], member["card"], *words[1:], ok=False)
        assert (answer["exit"], answer["code"]) == (5, "wallet.card_unknown")
    assert len(world.me("card", "list")["cards"]) == 1


@pytest.mark.parametrize(
    ("name", "member"), [("card.json", "credential"), ("receipts.json", "receipts/credential")]
)
def test_a_forged_card_is_exit_6(name: str, member: str, world: World) -> None:
    before = world.me("card", "list")
    assert world.me("card", "import", tampered(world, name, member), ok=False)["exit"] == 6
    assert world.me("card", "list") == before


def test_a_card_of_somebody_else_is_exit_6(world: World) -> None:
    berta = world.run("berta", "init", "--registry", "reg", "--words-file", "w")["did"]
    issue(world, berta)
    answer = world.me("card", "import", "card.json", ok=False)
    assert (answer["exit"], answer["code"]) == (6, "wallet.not_my_card")
    assert world.run("berta", "card", "import", "card.json")["cards"][0]["subject"] == berta


def test_a_receipt_from_a_company_that_the_wallet_does_not_know_is_exit_10(world: World) -> None:
    world.run("new", "recover", "--words-file", "words", "--registry", "reg")
    assert world.run("new", "card", "import", "receipts.json", ok=False)["exit"] == 10


def test_an_answer_shows_what_was_asked_and_no_more(world: World) -> None:
    shown = world.me("share", "question.json", "--yes", "--out", "answer.json")
    assert (shown["shown"], "birthdate" in shown["withheld"]) == (["level"], True)
    assert "1963" not in (world.folder / "answer.json").read_text()
    answer = world.shop("verify-answer", "answer.json")
    assert (answer["type"], answer["beyond_question"]) == (TYPE, [])
    spent = world.shop("verify-answer", "answer.json", ok=False)
    assert spent["exit"] == 12


def test_what_always_goes_along_is_said_before_and_after(world: World) -> None:
    (world.folder / "claims.json").write_text('{"a":"x","b":"y","iban":"DE00"}')
    bank = ("--type", "urn:example:bank")
    me = world.me("id", "show")["did"]
    world.shop("issue", "claims.json", *bank, "--to", me, "--always-shown", "iban", "--out", "bank.json")
    world.me("card", "import", "bank.json")
    world.shop("question", *bank, "--claim", "a", "--out", "q.json")
    for language, said in (("de", "Geht immer mit"), ("en", "Always goes along")):
        words = ("share", "q.json", "--out", "a.json", "--dry-run", "--home", "customer", "--lang", language)
        lines = world.konsens(*words).out.splitlines()
        assert [line.split()[-1] for line in lines if said in line] == ["iban"]
    data = world.me("share", "q.json", "--yes", "--out", "a.json")
    assert (data["shown"], data["withheld"]) == (["a", "iban"], ["b"])
    answer = world.shop("verify-answer", "a.json")
    assert (answer["claims"], answer["beyond_question"]) == ({"a": "x", "iban": "DE00"}, ["iban"])


def test_a_receipt_is_shown_with_all_that_it_says(world: World) -> None:
    world.me("card", "import", "receipts.json")
    world.shop("question", "--type", "urn:konsens:receipt:1", "--claim", "matter", "--out", "q.json")
    data = world.me("share", "q.json", "--yes", "--out", "a.json")
    assert {"matter", "state", "events"} <= set(data["shown"])
    answer = world.shop("verify-answer", "a.json")
    assert set(answer["beyond_question"]) == set(answer["claims"]) - {"matter"}
    assert set(data["shown"]) == set(answer["claims"])


def test_a_rehearsal_of_an_answer_writes_nothing(world: World) -> None:
    before = snapshot(world.folder)
    rehearsal = ("share", "question.json", "--dry-run", "--out", "answer.json")
    data = world.me(*rehearsal)
    assert (data["dry_run"], data["shown"]) == (True, ["level"])
    assert (
        "level"
        in world.konsens("share", "question.json", "--dry-run", "--out", "a", "--home", "customer").out
    )
    assert snapshot(world.folder) == before


def test_what_goes_wrong_shows_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    share, out = ("share", "question.json"), ("--out", "o")
    table = [
        ((*share, *out, "--no-input"), 2, "input.needed"),
        ((*share, "--yes", "--out", "-"), 2, "input.stdout_taken"),
        ((*share, "--yes", "--out", "pp"), 12, "file.exists"),
        ((*share, "--yes", "--card", "abcdef", *out), 5, "wallet.card_unknown"),
        (("share", "card.json", "--yes", *out), 2, "input.wrong_type"),
        (("share", tampered(world, "question.json", "question"), "--yes", *out), 6, None),
    ]
    for words, code, error in table:
        answer = world.me(*words, ok=False)
        assert (answer["exit"], error in (None, answer["code"])) == (code, True), answer
    world.shop("question", "--type", "urn:other", "--claim", "x", "--out", "other.json")
    assert world.me("share", "other.json", "--yes", *out, ok=False)["exit"] in (5, 11)
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    monkeypatch.setattr(Frame, "now", lambda _: later)
    assert world.me(*share, "--yes", *out, ok=False)["exit"] == 11
    assert not (world.folder / "o").exists()
