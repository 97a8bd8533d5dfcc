"""How a line becomes arguments: by the function's own signature, and never by a guess."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.cli.frame import Frame, Outcome
from konsens.cli.line import Argument, Option, parameters_of, read_line
from konsens.errors import InputError


def ask(
    frame: Frame,
    who: str,
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


PARAMETERS = parameters_of(ask)
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
    assert read_line(line.split(" "), PARAMETERS, start="konsens ask") == DEFAULTS | given_values


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
    with pytest.raises(InputError) as caught:
        read_line(line.split(" ") if line else [], PARAMETERS, start="konsens ask")
    assert caught.value.code == code


@given(
    st.lists(st.text(max_size=12) | st.sampled_from(["--out", "--many", "--", "-", "--channel", "--at=x"]))
)
def test_whatever_is_typed_is_read_or_refused(words: list[str]) -> None:
    try:
        values = read_line(words, PARAMETERS, start="konsens ask")
    except InputError as error:
        values = {"code": error.code.partition(".")[0]}
    assert values == {"code": "usage"} or set(values) == {one.name for one in PARAMETERS}


def test_names_in_the_help_are_those_of_the_line() -> None:
    labels = {one.label: one.value_label for one in PARAMETERS}
    assert labels == {
        "WHO": "TEXT",
        "PURPOSE": "TEXT",
        "--channel": "TEXT",
        "--out": "FILE",
        "--count": "N",
        "--at": "TIME",
        "--method": "letter|phone",
        "--many": "",
    }
