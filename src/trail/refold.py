"""The last step of verifying a bundle: states follow from events, decisions from states.

The same fold as in `konsens.consent.state` runs over the proven events. Order comes from the proven indices.
The times at which events count, and could be known, are the operator's word where the log is not witnessed;
where a bundle is silent about the time of a break, the break counts always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..consent import Attested, Break, Fact, State, Terms, event_fact, fold
from ..encoding import parse_time
from ..errors import VerificationError
from ..records import ImportBatch, Matter, UseBatch
from .evidence import Evidence
from .manifest import DecisionEntry

__all__ = ["check_states", "check_uses"]

IN_FORCE = (State.GIVEN, State.RENEWED)
Key = tuple[str, str, str]  # customer, purpose, channel; the last two empty for the relation lane


def check_states(evidence: Evidence, decisions: list[DecisionEntry]) -> Iterator[Callable[[], None]]:
    """Yield a part for each decision: its state is what the events say, and a yes has a record in force."""
    facts = _facts(evidence)
    breaks = _breaks(evidence, decisions)
    states = {_record(evidence, key): _state(evidence, key, facts, breaks) for key in facts if key[1]}
    for entry in decisions:
        yield partial(_decision, entry, states)


def check_uses(evidence: Evidence) -> list[str]:
    """Return the warnings about uses that no consent in the bundle allowed at their leaf."""
    facts = _facts(evidence)
    breaks = _breaks(evidence, [])
    for name, anchored in evidence.events.items():
        if not isinstance(anchored.event.event.content, UseBatch):
            continue
        for row in evidence.entries[name].rows:
            if row.row.get("basis") == "consent" and not _relied(
                evidence, row.row, anchored.leaf_index, facts, breaks
            ):
                return ["trail.contact_without_consent"]
    return []


def _decision(entry: DecisionEntry, states: dict[str, str]) -> None:
    if states.get(entry.record, State.REQUESTED) != entry.state:
        raise VerificationError("bundle.state", record=entry.record)
    relied = (entry.decision.get("evidence") or {}).get("record")
    if entry.decision.get("allowed") and states.get(str(relied)) not in IN_FORCE:
        raise VerificationError("bundle.decision", record=entry.record)


def _state(
    evidence: Evidence, key: Key, facts: dict[Key, list[Fact]], breaks: dict[str, Break]
) -> str:
    as_of = _seconds(evidence.manifest.as_of)
    terms = _terms(evidence, facts[key], key[1])
    standing = fold(
        facts[key],
        breaks=breaks,
        relation=facts.get((key[0], "", ""), []),
        terms=terms,
        purpose=key[1],
        as_of=as_of,
        known_at=_seconds(evidence.manifest.known_at),
    )
    return standing.at(as_of, terms) or State.REQUESTED


def _facts(evidence: Evidence) -> dict[Key, list[Fact]]:
    found: dict[Key, list[Fact]] = {}
    lanes = {
        event.event.event_hash: name for name, lane in evidence.lanes.items() for event in lane.events
    }
    for name, anchored in evidence.events.items():
        entry, matter = evidence.entries[name], anchored.event.event.matter
        known = _seconds(entry.received_at)
        if matter.customer is not None:
            fact = event_fact(
                anchored, lane=lanes.get(name, name), since=_seconds(entry.since), known=known
            )
            found.setdefault((matter.customer, matter.purpose or "", matter.channel or ""), []).append(fact)
        elif isinstance(anchored.event.event.content, ImportBatch):
            for row in entry.rows:
                told = row.row
                key = (f"ref:{told['ref']}", told["purpose"], told["channel"])
                found.setdefault(key, []).append(_attested(name, told, known, anchored.event.event.logs))
    return found


def _attested(event: str, told: dict[str, Any], known: int, logs: tuple[str, ...]) -> Fact:
    return Attested(
        event=event,
        known=known,
        state=told["state"],
        since=_seconds(told["since"]),
        next=told["next"],
        logs=logs,
        target=told["target"],
        salt=b"",
        claim=b"",
    ).fact


def _breaks(evidence: Evidence, decisions: list[DecisionEntry]) -> dict[str, Break]:
    """Return every break that is shown: by a successor's own leaf, or by the proof of an open seal."""
    times = {
        told.seal: (_seconds(told.since), _seconds(told.known))
        for entry in decisions
        for told in entry.breaks
    }
    places = {
        str(anchored.event.event.seal): anchored.leaf_index
        for anchored in evidence.events.values()
        if anchored.event.event.seq > 0
    }
    places |= {seal: index for seal, index in evidence.seals.items() if index is not None}
    return {seal: Break(index, *times.get(seal, (0, 0))) for seal, index in places.items()}


def _terms(evidence: Evidence, facts: list[Fact], purpose: str) -> dict[str, Terms]:
    terms = {}
    for fact in facts:
        signed = evidence.notices.get(fact.notice or "")
        told = signed.notice.purpose_named(purpose) if signed else None
        starts = [
            _seconds(other.notice.valid_from)
            for other in evidence.notices.values()
            if other.notice.replaces == fact.notice and other.notice.in_substance and other.notice.valid_from
        ]
        if fact.type in ("given", "renewed"):
            plain = Terms(double_opt_in=bool(told and told.double_opt_in))
            terms[fact.event] = Terms(plain.double_opt_in, min(starts)) if starts else plain
    return terms


def _relied(
    evidence: Evidence,
    row: dict[str, Any],
    index: int,
    facts: dict[Key, list[Fact]],
    breaks: dict[str, Break],
) -> bool:
    """Tell whether the event that a use relied on was in force when the use's leaf came."""
    for key, known in facts.items():
        if not any(fact.event == row.get("relies_on") for fact in known):
            continue
        relation = facts.get((key[0], "", ""), [])
        standing = fold(
            [fact for fact in known if fact.index < index],
            breaks={seal: found for seal, found in breaks.items() if found.index < index},
            relation=[fact for fact in relation if fact.index < index],
            purpose=key[1],
        )
        if standing.state in IN_FORCE:
            return True
    return row.get("relies_on") is None


def _record(evidence: Evidence, key: Key) -> str:
    controller = evidence.manifest.signer.partition("#")[0]
    return Matter(customer=key[0], controller=controller, purpose=key[1], channel=key[2]).record_id


def _seconds(text: str) -> int:
    return int(parse_time(text).timestamp())
