"""Claim paths: how they are written, and what they point at."""

from __future__ import annotations

from typing import Any

import pytest

from konsens.credentials import ClaimPath, PathLike, parse_path, render_path
from konsens.credentials.path import matches, select
from konsens.errors import InputError

# The example of OpenID4VP 1.0, section 7.3.
ARTHUR: dict[str, Any] = {
    "name": "Arthur Dent",
    "address": {"street_address": "42 Market Street", "locality": "Milliways", "postal_code": "12345"},
    "degrees": [
        {"type": "Bachelor of Science", "university": "University of Betelgeuse"},
        {"type": "Master of Science", "university": "University of Betelgeuse"},
    ],
    "nationalities": ["British", "Betelgeusian"],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("name",), {("name",): "Arthur Dent"}),
        (("address",), {("address",): ARTHUR["address"]}),
        (("address", "street_address"), {("address", "street_address"): "42 Market Street"}),
        (
            ("degrees", None, "type"),
            {("degrees", 0, "type"): "Bachelor of Science", ("degrees", 1, "type"): "Master of Science"},
        ),
        (("nationalities", 1), {("nationalities", 1): "Betelgeusian"}),
        (("nationalities", 2), {}),
        (("nobody",), {}),
        (("name", "first"), {}),
        (("name", None), {}),
        (("address", 0), {}),
        (("degrees", "type"), {}),
    ],
)
def test_a_path_selects_what_the_standard_says(path: ClaimPath, found: dict[ClaimPath, Any]) -> None:
    assert select(ARTHUR, path, {}) == found


def test_a_position_is_the_one_in_the_issuers_array() -> None:
    only_second = {"nationalities": ["Betelgeusian"]}
    assert select(only_second, ("nationalities", 1), {("nationalities",): (1,)}) == {
        ("nationalities", 1): "Betelgeusian"
    }
    assert select(only_second, ("nationalities", 0), {("nationalities",): (1,)}) == {}


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("level", ("level",)),
        ("address.locality", ("address", "locality")),
        ("nationalities[0]", ("nationalities", 0)),
        ("nationalities[]", ("nationalities", None)),
        ("degrees[].type", ("degrees", None, "type")),
        ("table[1][2]", ("table", 1, 2)),
        ("age_equal_or_over.18", ("age_equal_or_over", "18")),
        ('["a.b","c",0,null]', ("a.b", "c", 0, None)),
    ],
)
def test_a_path_has_a_dotted_form(written: str, path: ClaimPath) -> None:
    assert parse_path(written) == path
    assert parse_path(list(path)) == path
    assert render_path(path) == written


@pytest.mark.parametrize(
    "written",
    [
        *("", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "a[01]", "a]b"),
        *("[0]", "[null]", "[]", "[true]", '["a",1.5]', '["a",-1]'),
        *([], [0], [None, "a"], ["a", True], ["a", -1], ["a", 1.5]),
    ],
)
def test_what_is_no_path_is_refused(written: PathLike) -> None:
    with pytest.raises(InputError) as excinfo:
        parse_path(written)
    assert excinfo.value.code == "dcql.path"


def test_true_is_not_the_first_position() -> None:
    assert not matches(("a", 1), ("a", True))
    assert matches(("a", None), ("a", 7))
    assert not matches(("a", None), ("a", "seven"))
