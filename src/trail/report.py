"""One page that a person would rather look at than read: HTML, one file, no scripts, prints well."""

from __future__ import annotations

import hashlib
import tomllib
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ..encoding import parse_time
from ..errors import Language, sentence
from .view import EventLine, Finding, RecordLine, TrailView, UseLine, by_person
from .visible import visible

__all__ = ["render_report"]

MAX_RECORDS = 2_000
MAX_HISTORIES = 200
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_FIXED = "\u00a0"  # a space at which no line ends: a time breaks after its day only
_MARKS = {None: "–", "given": "✔", "renewed": "✔", "pending": "◷", "requested": "◷", "deferred": "◷"}


def render_report(view: TrailView, *, language: Language) -> str:
    """Return the report as one HTML page: the same view gives the same bytes.

    Everything that came from outside is escaped; the page's policy (CSP) forbids scripts and every load,
    and allows the one style sheet by its hash. A page shows at most 2,000 records and 200 histories and
    says how many it leaves out.
    """
    words = _words()[language]
    records = _with_requested(view)
    told = [record for record in records if record.events or record.state is None]
    style = (files(__package__) / "report.css").read_text("utf-8")
    template = _environment(language).from_string((files(__package__) / "report.html").read_text("utf-8"))
    return template.render(
        lang=language,
        t=words,
        view=view,
        style=Markup(style),  # noqa: S704 — our own file, allowed by its hash
        style_hash="sha256-" + b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        tiles=_tiles(records, view.uses, words["tiles"]),
        records=records,
        shown_records=records[:MAX_RECORDS],
        shown_histories=told[:MAX_HISTORIES],
        more_histories=len(told[MAX_HISTORIES:]),
        shown_uses=view.uses[:MAX_RECORDS],
    )


@cache
def _words() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files(__package__) / "report.toml").read_text("utf-8"))


def _with_requested(view: TrailView) -> list[RecordLine]:
    """Return the records with those that were asked for and never answered, in the order of the persons."""
    found = {record.record: record for record in view.records if record.state is not None}
    found = {record.record: record for record in (*view.records, *view.requested)} | found
    return sorted(found.values(), key=by_person)


def _tiles(
    records: Sequence[RecordLine], uses: Sequence[UseLine], labels: dict[str, str]
) -> list[dict[str, object]]:
    states = Counter("given" if record.state == "renewed" else record.state for record in records)
    named = ("given", "withdrawn", "refused", "expired", None)
    people = {_person(record) for record in records}
    reachable = {_person(record) for record in records if record.allowed}
    tiles: list[dict[str, object]] = [
        {"count": len(people), "label": labels["people"], "tone": ""},
        {"count": len(reachable), "label": labels["allowed"], "tone": "good"},
    ]
    tiles += [
        {"count": states[name], "label": labels[name], "tone": "good" if name == "given" else "bad"}
        for name in named
        if name and states[name]
    ]
    others = sum(count for name, count in states.items() if name not in named)
    if others:
        tiles.append({"count": others, "label": labels["other"], "tone": "wait"})
    tiles.append({"count": sum(use.rows for use in uses), "label": labels["uses"], "tone": ""})
    return tiles


def _counted(text: str, count: int) -> str:
    """Return the form for this many: `person|persons`; a text without a bar has only one."""
    one, _, more = text.partition("|")
    return one if count == 1 or not more else more


def _with_break(record: RecordLine) -> list[EventLine | int]:
    """Return the history with the leaf that broke the seal in its place."""
    steps: list[EventLine | int] = [*record.events]
    if record.seal_broken_at is not None:
        steps.append(record.seal_broken_at)
    return sorted(steps, key=lambda step: step if isinstance(step, int) else step.leaf_index)


def _person(record: RecordLine) -> str:
    own, attested = record.names
    return own or attested or record.customer


def _environment(language: Language) -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )

    def moment(text: str | None) -> str:
        if not text:
            return "–"
        at = parse_time(text)
        day = f"{at:%d.%m.%Y}" if language == "de" else f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
        return f"{day}, {at:%H:%M:%S} UTC"

    def unbroken(text: str | None) -> str:
        return moment(text).replace(" ", _FIXED).replace(f",{_FIXED}", ", ")

    def number(value: int) -> str:
        return f"{value:,}".replace(",", "." if language == "de" else ",")

    def reason(record: RecordLine) -> str:
        return record.decision.reason[language]

    def finding_text(finding: Finding) -> str:
        told = dict(finding.facts)
        for name in {"at", "received"} & told.keys():
            told[name] = moment(told[name])
        return sentence(finding.code, language, {"where": finding.where, **told})

    environment.filters |= {
        "moment": unbroken,
        "number": number,
        "counted": _counted,
        "reason": reason,
        "finding_text": finding_text,
        "with_break": _with_break,
        "short": lambda did: did if len(did) <= 26 else f"{did[:14]}…{did[-6:]}",
        "short_hash": lambda digest: f"{digest[:12]}…",
        "state_mark": lambda state: _MARKS.get(state, "✖"),
    }
    return environment
