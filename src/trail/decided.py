"""A decision computed again from what the evidence shows: its claims must follow, its words are our own.

A decision claims a code and facts. Its sentences (`reason`, and the `checks` that were made) only render the
code, each edition of konsens in its own words. So claims are compared and sentences are not believed: whoever
verifies reads those of the verifier.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from ..consent import Decision, Held
from ..encoding import parse_time
from .evidence import Evidence
from .manifest import DecisionEntry, Reason, Told, told_of
from .result import Answer
from .stand import decision_of

__all__ = ["answer_of", "has_other_words", "is_right"]

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
_ANY_TIME: Final = datetime.fromtimestamp(0, UTC)  # no sentence speaks of the time
_GAP: Final = re.compile(r"\{\w+\}")  # a detail that a sentence has room for, and a bundle does not tell


def is_right(told: Told, evidence: Evidence, *, customer: str, code: str, held: Held | None) -> bool:
    """Tell whether what is claimed about `customer` is what follows from `held` and `code`.

    Without a consent on file the code, and the basis of a yes, are taken as told: the caller looks at the
    basis. The size of a checkpoint may be any up to the proven one. A no that shows no failed check is no
    rendering of its code, in any words.
    """
    size = told.evidence.checkpoint_size
    if size is not None and not 0 <= size <= (evidence.size or 0):
        return False
    if held is None:
        code = told.code
        if code != "ok" and code.startswith("consent.") and code not in _NOTHING_ON_FILE:
            return False
    again = decision_of(
        code,
        held,
        basis="consent" if held else told.basis,
        customer=customer.removeprefix("ref:"),
        purpose=told.purpose,
        channel=told.channel,
        as_of=parse_time(evidence.manifest.as_of),
        known_at=parse_time(evidence.manifest.known_at),
        controller=evidence.controller,
        checkpoint_size=size,
    )
    return _claims(told) == _claims(told_of(again)) and told.allowed == all(one.ok for one in told.checks)


def has_other_words(told: Told) -> bool:
    """Tell whether a decision says in other sentences, or by other checks, what its code says here."""
    own = told_of(_plain(told))
    fits = _fits(own.reason.de, told.reason.de) and _fits(own.reason.en, told.reason.en)
    checks = tuple(
        msgspec.structs.replace(one, detail=told.reason.en if one.detail else "") for one in own.checks
    )
    return not fits or told.checks != checks


def answer_of(decisions: list[DecisionEntry]) -> Answer | None:
    """Return the answer of a bundle that asks one question about one person, else None."""
    questions = {
        (one.own, one.attested, one.decision.purpose, one.decision.channel, one.decision.code)
        for one in decisions
    }
    if len(questions) != 1:
        return None
    reason = _plain(decisions[0].decision).reason
    return Answer(
        code=decisions[0].decision.code,
        reason={language: _GAP.sub("…", text) for language, text in reason.items()},
    )


def _claims(told: Told) -> Told:
    """Return a decision without the words that render it."""
    return msgspec.structs.replace(told, reason=Reason("", ""), checks=())


def _plain(told: Told) -> Decision:
    """Return a decision of which only the code, and what its sentence names, is told."""
    return Decision(
        code=told.code,
        customer=told.customer,
        purpose=told.purpose,
        channel=told.channel,
        as_of=_ANY_TIME,
        known_at=_ANY_TIME,
    )


def _fits(room: str, text: str) -> bool:
    """Tell whether a text is the sentence, with any details where it has room for some."""
    pattern = ".{0,300}".join(map(re.escape, _GAP.split(room)))
    return re.fullmatch(pattern, text) is not None
