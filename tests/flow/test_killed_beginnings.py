"""Killed before any of its steps, the making of a home goes on where it was, or says what to do.

No log is left without its key, no wallet without its words, and nobody's words are written over.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from konsens.records import Seed
from konsens.registry import Registry
from konsens.wallet import parse_words
from konsens.wallet.wallet import did_of_number
from tests.cli.world import World
from tests.flow.child import KILLED, konsens_until, server

NEW_LOG = ("--new-registry", "fresh-reg", "--origin", "fresh.example")
LINES = {
    "company init": ("company", "init", "B", *NEW_LOG),
    "company init --did": ("company", "init", "B", "--did", "did:web:b.example", *NEW_LOG),
    "registry init": ("registry", "init", "fresh-reg", "--origin", "fresh.example"),
    "init": ("init", "--registry", "reg", "--words-file", "fresh-words"),
}


def killed_at(step: int, words: tuple[str, ...]) -> bool:
    """Return whether the line was killed: there are not so many steps otherwise."""
    environ = {name: value for name, value in os.environ.items() if name.startswith("KONSENS_")}
    child = server().Process(
        target=konsens_until, args=(step, (*words, "--home", "fresh", "--json"), environ)
    )
    child.start()
    child.join()
    assert child.exitcode in (0, KILLED)
    return child.exitcode == KILLED


def again(world: World, words: tuple[str, ...]) -> str:
    """Run the line once more; a wallet whose words are there is made of them, as the hint says."""
    answer = world.run("fresh", *words, ok=False)
    if answer["code"] == "words.there":
        assert "konsens recover --words-file fresh-words" in answer["hint"]
        answer = world.run("fresh", "recover", "--words-file", "fresh-words", "--registry", "reg", ok=False)
    code: str = answer["code"]
    return code


def check_signs(world: World) -> None:
    assert world.run("fresh", "registry", "checkpoint")["origin"] == "fresh.example"
    with Registry.open(Path("fresh-reg")) as log:
        log.check_own()


def check_words(world: World) -> None:
    """The words that were noted are those of the wallet."""
    seed = Seed.from_words(" ".join(parse_words(Path("fresh-words").read_text())))
    assert world.run("fresh", "id", "list")["ids"][0]["did"] == did_of_number(seed, 0)


@pytest.mark.parametrize("name", LINES)
def test_a_home_that_was_killed_while_it_was_made_is_made_by_the_same_line(
    name: str, world: World, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, codes = LINES[name], []
    step, killed = 0, True
    while killed:
        step += 1
        place = tmp_path_factory.mktemp("killed")
        for shared in ("reg", "pp"):
            (place / shared).symlink_to(world.folder / shared)
        monkeypatch.chdir(place)
        killed = killed_at(step, words)
        codes.append(again(world, words))
        assert world.run("fresh", "doctor", ok=False)["exit"] == 0
        if "fresh-reg" in words:
            check_signs(world)
        else:
            check_words(world)
    assert list(dict.fromkeys(codes))[:2] == ["ok", "home.finished"], "in this order"
    assert codes[-1] in ("home.exists", "registry.home_has_one"), "it was not killed"


def test_keys_of_an_interrupted_start_open_with_its_passphrase_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = iter(range(1, 100))
    while not (Path("fresh-reg").exists() and not Path("fresh/konsens.json").exists()):
        assert killed_at(next(steps), LINES["company init"])
        if not Path("fresh-reg").exists() and Path("fresh").exists():
            for left in sorted(Path("fresh").rglob("*"), reverse=True):
                left.rmdir() if left.is_dir() else left.unlink()
            Path("fresh").rmdir()
    Path("other-pp").write_text("another\n")
    Path("other-pp").chmod(0o600)
    monkeypatch.setenv("KONSENS_PASSPHRASE_FILE", "other-pp")
    refused = world.run("fresh", *LINES["company init"], ok=False)
    assert (refused["exit"], refused["code"]) == (4, "home.begun")
    monkeypatch.setenv("KONSENS_PASSPHRASE_FILE", "pp")
    assert world.run("fresh", *LINES["company init"], ok=False)["code"] == "ok"
    check_signs(world)


def test_words_that_are_there_are_written_over_only_by_force(world: World) -> None:
    words = Path("words").read_text()
    line = ("init", "--registry", "reg", "--words-file", "words")
    assert world.run("second", *line, ok=False)["code"] == "words.there"
    assert Path("words").read_text() == words
    Path("letter").write_text("dear")
    assert world.run("second", "init", "--words-file", "letter", ok=False)["code"] == "file.exists"
    world.run("second", *line, "--force")
    assert Path("words").read_text() != words
