"""A question answered at a terminal of 80 columns, as a new customer reads it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import Konsens
from tests.cli.world import World

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TYPE = "urn:example:membership"


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> World:
    """The customer holds a card and has never answered the shop anything."""
    world = World(tmp_path, konsens, monkeypatch)
    (tmp_path / "claims.json").write_text('{"level":"gold","name":"Anna","age_over_18":true}')
    to = world.me("id", "show")["did"]
    world.shop("issue", "claims.json", "--type", TYPE, "--to", to, "--out", "card.json")
    world.me("card", "import", "card.json")
    for number in (1, 2):
        claims = ("--claim", "level", "--claim", "age_over_18")
        world.shop("question", "--type", TYPE, *claims, "--reason", "Discount", "--out", f"q{number}.json")
    return world


def at_a_terminal(folder: Path, lang: str, answer: str, *words: str) -> tuple[str, int | None]:
    """Answer the one question that is asked; return what was shown, without colours, and the exit code."""
    line = ["-c", "from konsens.cli.app import main; main()", *words, "--home", "customer", "--lang", lang]
    env = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    child = pexpect.spawn(
        sys.executable, line, cwd=folder, env=env, dimensions=(24, 80), encoding="utf-8", timeout=20
    )
    try:
        child.expect(r"\[./n\] ")
        before = str(child.before)
        child.sendline(answer)
        child.expect(pexpect.EOF)
        told = COLOUR.sub("", f"{before}[?] {child.before}").replace("\r\n", "\n")
    finally:
        child.close(force=True)
    return told, child.exitstatus


@pytest.mark.parametrize(
    ("lang", "yes", "lines"),
    [
        (
            "en",
            "y",
            [
                "Reason:            Discount",
                "Shown:             age_over_18, level",
                "Always goes along: nothing",
                "Withheld:          name",
                "You have not dealt with this company before; its key is remembered when you",
                "Show this? [?] y",
                "The answer is in a.json. Give it to the company; it counts once.",
            ],
        ),
        (
            "de",
            "j",
            [
                "Grund:           Discount",
                "Gezeigt wird:    age_over_18, level",
                "Geht immer mit:  nichts",
                "Verdeckt bleibt: name",
                "Mit diesem Unternehmen hatten Sie noch nicht zu tun; sein Schlüssel wird",
                "Das zeigen? [?] j",
                "Die Antwort steht in a.json. Geben Sie sie dem Unternehmen; sie gilt einmal.",
            ],
        ),
    ],
)
def test_a_new_customer_reads_everything_before_the_yes_and_once(
    lang: str, yes: str, lines: list[str], world: World
) -> None:
    told, code = at_a_terminal(world.folder, lang, yes, "share", "q1.json", "--out", "a.json")
    assert code == 0
    places = [told.index(f"{line}\n") for line in lines]
    assert places == sorted(places)
    assert [told.count(line) for line in lines] == [1] * len(lines)
    assert all(len(line) <= 80 for line in told.splitlines())
    assert world.shop("verify-answer", "a.json")["claims"] == {"level": "gold", "age_over_18": True}


def test_a_no_writes_nothing(world: World) -> None:
    told, code = at_a_terminal(world.folder, "de", "n", "share", "q1.json", "--out", "a.json")
    assert code == 3
    assert "Sie haben Nein gesagt. Es ist nichts geschehen." in told
    assert not (world.folder / "a.json").exists()


def test_who_answers_twice_is_told_before(world: World) -> None:
    world.me("share", "q1.json", "--yes", "--out", "a.json")
    told, _ = at_a_terminal(world.folder, "de", "n", "share", "q1.json", "--out", "b.json")
    assert told.index("Sie haben diese Frage schon beantwortet; es zählt nur eine") < told.index("[?]")
    fresh, _ = at_a_terminal(world.folder, "de", "n", "share", "q2.json", "--out", "b.json")
    assert "schon beantwortet" not in fresh


def test_what_cannot_be_answered_is_named_by_what_is_asked(world: World) -> None:
    narrow = world.me("share", "q1.json", "--only", "level", "--yes", "--out", "b.json", ok=False)
    assert (narrow["code"], "age_over_18" in narrow["message"]) == ("dcql.only", True)
    world.shop("question", "--type", "urn:example:other", "--claim", "iban", "--out", "q3.json")
    nothing = world.me("share", "q3.json", "--yes", "--out", "b.json", ok=False)
    assert nothing["code"] == "dcql.no_match"
    assert "urn:example:other (iban)" in nothing["message"]


@pytest.mark.parametrize(("lang", "yes"), [("de", "ja"), ("en", "yes")])
def test_the_company_reads_yes_and_no_in_words(lang: str, yes: str, world: World) -> None:
    world.me("share", "q1.json", "--yes", "--out", "a.json")
    words = ("company", "verify-answer", "a.json", "--home", "shop", "--lang", lang)
    rehearsed = world.konsens(*words, "--dry-run")
    assert "spent" not in rehearsed.err
    assert "verbraucht" not in rehearsed.err
    ran = world.konsens(*words)
    assert re.search(rf"^age_over_18: +{yes}$", ran.out, re.MULTILINE)
    assert {"de": "Die Antwort stimmt.", "en": "The answer holds."}[lang] in ran.err
