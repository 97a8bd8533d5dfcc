"""What a person reads in a report: also of those who were asked and never answered, and of nothing at all."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from konsens.errors import KonsensError, Language
from konsens.trail.container import read_container
from konsens.trail.export import Format, export
from konsens.trail.query import Query
from konsens.trail.verify import verify
from konsens.trail.view import RecordLine

from ..consent.world import Customer
from .test_dpv import as_graph, check
from .town import Town

LANGUAGES: tuple[Language, ...] = ("de", "en")
SPACE = "\u00a0"  # the one at which no line ends


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Town]:
    """A town in which nina was asked for the newsletter, and anna has given it."""
    town = Town(tmp_path)
    town.person("anna", "C-1")
    nina = town.people["nina"] = Customer.new(town.world, "nina")
    town.world.clock.tick(60)
    town.world.receive(nina.open(), ref="C-2")
    town.moments.append(town.world.now)
    town.world.clock.tick(60)
    town.world.ask(who=nina.did)
    yield town
    town.close()


def page(town: Town, language: Language = "en", **question: Any) -> str:
    out = io.BytesIO()
    export(town.desk, Query(**question), kind="html", out=out, language=language, now=town.world.now)
    return unescape(re.sub(r"<[^>]*>", " ", out.getvalue().decode().partition("</style>")[2]))


def requested(town: Town, **question: Any) -> list[RecordLine]:
    return list(town.desk.look(Query(**question), now=town.world.now).requested)


@pytest.mark.parametrize(("language", "state"), [("de", "◷ erbeten"), ("en", "◷ requested")])
def test_who_was_asked_and_has_not_answered_is_in_the_report(
    asked: Town, language: Language, state: str
) -> None:
    assert state in page(asked, language)
    assert state in page(asked, language, who="C-2")
    assert state in page(asked, language, who="C-2", purpose="newsletter", channel="email")
    assert state not in page(asked, language, who="C-1")


def test_a_request_ends_by_an_answer_or_by_time(asked: Town) -> None:
    nina, world = asked.people["nina"], asked.world
    (line,) = requested(asked)
    assert (line.state, line.decision.code, line.events) == ("requested", "consent.none", ())
    world.clock.tick(14 * 86400)
    assert [one.state for one in requested(asked)] == ["lapsed"]
    again = world.ask(who=nina.did)
    assert [one.state for one in requested(asked)] == ["requested"]
    world.receive(nina.give(asked.notice, again))
    assert requested(asked) == []
    assert [one.state for one in requested(asked, as_of=world.now - timedelta(days=1))] == ["requested"]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ({"state": "requested"}, 1),
        ({"state": "given"}, 0),
        ({"channel": "phone"}, 0),
        ({"purpose": "newsletter"}, 1),
        ({"start": "asked"}, 1),
        ({"end": "before"}, 0),
        ({"as_of": "before"}, 0),
        ({"known_at": "before"}, 0),
    ],
    ids=str,
)
def test_a_question_takes_only_the_requests_that_it_asks_for(
    asked: Town, question: dict[str, str], found: int
) -> None:
    moments: dict[str, datetime] = {"asked": asked.world.now, "before": asked.moments[0]}
    assert (
        len(requested(asked, **{name: moments.get(what, what) for name, what in question.items()})) == found
    )


def test_a_bundle_claims_nothing_of_a_request(asked: Town) -> None:
    for question in ({}, {"who": "C-2"}, {"who": "C-2", "purpose": "newsletter", "channel": "email"}):
        bundle = asked.bundle(**question)
        assert verify(bundle, asked.trust, at=asked.world.now).errors == ()
        decisions = json.loads(read_container(bundle).read("decisions.json"))
        assert {entry["state"] for entry in decisions} <= {"given", None}


def test_a_request_is_a_record_in_json_ld(asked: Town) -> None:
    out = io.BytesIO()
    export(asked.desk, Query(who="C-2"), kind="jsonld", out=out, now=asked.world.now)
    document = json.loads(out.getvalue())
    check(as_graph(document))
    ((status,),) = (record["dpv:hasConsentStatus"] for record in document["@graph"])
    assert status["@type"] == "dpv:ConsentRequested"


def test_somebody_who_was_only_asked_is_no_stranger(asked: Town) -> None:
    otto = Customer.new(asked.world, "otto")
    asked.world.ask(who=otto.did)
    report = verify(
        asked.bundle(who=otto.did, purpose="newsletter", channel="email"), asked.trust, at=asked.world.now
    )
    assert (report.errors, report.allowed) == ((), False)


@pytest.mark.parametrize(("language", "words"), [("de", "– nichts vermerkt"), ("en", "– nothing on file")])
def test_nothing_on_file_is_said_in_words(town: Town, language: Language, words: str) -> None:
    early = town.moments[0] - timedelta(days=900)
    text = page(town, language, who="C-3", purpose="newsletter", channel="email", as_of=early)
    assert words in text
    assert "None" not in text


def test_a_line_breaks_between_day_and_time_only(town: Town) -> None:
    for language, day in (("de", "22.11.2026"), ("en", f"22{SPACE}Nov{SPACE}2026")):
        text = page(town, language)  # type: ignore[arg-type]  # both are languages
        assert re.search(rf"{day}, \d\d:\d\d:\d\d{SPACE}UTC", text)
        assert not re.search(r"\d UTC", text)


def test_every_export_reads_the_log_for_breaks_that_its_list_lacks(asked: Town) -> None:
    """Somebody took a break out of the list; the entry is there, and no checkpoint covers it yet."""
    asked.world.checkpoint()
    index = asked.people["anna"].break_bare(1, 1)
    desk = asked.desk
    assert desk.look(Query(who="C-1"), now=asked.world.now).records[0].state == "withdrawn"
    with sqlite3.connect(asked.folder / "reg" / "log.sqlite") as db:
        db.execute("DROP TRIGGER broken_DELETE")
        db.execute("DELETE FROM broken WHERE idx = ?", (index,))
    elsewhere = msgspec.structs.replace(desk, checkpoint=None)
    kinds: tuple[Format, ...] = ("bundle", "csv", "jsonld", "html")
    for kind, at in product(kinds, (desk, elsewhere)):
        with pytest.raises(KonsensError) as refused:
            export(at, Query(who="C-1"), kind=kind, out=io.BytesIO(), now=asked.world.now)
        assert refused.value.code == "registry.damaged"
