"""The last step of verifying a bundle: states follow from events, decisions from states.

The same fold as everywhere runs over the proven events. Order comes from the proven indices. The times at
which events count, and could be known, are the operator's word where the log is not witnessed, within what
the evidence allows:

- a break lies before the checkpoint's head leaf, so it counts from that leaf's time at the latest;
- where a bundle is silent about the time of a break, the break counts always;
- nothing counts later than it was received;
- the company knew of its own events when it signed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Literal

import msgspec

from ..consent import ELSEWHERE, Attested, Break, Fact, Terms, event_fact
from ..consent.terms import MARKETING_BASES
from ..encoding import parse_time
from ..errors import InputError, VerificationError
from ..records import AnchoredEvent, ImportBatch, Matter, UseBatch
from ..strict_json import convert
from .decided import has_other_words, is_right
from .evidence import Evidence
from .manifest import DecisionEntry
from .stand import Case, finding_about, is_objected, verdict
from .steps import Part

__all__ = ["Refold", "check_row_form"]

Key = tuple[str, str, str]  # customer, purpose, channel; the last two empty for the relation lane
GAP_SECONDS = 24 * 3600


class ImportedRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of an import (docs/formats.md, "Event")."""

    ref: str
    purpose: str
    channel: str
    state: Literal["given", "withdrawn"]
    since: str
    target: str | None
    next: str


class UsedRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a mailing."""

    use: str
    customer: str
    purpose: str
    channel: str
    campaign: str
    basis: str
    relies_on: str | None
    at: str


class Refold:
    """The cases that the evidence makes, and what follows from them."""

    def __init__(self, evidence: Evidence, decisions: list[DecisionEntry]) -> None:
        self._evidence = evidence
        self._decisions = decisions
        self._facts = _facts(evidence)
        self._breaks = _breaks(evidence, decisions, self._facts)
        self._as_of = _seconds(evidence.manifest.as_of)
        self._known_at = _seconds(evidence.manifest.known_at)

    def parts(self) -> Iterator[Part]:
        """Yield one part for each decision, and one for what the bundle says it holds."""
        yield (), self._population
        for entry in self._decisions:
            yield (), partial(self._decision, entry)

    def warnings(self) -> Iterator[str]:
        """Yield what is no failure, but what the reader must know."""
        yield from self._uses()
        if any(has_other_words(entry.decision) for entry in self._decisions):
            yield "bundle.other_words"
        for anchored in self._evidence.events.values():
            since = _seconds(self._evidence.entries[anchored.event.event_hash].since)
            event = anchored.event.event
            if anchored.event.did == event.matter.customer:
                if abs(since - int(event.at.timestamp())) > GAP_SECONDS:
                    yield "trail.time_gap"
                if len(event.logs) > 1:
                    yield "bundle.other_logs"

    def _population(self) -> None:
        told, shown = self._evidence.manifest.population, len(self._evidence.entries)
        if (shown != told.events) if self._evidence.whole else (shown > told.events):
            raise VerificationError("bundle.population", shown=shown, told=told.events)
        if self._evidence.whole:
            decided = {entry.record for entry in self._decisions}
            cases = [self._case(key) for key in self._facts if key[1]]
            for case in cases:
                began = case.standing(as_of=self._as_of, known_at=self._known_at).state is not None
                if began and case.matter.record_id not in decided:
                    raise VerificationError("bundle.undecided", record=case.matter.record_id)

    def _decision(self, entry: DecisionEntry) -> None:
        """Raise unless state and decision are what the evidence says."""
        told = entry.decision
        own, attested = (
            self._case((name, told.purpose, told.channel)) if name else None
            for name in (entry.own, entry.attested)
        )
        mine: dict[str, Case] = {case.matter.record_id: case for case in (own, attested) if case is not None}
        case = mine.get(entry.record)
        if case is None:
            raise VerificationError("bundle.decision", record=entry.record)
        standing = case.standing(as_of=self._as_of, known_at=self._known_at)
        if standing.at(self._as_of, case.terms) != entry.state:
            raise VerificationError("bundle.state", record=entry.record)
        code, held = verdict(own, attested, at=self._as_of, as_of=self._as_of, known_at=self._known_at)
        customer = case.matter.customer or ""
        right = is_right(told, self._evidence, customer=customer, code=code, held=held)
        if right and held is None and told.allowed:
            right = self._other_basis(list(mine.values()), told.basis)
        if not right:
            raise VerificationError("bundle.decision", record=entry.record)

    def _other_basis(self, cases: list[Case], basis: object) -> bool:
        """Tell whether a notice names a basis other than consent, and no objection stands against it."""
        purpose, channel = cases[0].matter.purpose or "", cases[0].matter.channel
        moments = {"as_of": self._as_of, "known_at": self._known_at}
        if basis in MARKETING_BASES and is_objected(*cases, **moments):
            return False
        offers = (signed.notice.purpose_named(purpose) for signed in self._evidence.notices.values())
        return basis != "consent" and any(
            offer is not None and offer.legal_basis == basis and channel in offer.channels for offer in offers
        )

    def _case(self, key: Key) -> Case:
        facts, relation = self._facts.get(key, []), self._facts.get((key[0], "", ""), [])
        nexts = {fact.next for fact in (*facts, *relation)}
        return Case(
            matter=Matter(
                customer=key[0], controller=self._evidence.controller, purpose=key[1], channel=key[2]
            ),
            facts=facts,
            relation=relation,
            breaks={seal: self._breaks[seal] for seal in nexts if seal in self._breaks},
            terms=_terms(self._evidence, facts, key[1]),
        )

    def _uses(self) -> Iterator[str]:
        """Yield a code for contacts that nothing in the bundle allowed at their leaf."""
        people = {name: (entry.own, entry.attested) for entry in self._decisions for name in _names(entry)}
        for name, anchored in self._evidence.events.items():
            if not isinstance(anchored.event.event.content, UseBatch):
                continue
            for entry in self._evidence.entries[name].rows:
                row = convert(entry.row, UsedRow)
                did = row.customer.startswith("did:")
                alone = (row.customer, None) if did else (None, f"ref:{row.customer}")
                own, attested = (
                    self._case((who, row.purpose, row.channel)).below(anchored.leaf_index) if who else None
                    for who in people.get(row.customer, alone)
                )
                if code := finding_about(row.basis, own, attested, at=_seconds(row.at)):
                    yield code


def _names(entry: DecisionEntry) -> set[str]:
    """Return the names under which decisions and uses know the person of a decision."""
    names = (entry.own, entry.attested, entry.attested and entry.attested.removeprefix("ref:"))
    return {name for name in names if name}


def _facts(evidence: Evidence) -> dict[Key, list[Fact]]:
    found: dict[Key, list[Fact]] = {}
    lanes: dict[str, str] = {
        one.event.event_hash: name for name, lane in evidence.lanes.items() for one in lane.events
    }
    for name, anchored in evidence.events.items():
        entry, matter = evidence.entries[name], anchored.event.event.matter
        known = _known(evidence, anchored)
        if matter.customer is not None:
            fact = event_fact(
                anchored.event,
                lane=lanes.get(name, name),
                index=anchored.leaf_index,
                since=min(_seconds(entry.since), known),
                known=known,
            )
            found.setdefault((matter.customer, matter.purpose or "", matter.channel or ""), []).append(fact)
        elif isinstance(anchored.event.event.content, ImportBatch):
            for row in entry.rows:
                told = convert(row.row, ImportedRow)
                key = (f"ref:{told.ref}", told.purpose, told.channel)
                found.setdefault(key, []).append(_attested(anchored, told, known))
    return found


def _known(evidence: Evidence, anchored: AnchoredEvent) -> int:
    """Return when the company knew of an event: of its own, at the latest when it signed and anchored it."""
    known = _seconds(evidence.entries[anchored.event.event_hash].received_at)
    if anchored.event.did == anchored.event.event.matter.customer:
        return known
    return min(known, int(anchored.event.event.at.timestamp()), evidence.head_seconds or known)


def _attested(anchored: AnchoredEvent, told: ImportedRow, known: int) -> Fact:
    return Attested(
        event=anchored.event.event_hash,
        known=known,
        state=told.state,
        since=_seconds(told.since),
        next=told.next,
        logs=anchored.event.event.logs,
        target=told.target,
        salt=b"",
    ).fact


def _breaks(
    evidence: Evidence, decisions: Iterable[DecisionEntry], facts: dict[Key, list[Fact]]
) -> dict[str, Break]:
    """Return every break that is shown: by a successor's own leaf, or by the proof of an open seal.

    A break in a log that the bundle does not hold is the company's word; it only lowers.
    """
    told = {
        one.seal: (_seconds(one.since), _seconds(one.known)) for entry in decisions for one in entry.breaks
    }
    places = {
        str(anchored.event.event.seal): anchored.leaf_index
        for anchored in evidence.events.values()
        if anchored.event.event.seq > 0
    }
    places |= {seal: index for seal, index in evidence.seals.items() if index is not None}
    latest = evidence.head_seconds
    found = {}
    for seal, index in places.items():
        since, known = told.get(seal, (0, 0))
        found[seal] = Break(index, min(since, latest or since), min(known, latest or known))
    for several in facts.values():
        for fact in several:
            if len(fact.logs) > 1 and fact.next in told and fact.next not in places:
                found[fact.next] = Break(ELSEWHERE, *told[fact.next])
    return found


def _terms(evidence: Evidence, facts: Iterable[Fact], purpose: str) -> dict[str, Terms]:
    terms = {}
    for fact in facts:
        if fact.type not in ("given", "renewed") or fact.notice is None:
            continue
        signed = evidence.notices.get(fact.notice)
        offer = signed.notice.purpose_named(purpose) if signed else None
        starts = [
            _seconds(other.notice.valid_from)
            for other in evidence.notices.values()
            if other.notice.replaces == fact.notice and other.notice.in_substance and other.notice.valid_from
        ]
        plain = Terms(double_opt_in=bool(offer and offer.double_opt_in))
        terms[fact.event] = msgspec.structs.replace(plain, superseded_from=min(starts)) if starts else plain
    return terms


def check_row_form(row: dict[str, Any], *, imported: bool) -> None:
    """Raise `bundle.rows` unless a row has the members that its kind of batch has."""
    try:
        convert(row, ImportedRow if imported else UsedRow)
    except InputError as error:
        raise VerificationError("bundle.rows") from error


def _seconds(text: str) -> int:
    return int(parse_time(text).timestamp())
