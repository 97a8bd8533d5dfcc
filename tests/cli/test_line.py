"""How a line becomes arguments: by the function's own signature, and never by a guess."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.cli.failure import translate
from konsens.cli.frame import Frame, Outcome, command
from konsens.cli.line import Argument, Option, label, line_of
from konsens.errors import KonsensError


def ask(
    frame: Frame,
    who: Annotated[str, Argument()],
    purpose: Annotated[str | None, Argument(metavar="PURPOSE")] = None,
    channel: Annotated[list[str], Option("--channel")] = [],  # noqa: B006  # read, never changed
    out: Annotated[Path | None, Option("--out", metavar="FILE")] = None,
    count: Annotated[int, Option("--count")] = 1,
    at: Annotated[datetime | None, Option("--at")] = None,
    method: Annotated[Literal["letter", "phone"], Option("--method")] = "letter",
    many: Annotated[bool, Option("--many")] = False,
) -> Outcome:
    """Stand for a command."""
    return Outcome()


COMMAND = command()(ask)
COMMON = {"json": False, "home": None, "lang": None, "no_input": False, "yes": False, "plain": False}


def read(words: list[str]) -> dict[str, Any]:
    """Return what the function would be called with, or raise what is wrong with the line."""
    line = line_of("ask", COMMAND, dict)
    try:
        with line.make_context("konsens ask", words) as context:
            found: dict[str, Any] = line.invoke(context)
            return found
    except Exception as error:
        raise translate(error) from error


DEFAULTS: dict[str, Any] = {
    "purpose": None,
    "channel": [],
    "out": None,
    "count": 1,
    "at": None,
    "method": "letter",
    "many": False,
}


@pytest.mark.parametrize(
    ("line", "given_values"),
    [
        ("Erika", {"who": "Erika"}),
        ("Erika newsletter", {"who": "Erika", "purpose": "newsletter"}),
        ("Erika --many newsletter", {"who": "Erika", "purpose": "newsletter", "many": True}),
        ("--channel email Erika --channel post", {"who": "Erika", "channel": ["email", "post"]}),
        ("Erika --out=a=b", {"who": "Erika", "out": Path("a=b")}),
        ("Erika --out -", {"who": "Erika", "out": Path("-")}),
        ("- --count 07", {"who": "-", "count": 7}),
        ("Erika --out -x", {"who": "Erika", "out": Path("-x")}),
        ("-- --many", {"who": "--many"}),
        ("Erika -- --", {"who": "Erika", "purpose": "--"}),
        ("Erika --at 2026-11-22", {"who": "Erika", "at": datetime(2026, 11, 22, tzinfo=UTC)}),
        ("Erika --at 2026-11-22T10:00:00Z", {"who": "Erika", "at": datetime(2026, 11, 22, 10, tzinfo=UTC)}),
        ("Erika --method phone --many --many", {"who": "Erika", "method": "phone", "many": True}),
        ("Erika --out=", {"who": "Erika", "out": Path()}),
    ],
)
def test_a_line_is_read(line: str, given_values: dict[str, Any]) -> None:
    assert read(line.split(" ")) == DEFAULTS | COMMON | given_values


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("", "usage.missing"),
        ("Erika newsletter more", "usage.too_many"),
        ("Erika --man", "usage.option_did_you_mean"),
        ("Erika --Many", "usage.option_did_you_mean"),
        ("Erika -m", "usage.unknown_option"),
        ("Erika ---", "usage.unknown_option"),
        ("Erika --out", "usage.no_value"),
        ("Erika --out --many", "usage.no_value"),
        ("Erika --out a --out b", "usage.twice"),
        ("Erika --count 1 --count 1", "usage.twice"),
        ("Erika --many=yes", "usage.flag_value"),
        ("Erika --count x", "usage.bad_number"),
        ("Erika --count -1", "usage.bad_number"),
        ("Erika --count 1_0", "usage.bad_number"),
        ("Erika --count １", "usage.bad_number"),
        ("Erika --count 99999999999999999", "usage.bad_number"),
        ("Erika --at tomorrow", "usage.bad_time"),
        ("Erika --at 2026-02-30", "usage.bad_time"),
        ("Erika --at 2026-11-22T10:00:00+01:00", "usage.bad_time"),
        ("Erika --method fax", "usage.bad_choice"),
    ],
)
def test_a_line_that_could_mean_two_things_means_nothing(line: str, code: str) -> None:
    with pytest.raises(KonsensError) as caught:
        read(line.split(" ") if line else [])
    assert caught.value.code == code


@given(
    st.lists(st.text(max_size=12) | st.sampled_from(["--out", "--many", "--", "-", "--channel", "--at=x"]))
)
def test_whatever_is_typed_is_read_or_refused(words: list[str]) -> None:
    try:
        values = read(words)
    except KonsensError as error:
        values = {"code": error.code.partition(".")[0]}
    assert values == {"code": "usage"} or set(values) == DEFAULTS.keys() | COMMON.keys() | {"who"}


def test_names_in_the_help_are_those_of_the_line() -> None:
    line = line_of("ask", COMMAND, dict)
    context = click.Context(line)
    labels = {label(one): one.make_metavar(context) for one in line.params if one.name not in COMMON}
    assert labels == {
        "WHO": "WHO",
        "PURPOSE": "[PURPOSE]",
        "--channel": "TEXT",
        "--out": "FILE",
        "--count": "N",
        "--at": "TIME",
        "--method": "[letter|phone]",
        "--many": "BOOLEAN",
    }
