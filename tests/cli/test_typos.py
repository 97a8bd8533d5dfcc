"""A word with a typing mistake is told, and never looks like a clean answer with nothing in it."""

from __future__ import annotations

from typing import get_args

import pytest

from konsens.cli.words import StateName
from konsens.consent import State
from tests.cli.company_world import Shop
from tests.cli.conftest import Konsens


def test_an_option_knows_every_state() -> None:
    assert set(get_args(StateName)) == set(State)


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["search", "--state", "gvien"], "usage.bad_choice", 2),
        (["search", "--purpose", "nope"], "consent.purpose", 5),
        (["search", "--channel", "emial"], "consent.channel", 5),
        (["search", "--purpose", "newsletter", "--channel", "in-person"], "consent.channel", 5),
        (["search", "--from", "2026-02-01", "--to", "2026-01-01"], "trail.period", 2),
        (
            ["export", "--format", "csv", "--out", "x", "--from", "2026-02-01", "--to", "2026-01-01"],
            "trail.period",
            2,
        ),
        (["search", "--state", "given", "--purpose", "newsletter", "--channel", "email"], "ok", 0),
    ],
)
def test_the_trail_names_what_it_does_not_know(
    words: list[str], code: str, exit_code: int, shop: Shop
) -> None:
    ran = shop.konsens("trail", *words, "--home", shop.home, "--json")
    assert (ran.exit, ran.json["code"]) == (exit_code, code)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["newslettr", "--channel", "email"], "consent.purpose"),
        (["newsletter", "--channel", "emial"], "consent.channel"),
    ],
)
def test_a_list_names_what_no_notice_offers(words: list[str], code: str, shop: Shop) -> None:
    (shop.folder / "list.csv").write_text("nr\n1\n")
    out = ("--out", shop.folder / "yes.csv", "--refused", shop.folder / "no.csv")
    ran = shop("filter", shop.folder / "list.csv", *words, "--column", "nr", *out)
    assert (ran.exit, ran.json["code"]) == (5, code)
    assert not (shop.folder / "no.csv").exists()


def test_consents_know_only_real_states(konsens: Konsens) -> None:
    ran = konsens("consents", "--state", "nonsense", "--json")
    assert (ran.exit, ran.json["code"]) == (2, "usage.bad_choice")
