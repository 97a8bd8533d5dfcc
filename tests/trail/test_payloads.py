"""Hostile text through every export: nothing runs, nothing hides, nothing leads out of a folder."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Literal

import msgspec
import pytest

from konsens.errors import Language
from konsens.records import Actor
from konsens.trail.container import read_container
from konsens.trail.export import export
from konsens.trail.query import Query
from konsens.trail.report import render_report
from konsens.trail.search import search
from konsens.trail.table import render_csv
from konsens.trail.verify import verify
from konsens.trail.visible import visible

from .test_dpv import as_graph, check
from .town import Town

PAYLOADS = (
    "=cmd|' /C calc'!A0",
    "+49 171 1234567",
    "-2+3+cmd",
    "@SUM(1+9)*cmd",
    "\t=1+1",
    "＝1＋1",
    '"; DROP TABLE event; --',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    "{{ 7*7 }} {% include 'x' %}",
    "javascript:alert(1)",
    "\x1b[2J\x1b]0;owned\x07",
    "Anna \u202egnp.exe",
    "\u2066hidden\u2069",
    "аnna",  # a Cyrillic look-alike
    "../../etc/passwd",
    "C:\\Windows\\win.ini",
    "a" * 190,
    "Zeile1 Zeile2",
    "🦊 ≠ ascii",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Every payload as a name of staff, a campaign, a company number."""
    town = Town(tmp_path_factory.mktemp("hostile"))
    for number, payload in enumerate(PAYLOADS):
        ref = payload.strip()
        town.person(f"p{number}", ref)
        town.mail(ref, campaign=payload)
        town.world.shop.withdraw(
            town.world.keys,
            ref,
            method="letter",
            note=payload,
            actor=Actor(name=payload, role="desk"),
            now=town.world.clock.tick(),
        )
    town.mail("p", campaign="=after")  # nobody's consent
    yield town
    town.close()


def exported(town: Town, kind: Literal["bundle", "csv", "jsonld", "html"], **more: Any) -> bytes:
    out = io.BytesIO()
    export(town.desk, Query(), kind=kind, out=out, now=town.world.now, **more)
    return out.getvalue()


def test_the_bundle_verifies_and_its_names_are_hashes(hostile: Town) -> None:
    bundle = exported(hostile, "bundle")
    report = verify(bundle, hostile.trust, at=hostile.world.now)
    assert report.errors == ()
    assert "trail.contact_without_consent" in report.warnings
    with read_container(bundle) as container:
        assert all(re.fullmatch(r"[A-Za-z0-9./_-]+", name) and ".." not in name for name in container.names)


def test_raw_csv_gives_every_letter_back(hostile: Town) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(hostile, "csv").decode(), newline="")))
    actors = {row["actor"] for row in rows}
    assert actors >= {f"{payload}, desk" for payload in PAYLOADS}


def test_safe_csv_begins_no_cell_with_a_formula(hostile: Town) -> None:
    text = exported(hostile, "csv", safe_csv=True).decode("utf-8")
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))
    assert len(rows) > len(PAYLOADS)
    assert not [cell for row in rows for cell in row if cell.lstrip(" \u00a0").startswith(FORMULA)]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_each_cell_is_defused_and_can_be_read(payload: str) -> None:
    (_, (cell,)) = csv.reader(io.StringIO(render_csv(["a"], [[payload]], safe=True)[1:]), delimiter=";")
    assert cell.removeprefix("'") == visible(payload)
    assert not cell.startswith(FORMULA)
    (_, (raw,)) = csv.reader(io.StringIO(render_csv(["a"], [[payload]], safe=False)))
    assert raw == payload


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        found = dict(attrs)
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_holds_no_tag_that_is_not_ours(hostile: Town, language: Language) -> None:
    page = exported(hostile, "html", language=language).decode()
    tags = Tags()
    tags.feed(page)
    assert not tags.tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base", "svg"}
    assert not [name for name in tags.attributes if name.startswith("on") or name in ("src", "style")]
    assert tags.policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in tags.policy
    assert "<script" not in page
    assert "=after" in page


def test_the_page_shows_no_letter_that_turns_the_line_or_talks_to_a_terminal(hostile: Town) -> None:
    for kind in ("html", "csv"):
        text = exported(hostile, kind, **({"safe_csv": True} if kind == "csv" else {})).decode()
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text), kind


def test_json_ld_of_hostile_numbers_is_still_json_ld(hostile: Town) -> None:
    document = json.loads(exported(hostile, "jsonld"))
    assert len(document["@graph"]) == len(PAYLOADS)
    check(as_graph(document))


def test_searching_gives_the_words_as_they_were(hostile: Town) -> None:
    found = search(hostile.desk, Query(), now=hostile.world.now)
    assert {event.actor for event in found} >= {f"{payload}, desk" for payload in PAYLOADS}


def test_findings_come_first_and_in_words(hostile: Town) -> None:
    view = hostile.desk.look(Query(), now=hostile.world.now)
    assert [finding.code for finding in view.findings] == ["trail.contact_without_consent"]
    for language, words in (("de", "ohne dass eine Einwilligung galt"), ("en", "without a consent in force")):
        page = render_report(view, language=language)  # type: ignore[arg-type]  # both are languages
        assert words in page
        assert page.index(words) < page.index('id="records"')
        assert view == msgspec.structs.replace(view)
        assert page == render_report(view, language=language)  # type: ignore[arg-type]  # as above


def test_a_page_is_one_file(hostile: Town) -> None:
    page = exported(hostile, "html").decode()
    assert not re.search(r"url\(|@import|href=\"(?!#)", page)
