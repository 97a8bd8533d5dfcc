"""Asking a company's book: who, what, when, as it was and as it was known. Nothing is changed.

A query names persons, purposes, channels, states and a period; what it leaves open, it takes all of. The
answer is a `TrailView`, from which every export is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from ..consent import PENDING_INDEX, Attested, Decision, Fact, Ledger, SignedNotice, State, decide, fold
from ..consent import resolve_who
from ..encoding import format_time
from ..errors import NotFound
from ..records import Matter, StoredEvent
from ..registry import Checkpoint
from .view import EventLine, Finding, NoticeText, RecordLine, TrailView, UseLine

__all__ = ["Query", "query"]


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
    records = [line for line in _records(ledger, asked, now) if _matches(line, asked)]
    uses = list(_uses(ledger, asked))
    checkpoint, at, witnessed = _checkpoint(ledger)
    if asked.who is not None and not records and not uses and not _known(ledger, asked.who):
        raise NotFound("trail.unknown_person", who=asked.who)
    used = {line.notice for line in records} | {event.notice for line in records for event in line.events}
    return TrailView(
        company=ledger.did,
        company_name=company_name,
        made_at=format_time(now),
        as_of=format_time(asked.as_of or now),
        known_at=format_time(asked.known_at or now),
        query=asked.words,
        checkpoint=checkpoint,
        checkpoint_at=at,
        witnessed=witnessed,
        population=_population(ledger),
        records=tuple(records),
        notices=tuple(_notices(ledger, used, everything=not asked.words)),
        uses=tuple(uses),
        findings=tuple(_findings(ledger, asked)),
    )


def customers_of(ledger: Ledger, who: str | None) -> tuple[str, ...]:
    """Return the customers (DIDs and `ref:` numbers) that a name stands for; none is everybody."""
    if who is None:
        rows = ledger.db.execute(
            "SELECT customer FROM standing WHERE controller = ? UNION "
            "SELECT customer FROM relation WHERE controller = ? ORDER BY 1",
            (ledger.did, ledger.did),
        )
        return tuple(customer for (customer,) in rows.fetchall())
    return tuple(customer for customer in resolve_who(ledger.db, who) if customer)


def _known(ledger: Ledger, who: str) -> bool:
    asked = customers_of(ledger, who)
    marks = ",".join("?" * len(asked))
    sql = f"SELECT 1 FROM fact WHERE customer IN ({marks}) UNION SELECT 1 FROM request WHERE customer IN ({marks})"  # noqa: S608 — only question marks
    return ledger.db.execute(sql, (*asked, *asked)).fetchone() is not None


def _records(ledger: Ledger, asked: Query, now: datetime) -> Iterator[RecordLine]:
    for customer in customers_of(ledger, asked.who):
        relation = _relation_events(ledger, customer)
        for purpose, channel, held in ledger.all_held(customer):
            if asked.purpose in (None, purpose) and asked.channel in (None, channel):
                yield _record(ledger, asked, _Line(customer, purpose, channel, held.record), relation, now)


class _Line(msgspec.Struct, frozen=True):
    customer: str
    purpose: str
    channel: str
    record: str


def _record(
    ledger: Ledger, asked: Query, matter: _Line, relation: tuple[EventLine, ...], now: datetime
) -> RecordLine:
    as_of, known_at = asked.as_of or now, asked.known_at or now
    who = matter.customer[4:] if matter.customer.startswith("ref:") else matter.customer
    decision: Decision = decide(
        ledger,
        customer=who,
        purpose=matter.purpose,
        channel=matter.channel,
        as_of=asked.as_of,
        known_at=asked.known_at,
        now=now,
    )
    standing, terms = ledger.fold(
        matter.customer,
        matter.purpose,
        matter.channel,
        as_of=_seconds(as_of),
        known_at=_seconds(known_at),
    )
    state = standing.at(_seconds(as_of), terms)
    seal = standing.open_seals[-1] if standing.open_seals else None
    grant = standing.grant
    return RecordLine(
        record=matter.record,
        customer=matter.customer,
        ref=ledger.ref_of(matter.customer),
        purpose=matter.purpose,
        channel=matter.channel,
        state=state or State.REQUESTED,
        since=_time(standing.since) if standing.head else None,
        until=_time(grant.until) if grant and grant.until else None,
        assurance=decision.assurance or (grant.assurance if grant else None),
        allowed=decision.allowed,
        code=decision.code,
        seal=seal[1] if seal else None,
        seal_broken_at=ledger.logs.broken_at(*seal) if seal else None,
        notice=grant.notice if grant else (standing.head.notice if standing.head else None),
        events=tuple(sorted((*_events(ledger, matter), *relation), key=_order)),
    )


def _order(event: EventLine) -> tuple[str, int]:
    return event.origin, event.leaf_index


def _events(ledger: Ledger, matter: _Line) -> Iterator[EventLine]:
    for stored in ledger.book.events(matter.record):
        yield event_line(ledger, stored)
    for batch, attested in attested_rows(ledger, matter.customer, matter.purpose, matter.channel):
        line = event_line(ledger, ledger.book.event(batch))
        yield msgspec.structs.replace(
            line,
            record=matter.record,
            customer=matter.customer,
            purpose=matter.purpose,
            channel=matter.channel,
            at=_time(attested.since),
        )


def _relation_events(ledger: Ledger, customer: str) -> tuple[EventLine, ...]:
    record = Matter(customer=customer, controller=ledger.did).record_id
    return tuple(event_line(ledger, stored) for stored in ledger.book.events(record))


def attested_rows(
    ledger: Ledger, customer: str, purpose: str, channel: str
) -> Iterator[tuple[str, Attested]]:
    """Yield the imported rows about a matter, each with the event of its batch."""
    rows = ledger.db.execute(
        "SELECT batch, body FROM attested WHERE customer = ? AND controller = ? AND purpose = ? AND channel = ?",
        (customer, ledger.did, purpose, channel),
    )
    for batch, body in rows.fetchall():
        yield batch, msgspec.msgpack.decode(body, type=Attested)


def event_line(ledger: Ledger, stored: StoredEvent) -> EventLine:
    """Return a stored event as a line of a history."""
    event = stored.anchored.event.event
    counted = ledger.logs.home.head_after(stored.leaf_index)
    actor = f"{event.actor.name}, {event.actor.role}" if event.actor else None
    return EventLine(
        record=stored.record,
        lane=stored.lane,
        seq=stored.seq,
        type=stored.type,
        signer="customer" if stored.signer == event.matter.customer else "company",
        customer=event.matter.customer or "",
        purpose=event.matter.purpose,
        channel=event.matter.channel,
        at=format_time(event.at),
        received_at=format_time(stored.received_at),
        counted_at=format_time(counted) if counted else None,
        actor=actor or getattr(event.content, "method", None),
        event=stored.event_hash,
        origin=stored.origin,
        leaf_index=stored.leaf_index,
        notice=getattr(event.content, "notice", None),
    )


def _matches(line: RecordLine, asked: Query) -> bool:
    if asked.state is not None and line.state != asked.state:
        return False
    if asked.start is None and asked.end is None:
        return True
    start = format_time(asked.start) if asked.start else ""
    end = format_time(asked.end) if asked.end else "9"
    return any(start <= event.received_at <= end for event in line.events)


def _uses(ledger: Ledger, asked: Query) -> Iterator[UseLine]:
    wanted = set(customers_of(ledger, asked.who)) | ({asked.who} if asked.who else set())
    rows = ledger.db.execute(
        "SELECT u.id, min(u.campaign), min(u.customer), min(u.purpose), min(u.channel), min(u.at), "
        "min(u.basis), min(u.relies_on), count(*), min(u.event) FROM contact_use u "
        + ("GROUP BY u.id" if asked.who is None else "GROUP BY u.id, u.customer")
        + " ORDER BY min(u.at), u.id"
    )
    for use, campaign, customer, purpose, channel, at, basis, relies_on, count, event in rows.fetchall():
        moment = datetime.fromtimestamp(at, UTC)
        if asked.who is not None and customer not in wanted:
            continue
        if asked.purpose not in (None, purpose) or asked.channel not in (None, channel):
            continue
        if (asked.start and moment < asked.start) or (asked.end and moment > asked.end):
            continue
        yield UseLine(
            use=use,
            campaign=campaign,
            customer=customer if count == 1 or asked.who else None,
            purpose=purpose,
            channel=channel,
            at=format_time(moment),
            basis=basis,
            relies_on=relies_on if count == 1 or asked.who else None,
            rows=count,
            leaf_index=_leaf_of(ledger, event),
        )


def _leaf_of(ledger: Ledger, event: str) -> int | None:
    return ledger.book.event(event).leaf_index if ledger.book.has(event) else None


def _findings(ledger: Ledger, asked: Query) -> Iterator[Finding]:
    """Name every contact that no consent allowed at its leaf, and every event without a leaf."""
    wanted = set(customers_of(ledger, asked.who)) | ({asked.who} if asked.who else set())
    rows = ledger.db.execute(
        "SELECT id, customer, purpose, channel, at, event FROM contact_use WHERE basis = 'consent' ORDER BY at"
    )
    for use, customer, purpose, channel, at, event in rows.fetchall():
        if asked.who is None or customer in wanted:
            index = _leaf_of(ledger, event)
            if index is None:
                yield Finding("trail.use_not_anchored", use, {"person": customer})
            elif not any(
                _permitted(ledger, person, purpose, channel, index, at)
                for person in customers_of(ledger, customer)
            ):
                yield Finding("trail.contact_without_consent", use, {"person": customer})


def _permitted(ledger: Ledger, customer: str, purpose: str, channel: str, index: int, at: int) -> bool:
    def earlier(facts: Iterable[Fact]) -> list[Fact]:
        return [f for f in facts if (f.index < index if f.index >= 0 else f.known <= at)]

    facts = earlier(ledger.facts(customer, purpose, channel))
    relation = earlier(ledger.facts(customer))
    breaks = {seal: b for seal, b in ledger.breaks([*facts, *relation]).items() if b.index < index}
    terms = ledger.terms(facts, purpose)
    standing = fold(facts, breaks=breaks, relation=relation, terms=terms, purpose=purpose)
    return standing.at(at, terms) in (State.GIVEN, State.RENEWED)


def _notices(ledger: Ledger, used: set[str | None], *, everything: bool) -> Iterator[NoticeText]:
    for signed, leaf in ledger.notices():
        if everything or signed.hash in used:
            yield notice_text(signed, leaf)


def notice_text(signed: SignedNotice, leaf: int | None) -> NoticeText:
    """Return the words of a notice with the hash that proves them."""
    notice = signed.notice
    return NoticeText(notice.id, notice.version, signed.hash, notice.valid_from or "", leaf, dict(notice.text))


def _checkpoint(ledger: Ledger) -> tuple[Checkpoint | None, str | None, bool]:
    signed = ledger.logs.home.checkpoint()
    if signed is None:
        return None, None, False
    at = ledger.logs.home.head_after(signed.checkpoint.size - 1)
    return signed.checkpoint, format_time(at) if at else None, False


def _population(ledger: Ledger) -> dict[str, int]:
    (events,) = ledger.db.execute("SELECT count(*) FROM event").fetchone()
    (records,) = ledger.db.execute("SELECT count(*) FROM standing").fetchone()
    return {"events": events, "records": records}


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _time(moment: int) -> str:
    return format_time(datetime.fromtimestamp(min(moment, PENDING_INDEX >> 8), UTC))
