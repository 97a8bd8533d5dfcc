"""What a person at a terminal of 80 columns sees and types."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import Konsens
from tests.cli.world import World, snapshot

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
Person = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path, konsens, monkeypatch)
    world.ask()
    return world


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    """Sit down at a terminal and start a line there."""
    started: list[pexpect.spawn[str]] = []

    def start(*words: str, home: str = "customer", **environ: str) -> pexpect.spawn[str]:
        line = ["-c", "from konsens.cli.app import main; main()", *words, "--home", home]
        env = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environ}
        child = pexpect.spawn(
            sys.executable, line, cwd=tmp_path, env=env, dimensions=(24, 80), encoding="utf-8", timeout=20
        )
        child.delaybeforesend = None
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def rest(child: pexpect.spawn[str]) -> str:
    """Wait for the end; return what was shown since the last question, without colours."""
    child.expect(pexpect.EOF)
    child.close()
    return COLOUR.sub("", child.before or "").replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("lang", "yes", "sentence"),
    [("en", "y", "You can withdraw at any time."), ("de", "j", "Sie können jederzeit widerrufen.")],
)
def test_a_person_reads_the_words_and_says_yes(
    lang: str, yes: str, sentence: str, person: Person, world: World
) -> None:
    child = person("grant", "ask.json", "--out", "grant.json", "--lang", lang)
    child.expect(r"Newsletter \(email\)\? \[./n\] ")
    assert sentence in " ".join(COLOUR.sub("", child.before or "").split())
    child.sendline(yes)
    shown = rest(child)
    assert child.exitstatus == 0
    assert {"en": "✔ given", "de": "✔ erteilt"}[lang] in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert world.shop("receive", "grant.json")["new"] == 2


# What a person types to say yes, and what they type to say no: after the same number of words.
YES = (("grant", "ask.json", "--out", "o.json"), "y")
NO = {
    "while asked": (("grant", "ask.json", "--out", "o.json"), "n"),
    "by refusing": (("refuse", "ask.json", "--out", "o.json"), "y"),
    "afterwards": (("withdraw", "Muster-Shop", "newsletter"), "y"),
    "for good": (("object", "Muster-Shop"), "y"),
}


@pytest.mark.parametrize("way", NO)
def test_no_takes_no_more_words_and_keys_than_yes(way: str, person: Person, world: World) -> None:
    words, key = NO[way]
    assert len(words) <= len(YES[0])
    assert len(key) == len(YES[1])
    if way in ("afterwards", "for good"):
        world.granted()
    child = person(*words)
    child.expect(r"\[y/n\] ")
    child.sendline(key)
    rest(child)
    assert child.exitstatus == (3 if way == "while asked" else 0), "one answer was enough"


def test_every_offer_is_asked_on_its_own_and_only_what_was_said_yes_to_is_given(
    person: Person, world: World
) -> None:
    world.ask("ask.json", "--purpose", "newsletter", "--purpose", "survey")
    child = person("grant", "ask.json", "--out", "grant.json")
    for question, key in (
        (r"Newsletter \(email\)\?", "n"),
        (r"Newsletter \(phone\)\?", "y"),
        (r"Umfragen \(email\)\?", "y"),
        (r"Umfragen \(phone\)\?", "n"),
    ):
        child.expect(question)
        child.sendline(key)
    rest(child)
    given = {(one["purpose"], one["channel"]) for one in world.me("consents")["records"]}
    assert given == {("newsletter", "phone"), ("survey", "email")}


@pytest.mark.parametrize("words", [YES[0], ("refuse", "ask.json", "--out", "o.json")])
@pytest.mark.parametrize("key", ["n\n", "\x03", "\x04"])
def test_whoever_does_not_say_yes_has_done_nothing(
    words: tuple[str, ...], key: str, person: Person, world: World
) -> None:
    before = snapshot(world.folder)
    child = person(*words)
    child.expect(r"\[y/n\] ")
    child.send("\n")  # no answer is the default
    child.expect(r"\[y/n\] ")
    child.send(key)
    shown = rest(child)
    assert child.exitstatus == 3
    assert "error[input.declined]" in shown or "error[input.cancelled]" in shown
    assert snapshot(world.folder) == before


def test_yes_without_a_choice_chooses_nothing(person: Person, world: World) -> None:
    child = person("grant", "ask.json", "--yes", "--out", "o.json")
    assert "error[wallet.nothing_chosen]" in rest(child)
    assert child.exitstatus == 2


def test_the_words_are_shown_on_the_terminal_and_nowhere_else(person: Person, world: World) -> None:
    line = "konsens.cli.app import main; main()"
    script = f'{sys.executable} -c "from {line}" init --registry reg --home new --json > out 2> err'
    child = pexpect.spawn(
        "/bin/sh", ["-c", script], cwd=world.folder, encoding="utf-8", timeout=20, env=dict(os.environ)
    )
    # stdin alone is a terminal: that is enough to show what must not land in a file.
    shown = rest(child)
    assert child.exitstatus == 0
    words = re.findall(r"\b[0-9]{1,2}\. ([a-z]+)", shown)
    assert len(words) == 24
    written = (world.folder / "out").read_text() + (world.folder / "err").read_text()
    assert '"words_file":null' in written
    assert " ".join(words[:3]) not in written
    (world.folder / "by-hand").write_text(" ".join(words))
    back = world.run("back", "recover", "--words-file", "by-hand", "--registry", "reg")
    assert back["seals_found"] == 0


def test_a_new_passphrase_is_typed_twice_and_unseen(person: Person, world: World) -> None:
    new = {"KONSENS_PASSPHRASE_FILE": ""}
    child = person("init", "--registry", "reg", "--words-file", "w", home="new", **new)
    for question in ("Passphrase:", "Once more:"):
        child.expect(question)
        child.sendline("hunter2 hunter2")
    assert "hunter2" not in rest(child)
    assert child.exitstatus == 0
    child = person("consents", home="new", **new)
    child.expect("Passphrase:")
    child.sendline("hunter2 hunter2")
    assert "No consents." in rest(child)
    child = person("consents", home="new", **new)
    child.expect("Passphrase:")
    child.sendline("guess")
    assert "error[wallet.passphrase]" in rest(child)
    assert child.exitstatus == 4


def test_two_different_passphrases_make_no_wallet(person: Person, world: World) -> None:
    child = person("init", "--words-file", "w", home="new", KONSENS_PASSPHRASE_FILE="")
    for typed in ("one", "two"):
        child.expect(":")
        child.sendline(typed)
    assert "error[input.passphrase_differs]" in rest(child)
    assert child.exitstatus == 2
    assert not (world.folder / "new").exists()
    assert not (world.folder / "w").exists()


def test_the_24_words_can_be_typed(person: Person, world: World) -> None:
    words = " ".join((world.folder / "words").read_text().split())
    child = person("recover", "--registry", "reg", home="back")
    child.expect("24 words:")
    child.sendline(words)
    assert "Identities:              0" in rest(child)
    assert child.exitstatus == 0


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("plain", [[], ["--plain"]])
def test_every_screen_fits_eighty_columns(lang: str, plain: list[str], person: Person, world: World) -> None:
    world.granted()
    world.me("card", "import", "receipts.json")
    for words in (
        ("request", "show", "ask.json"),
        ("consents",),
        ("history",),
        ("id", "list"),
        ("card", "list"),
        ("withdraw", "Muster-Shop", "newsletter", "--yes"),
    ):
        child = person(*words, "--lang", lang, *plain)
        shown = rest(child)
        assert child.exitstatus == 0, shown
        tables = [line for line in shown.splitlines() if "   " in line]
        assert max(map(len, tables), default=0) <= 80, shown
