"""What a person reads fits the terminal, and nothing from outside can play tricks with it."""

from __future__ import annotations

import io

import pytest

from konsens.cli.screen import Screen, clean, width_of


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def screen(columns: int = 40, *, plain: bool = False) -> tuple[Screen, Terminal]:
    stream = Terminal()
    made = Screen(stream, plain=plain)
    made.width = columns
    made.colour = False
    return made, stream


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Muster-Shop", "Muster-Shop"),
        ("\x1b[31mred", "[31mred"),
        ("a\u202eb\u2066c", "abc"),
        ("z.\u00a0B.\u2028x", "z. B. x"),
        ("a\tb\nc\r", "a b c "),
        ("\x00\x7f\x9bx", "x"),
        ("\ud800x", "x"),
        ("ä\u0301 日本 🙂", "ä\u0301 日本 🙂"),
    ],
)
def test_control_and_direction_characters_are_stripped(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_table_fits_the_terminal_and_loses_nothing() -> None:
    page, stream = screen(40)
    page.table(["company", "hash"], [["日本商店" * 9, "ab" * 32], ["Muster-Shop GmbH & Co. KG", "x"]])
    head, *lines = stream.getvalue().splitlines()
    assert all(width_of(line) <= 40 for line in [head, *lines])
    letters = "".join(lines).replace(" ", "")
    assert [letters.count(letter) for letter in "ab店x"] == [32, 33, 9, 1]
    assert "Muster-ShopGmbH" in letters


def test_plain_writes_each_row_as_its_fields() -> None:
    page, stream = screen(plain=True)
    page.table(["name", "state"], [["a", "given"], ["b", None]])
    page.check(True, "log.inclusion")
    page.check(False, "event.signature", "of event 3")
    assert stream.getvalue() == (
        "name: a\nstate: given\n\nname: b\nstate: –\n\nok log.inclusion\nfailed event.signature: of event 3\n"
    )


def test_a_state_is_a_sign_and_not_a_colour_alone() -> None:
    page, stream = screen()
    page.colour = True
    page.check(True, "a.b")
    page.check(False, "a.c")
    page.check(None, "a.d")
    assert stream.getvalue().splitlines() == [
        "\x1b[32m✔\x1b[0m a.b",
        "\x1b[31m✖\x1b[0m a.c",
        "\x1b[33m⏳\x1b[0m a.d",
    ]


@pytest.mark.parametrize(
    ("environ", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(
    environ: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Screen(Terminal()).colour is colour
    assert Screen(Terminal(), plain=True).colour is False
    assert Screen(io.StringIO()).colour is False


def test_letters_that_the_stream_cannot_write_are_replaced() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    page = Screen(stream)
    page.line("Grüße")
    page.check(True, "a.b")
    stream.flush()
    assert stream.buffer.getvalue() == b"Gr??e\nok a.b\n"


def test_a_pipe_gets_whole_lines() -> None:
    stream = io.StringIO()
    Screen(stream).fields({"text": "word " * 100})
    assert stream.getvalue().count("\n") == 1


def test_fields_stand_below_one_another_and_keep_their_lines() -> None:
    page, stream = screen(30)
    page.fields([("a", "one\ntwo"), ("longer", ["x", "y"])])
    assert stream.getvalue() == "a:      one\n        two\nlonger: x, y\n"
