"""Notices: what they lack is named, what is published stays, and nothing is published twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company_world import Shop, look
from tests.cli.conftest import Konsens
from tests.consent.world import NEWSLETTER


def changed(shop: Shop, old: str, new: str) -> Path:
    assert old in NEWSLETTER
    path = shop.folder / "changed.toml"
    path.write_text(NEWSLETTER.replace(old, new))
    return path


def test_a_whole_notice_has_no_problem_and_needs_no_home(fresh: Shop) -> None:
    data = fresh.data("notice", "check", fresh.folder / "newsletter.toml")
    assert data == {"notice": None, "problems": []}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('authority = "Die Datenschutzaufsicht des Landes"', 'authority = ""', "notice.authority_missing"),
        ('retention = "P2Y"', 'retention = "two years"', "notice.retention"),
        ("double_opt_in = false", "double_opt_in = true", "notice.double_opt_in_later"),
    ],
)
def test_what_a_notice_lacks_is_named(old: str, new: str, problem: str, fresh: Shop) -> None:
    path = changed(fresh, old, new)
    ran = fresh("notice", "check", path)
    assert (ran.exit, ran.json["code"]) == (2, "notice.incomplete")
    assert ran.json["data"]["problems"] == [problem]
    assert problem in fresh.konsens("company", "notice", "check", path).out


def test_what_is_no_notice(fresh: Shop) -> None:
    for text in (b"id = ", b"\xff", b'id = "x"\n'):
        (fresh.folder / "bad.toml").write_bytes(text)
        assert fresh("notice", "check", fresh.folder / "bad.toml").exit == 2
    assert fresh("notice", "check", fresh.folder / "nothing.toml").exit == 5


def test_a_notice_is_published_once(shop: Shop) -> None:
    before = look(shop.reg)
    again = shop.publish()
    assert again["notice"]["leaf_index"] == 0
    assert look(shop.reg) == before
    other = changed(shop, "jederzeit", "immer")
    ran = shop("notice", "publish", other)
    assert (ran.exit, ran.json["code"]) == (12, "notice.version_exists")


def test_double_opt_in_comes_later(shop: Shop) -> None:
    ran = shop("notice", "publish", changed(shop, "double_opt_in = false", "double_opt_in = true"))
    assert (ran.exit, ran.json["code"]) == (11, "notice.double_opt_in_later")


def test_a_rehearsed_notice_is_not_published(fresh: Shop) -> None:
    fresh.init()
    before = look(fresh.home, fresh.reg)
    data = fresh.data("notice", "publish", fresh.folder / "newsletter.toml", "--dry-run")
    assert (data["dry_run"], data["notice"]["leaf_index"]) == (True, 0)
    assert look(fresh.home, fresh.reg) == before
    assert fresh.data("notice", "list")["notices"] == []


def test_notices_are_listed_and_shown_word_for_word(shop: Shop, konsens: Konsens) -> None:
    shop.data("notice", "publish", changed(shop, 'version = "1"', 'version = "2"'))
    assert [one["version"] for one in shop.data("notice", "list")["notices"]] == ["1", "2"]
    lines = konsens("company", "notice", "list", "--home", shop.home, "--jsonl").out.splitlines()
    assert len(lines) == 2
    assert "newsletter" in konsens("company", "notice", "list", "--home", shop.home).out
    shown = shop.data("notice", "show", "newsletter", "--lang", "de")
    assert (shown["notice"]["version"], shown["language"]) == ("2", "de")
    assert shown["text"] in NEWSLETTER
    assert (
        shown["text"]
        in konsens("company", "notice", "show", "newsletter", "--home", shop.home, "--lang", "de").out
    )
    ran = shop("notice", "show", "other")
    assert (ran.exit, ran.json["code"]) == (5, "notice.unknown")
