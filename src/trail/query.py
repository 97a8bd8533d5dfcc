"""Asking a company's book: who, what, when, as it was and as it was known. Nothing is changed.

A query names persons, purposes, channels, states and a period; what it leaves open, it takes all of. The
answer is a `TrailView`, from which every export is rendered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..consent import ELSEWHERE, Decision, Ledger, SignedNotice, Standing, decide, resolve_who
from ..encoding import format_time, parse_time
from ..errors import NotFound
from .findings import findings
from .history import Histories
from .stand import Cases, decision_of, verdict
from .unanswered import unanswered
from .uses import uses_of
from .view import EventLine, NoticeText, RecordLine, TrailView, UseLine, by_person

__all__ = ["Query", "Row", "customers_of", "notice_text", "query"]

Row = tuple[str, str, str]  # customer, purpose, channel


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. `start` and `end` bound the time at which events were received, both included."""

    who: str | None = None
    purpose: str | None = None
    channel: str | None = None
    state: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    as_of: datetime | None = None
    known_at: datetime | None = None

    @property
    def words(self) -> dict[str, str]:
        """The question, for people and for the manifest."""
        named = {"who": self.who, "purpose": self.purpose, "channel": self.channel, "state": self.state}
        named |= {
            "from": format_time(self.start) if self.start else None,
            "to": format_time(self.end) if self.end else None,
        }
        return {name: value for name, value in named.items() if value is not None}


def query(ledger: Ledger, asked: Query, *, company_name: str, now: datetime) -> TrailView:
    """Return everything that matches, with decisions as of `asked.as_of` (now, if it is open).

    Raises `trail.unknown_person` for a person that the book does not know at all.
    """
    histories, cases = Histories(ledger), Cases(ledger)
    records = [
        line for row in _matters(ledger, asked) if (line := _record(cases, asked, row, histories, now))
    ]
    supporting = [
        line
        for row in _supporting(ledger, records)
        if (line := _record(cases, _only(row, asked), row, histories, now)) and line.events
    ]
    people = _people(ledger, asked.who)
    uses = tuple(use for use in uses_of(ledger, people) if _asks_for(asked, use))
    requested = tuple(_requested(cases, asked, now))
    if asked.who is not None and not records and not uses and not _known(ledger, asked.who):
        raise NotFound("trail.unknown_person", who=asked.who)
    signed = ledger.logs.home.checkpoint()
    at = ledger.logs.home.head_after(signed.checkpoint.size - 2) if signed else None
    shown = (*records, *supporting, *requested)
    used = {line.notice for line in shown} | {event.notice for line in shown for event in line.events}
    used.discard(None)
    return TrailView(
        company=ledger.did,
        company_name=company_name,
        made_at=format_time(now),
        as_of=format_time(asked.as_of or now),
        known_at=format_time(asked.known_at or now),
        query=asked.words,
        checkpoint=signed.checkpoint if signed else None,
        checkpoint_at=format_time(at) if at else None,
        witnessed=False,  # the log of this release has no witnesses
        population=_population(ledger),
        records=tuple(sorted(records, key=by_person)),
        supporting=tuple(supporting),
        notices=tuple(
            notice_text(notice, leaf)
            for notice, leaf in ledger.notices()
            if not asked.words or {notice.hash, notice.notice.replaces} & used
        ),
        uses=uses,
        findings=tuple(findings(ledger, people=people)),
        requested=requested,
    )


def customers_of(ledger: Ledger, who: str) -> tuple[str, ...]:
    """Return the customers (pairwise DID, `ref:` number) that a name stands for."""
    return tuple(customer for customer in resolve_who(ledger.db, who) if customer)


def notice_text(signed: SignedNotice, leaf: int | None) -> NoticeText:
    """Return the words of a notice with the hash that proves them."""
    notice = signed.notice
    return NoticeText(
        notice.id, notice.version, signed.hash, notice.valid_from or "", leaf, dict(notice.text)
    )


def _people(ledger: Ledger, who: str | None) -> frozenset[str] | None:
    """Return every name under which a person stands in the book, or None for everybody."""
    if who is None:
        return None
    customers = customers_of(ledger, who)
    return frozenset({*customers, *(c.removeprefix("ref:") for c in customers)})


def _known(ledger: Ledger, who: str) -> bool:
    """Tell whether the book holds anything about a person, be it a request that nobody answered."""
    asked = "SELECT 1 FROM request WHERE customer = ?"
    return any(
        ledger.knows(customer) or ledger.db.execute(asked, (customer,)).fetchone() is not None
        for customer in customers_of(ledger, who)
    )


def _matters(ledger: Ledger, asked: Query) -> Iterator[Row]:
    """Yield the matters asked about; one that is named in full is there even if nothing ever happened."""
    sql = "SELECT customer, purpose, channel FROM matter WHERE controller = ?"
    if asked.who is None:
        rows: list[Row] = ledger.db.execute(f"{sql} ORDER BY 1, 2, 3", (ledger.did,)).fetchall()
    else:
        rows = [
            row
            for customer in customers_of(ledger, asked.who)
            for row in ledger.db.execute(f"{sql} AND customer = ? ORDER BY 1, 2, 3", (ledger.did, customer))
        ]
    rows = [row for row in rows if asked.purpose in (None, row[1]) and asked.channel in (None, row[2])]
    if not rows and asked.who and asked.purpose and asked.channel and _known(ledger, asked.who):
        rows = [(customers_of(ledger, asked.who)[0], asked.purpose, asked.channel)]
    yield from rows


def _only(row: Row, asked: Query) -> Query:
    """Return the question about just this matter, at the same moments."""
    who, purpose, channel = row
    return Query(who=who, purpose=purpose, channel=channel, as_of=asked.as_of, known_at=asked.known_at)


def _supporting(ledger: Ledger, records: list[RecordLine]) -> list[Row]:
    """Return the matters of the same persons under their other name, which decide with the records."""
    found = {(line.customer, line.purpose, line.channel) for line in records}
    return sorted(
        {
            (other, line.purpose, line.channel)
            for line in records
            for other in customers_of(ledger, line.customer.removeprefix("ref:"))
        }
        - found
    )


def _record(cases: Cases, asked: Query, row: Row, histories: Histories, now: datetime) -> RecordLine | None:
    """Return a matter as a line, or None where it does not match."""
    customer, purpose, channel = row
    ledger, case = cases.ledger, cases.of(customer, purpose, channel)
    as_of, known_at = (int((moment or now).timestamp()) for moment in (asked.as_of, asked.known_at))
    standing = case.standing(as_of=as_of, known_at=known_at)
    state = standing.at(as_of, case.terms)
    if asked.state not in (None, state) or (state is None and not _named_in_full(asked)):
        return None
    events = histories.of(customer, purpose, channel)
    if not _in_period(events, asked):
        return None
    decision = _decision(cases, asked, row, now)
    seal = standing.open_seals[-1] if standing.open_seals else None
    grant, head = standing.grant, standing.head
    return RecordLine(
        record=case.matter.record_id,
        customer=customer,
        ref=ledger.ref_of(customer),
        purpose=purpose,
        channel=channel,
        state=state,
        since=_time(standing.since) if head else None,
        until=_time(grant.until) if grant and grant.until else None,
        assurance=grant.assurance if grant else head.assurance if head else None,
        decision=decision,
        seal=seal[1] if seal else None,
        seal_broken_at=_broken_at(ledger, standing),
        notice=grant.notice if grant else head.notice if head else None,
        events=events,
        names=cases.names(customer),
        breaks={seal: at for one in cases.both(*row) if one for seal, at in one.breaks.items()},
    )


def _requested(cases: Cases, asked: Query, now: datetime) -> Iterator[RecordLine]:
    """Yield what was asked by then and had no answer; in a period, if it was asked within."""
    customers = None if asked.who is None else customers_of(cases.ledger, asked.who)
    moments = {"as_of": asked.as_of or now, "known_at": asked.known_at or now}
    for line in unanswered(cases, customers, **moments):
        inside = (not asked.start or line.at >= asked.start) and (not asked.end or line.at <= asked.end)
        named = asked.purpose in (None, line.purpose) and asked.channel in (None, line.channel)
        state = line.state_at(moments["as_of"])
        if not (inside and named and asked.state in (None, state)):
            continue
        row = (line.customer, line.purpose, line.channel)
        yield RecordLine(
            record=cases.ledger.matter(*row).record_id,
            customer=line.customer,
            ref=cases.ledger.ref_of(line.customer),
            purpose=line.purpose,
            channel=line.channel,
            state=state,
            since=format_time(line.at),
            until=format_time(line.expires_at),
            assurance=None,
            decision=_decision(cases, asked, row, now),
            seal=None,
            seal_broken_at=None,
            notice=line.notice,
            events=(),
            names=cases.names(line.customer),
        )


def _asks_for(asked: Query, use: UseLine) -> bool:
    at = parse_time(use.at)
    inside = (not asked.start or at >= asked.start) and (not asked.end or at <= asked.end)
    return inside and asked.purpose in (None, use.purpose) and asked.channel in (None, use.channel)


def _decision(cases: Cases, asked: Query, row: Row, now: datetime) -> Decision:
    """Decide by the fold alone, also about now: what can be decided again from a bundle's bytes."""
    customer, purpose, channel = row
    as_of, known_at = asked.as_of or now, asked.known_at or now
    moments = {"as_of": int(as_of.timestamp()), "known_at": int(known_at.timestamp())}
    own, attested = cases.both(*row)
    code, held = verdict(own, attested, at=moments["as_of"], **moments)
    question: dict[str, Any] = {
        "customer": customer.removeprefix("ref:"),
        "purpose": purpose,
        "channel": channel,
        "as_of": as_of,
        "known_at": known_at,
    }
    if held is None:  # there may be another basis, which needs no consent
        return decide(cases.ledger, **question, now=now)
    return decision_of(code, held, controller=cases.ledger.did, **question)


def _broken_at(ledger: Ledger, standing: Standing) -> int | None:
    """Return the leaf that broke the open seal and so ended the consent, if that is how it ended."""
    if standing.ending != "seal_broken":
        return None
    indices = (ledger.logs.broken_at(*seal) for seal in standing.open_seals)
    return next((index for index in indices if index is not None and index < ELSEWHERE), None)


def _named_in_full(asked: Query) -> bool:
    return None not in (asked.who, asked.purpose, asked.channel)


def _in_period(events: tuple[EventLine, ...], asked: Query) -> bool:
    if asked.start is None and asked.end is None:
        return True
    start = format_time(asked.start) if asked.start else ""
    end = format_time(asked.end) if asked.end else "9"
    return any(start <= event.received_at <= end for event in events)


def _population(ledger: Ledger) -> dict[str, int]:
    (events,) = ledger.db.execute(
        "SELECT count(*) FROM event e JOIN fact f ON f.event = e.hash WHERE f.controller = ?", (ledger.did,)
    ).fetchone()
    (records,) = ledger.db.execute(
        "SELECT count(*) FROM matter WHERE controller = ?", (ledger.did,)
    ).fetchone()
    return {"events": events, "records": records}


def _time(moment: int) -> str:
    return format_time(datetime.fromtimestamp(moment, UTC))
