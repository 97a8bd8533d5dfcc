"""A company's answers, as programs and as people read them: records and decisions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from konsens.encoding import format_time
from konsens.errors import InputError, KonsensError, NoConsent, NotFound, Unavailable

from .answers import Check, Decision, Evidence, Record, Sentences
from .frame import Frame
from .screen import Screen
from .words import moment, state_word

if TYPE_CHECKING:
    from konsens.consent import Decision as Decided
    from konsens.consent import Record as Found

__all__ = ["decision_data", "decision_error", "record_data", "show_decision", "show_records", "span", "time"]

_SPAN = re.compile(r"([1-9][0-9]{0,4})([dh])")
_CAUSE: dict[int, type[KonsensError]] = {5: NotFound, 7: NoConsent, 8: Unavailable}

_BASIS = {
    "consent": ("Einwilligung", "consent"),
    "contract": ("Vertrag", "contract"),
    "existing_customer": ("Bestandskunde", "existing customer"),
    "legitimate_interest": ("berechtigtes Interesse", "legitimate interest"),
    "legal": ("Gesetz", "law"),
}
_ASSURANCE = {
    "customer_signed": ("von der Person selbst unterschrieben", "signed by the person"),
    "courier": ("vom Unternehmen für die Person festgehalten", "recorded by the company for the person"),
    "attested": ("nur vom Unternehmen erklärt (Import)", "stated by the company alone (import)"),
}


def span(text: str, option: str) -> timedelta:
    """Return a length of time like `14d` or `24h`, or raise `usage.bad_span`."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise InputError("usage.bad_span", name=option)
    number, unit = int(found[1]), found[2]
    return timedelta(days=number) if unit == "d" else timedelta(hours=number)


def time(moment: datetime | None) -> str | None:
    """Return a moment as answers write it."""
    return None if moment is None else format_time(moment)


def record_data(record: Found) -> Record:
    """Return a record as answers show it."""
    return Record(
        record=record.record,
        company=record.company,
        purpose=record.purpose,
        channel=record.channel,
        state=record.state.value,
        since=time(record.since),
        until=time(record.until),
        event=record.event,
        seal=record.seal,
        next=record.next,
        leaf_index=record.leaf_index,
    )


def decision_data(decision: Decided) -> Decision:
    """Return a decision as answers show it."""
    evidence = decision.evidence
    return Decision(
        allowed=decision.allowed,
        code=decision.code,
        reason=Sentences(**decision.reason),
        customer=decision.customer,
        purpose=decision.purpose,
        channel=decision.channel,
        as_of=format_time(decision.as_of),
        known_at=format_time(decision.known_at),
        valid_until=time(decision.valid_until),
        basis=decision.basis,
        assurance=decision.assurance,
        checks=[Check(name=check.name, ok=check.ok, detail=check.detail) for check in decision.checks],
        evidence=Evidence(
            record=evidence.record,
            event=evidence.event,
            notice=evidence.notice,
            leaf_index=evidence.leaf_index,
            checkpoint_size=evidence.checkpoint_size,
            seal=evidence.seal,
        ),
    )


def decision_error(decision: Decided) -> KonsensError | None:
    """Return what a decision that says no ends with, or None."""
    if decision:
        return None
    facts = {"purpose": decision.purpose, "channel": decision.channel, **decision.facts}
    return _CAUSE[decision.exit_code](decision.code, **facts)


def show_decision(
    screen: Screen, frame: Frame, decision: Decided, *, who: str, since: datetime | None = None
) -> None:
    """Write the answer about `who`, as they were asked for, in one line, and below it what it rests on.

    Why it is no, the error says.
    """
    yes = {True: ("Ja", "Yes"), False: ("Nein", "No")}[decision.allowed]
    what = f"{who} · {decision.purpose} · {decision.channel}"
    screen.check(decision.allowed, frame.pick(de=yes[0], en=yes[1]), what)
    evidence = decision.evidence
    rests = [
        f"{word} {value}"
        for word, value in (
            (frame.pick(de="Ereignis", en="event"), evidence.event and evidence.event[:12]),
            (frame.pick(de="Blatt", en="leaf"), evidence.leaf_index),
            (frame.pick(de="Hinweistext", en="notice"), evidence.notice and evidence.notice[:12]),
        )
        if value is not None
    ]
    pairs = {
        frame.pick(de="Warum", en="Why"): decision.reason[frame.lang] if decision else None,
        frame.pick(de="Grundlage", en="Basis"): _named(frame, _BASIS, decision.basis),
        frame.pick(de="Gewissheit", en="Assurance"): _named(frame, _ASSURANCE, decision.assurance),
        frame.pick(de="Seit", en="Since"): moment(since),
        frame.pick(de="Beruht auf", en="Rests on"): ", ".join(rests) or None,
        frame.pick(de="Gültig bis", en="Valid until"): moment(decision.valid_until),
    }
    screen.fields({name: value for name, value in pairs.items() if value is not None})


def show_records(screen: Screen, frame: Frame, records: Sequence[Record]) -> None:
    """Write records as a table."""
    headers = frame.pick(
        de="Zweck|Kanal|Stand|Seit|Bis|Datensatz", en="Purpose|Channel|State|Since|Until|Record"
    ).split("|")
    screen.table(
        headers,
        [
            (
                one.purpose,
                one.channel,
                state_word(frame, one.state, plain=screen.plain),
                moment(one.since),
                moment(one.until),
                (one.record or "")[:12],
            )
            for one in records
        ],
    )


def _named(frame: Frame, names: dict[str, tuple[str, str]], key: str | None) -> str | None:
    return None if key is None else frame.pick(de=names[key][0], en=names[key][1])
