"""A decision computed again: every member of it, from what the evidence shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from ..consent import Decision, Held
from ..consent.terms import Basis
from ..encoding import parse_time
from .evidence import Evidence
from .manifest import DecisionEntry, Told, told_of

__all__ = ["is_right", "one_answer"]

# What is said where no consent is on file; which of it, the notices decide, and a part holds not all of them.
_NOTHING_ON_FILE: Final = frozenset(
    {
        "consent.none",
        "consent.purpose",
        "consent.channel",
        "consent.objected",
        "consent.seal_unknown",
        "consent.unknown_log",
    }
)


def is_right(told: Told, evidence: Evidence, *, customer: str, code: str, held: Held | None) -> bool:
    """Tell whether a decision about `customer` is the one that follows from `held` and `code`.

    Without a consent on file the code, and the basis of a yes, are taken as told: the caller looks at the
    basis. The size of a checkpoint may be any up to the proven one.
    """
    manifest = evidence.manifest
    size = told.evidence.checkpoint_size
    if size is not None and not 0 <= size <= (evidence.size or 0):
        return False
    basis: Basis | None = "consent" if code == "ok" else None
    if held is None:
        code, basis = told.code, told.basis if told.allowed else None
        if code != "ok" and code.startswith("consent.") and code not in _NOTHING_ON_FILE:
            return False
    ends = [moment for moment in (held.until, held.superseded_from) if moment is not None] if held else []
    again = told_of(
        Decision(
            code=code,
            customer=customer.removeprefix("ref:"),
            purpose=told.purpose,
            channel=told.channel,
            as_of=parse_time(manifest.as_of),
            known_at=parse_time(manifest.known_at),
            valid_until=datetime.fromtimestamp(min(ends), UTC) if ends and code == "ok" else None,
            basis=basis,
            controller=evidence.controller,
            held=held,
            checkpoint_size=size,
        )
    )
    return told == (again if held else _with_details(again, told))


def _with_details(again: Told, told: Told) -> Told:
    """Return a decision with the details that were told, where its sentence leaves room for some."""
    pairs = ((again.reason.de, told.reason.de), (again.reason.en, told.reason.en))
    if again.reason == told.reason or not all(_fits(room, text) for room, text in pairs):
        return again
    checks = tuple(
        msgspec.structs.replace(one, detail=told.reason.en) if one.detail == again.reason.en else one
        for one in again.checks
    )
    return msgspec.structs.replace(again, reason=told.reason, checks=checks)


def _fits(room: str, text: str) -> bool:
    first, *others = re.split(r"\{\w+\}", room)
    if not others or not text.startswith(first):
        return text == room
    place = len(first)
    for part in others[:-1]:
        place = text.find(part, place) + len(part)
        if place < len(part):
            return False
    return text.endswith(others[-1]) and place + len(others[-1]) <= len(text)


def one_answer(decisions: list[DecisionEntry]) -> bool | None:
    """Return the yes or no of a bundle that asks one question about one person, else None."""
    questions = {
        (one.own, one.attested, one.decision.purpose, one.decision.channel, one.decision.allowed)
        for one in decisions
    }
    return decisions[0].decision.allowed if len(questions) == 1 else None
