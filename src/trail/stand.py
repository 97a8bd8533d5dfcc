"""Where a matter stood and what followed, from facts alone: the one rule for the book and for a bundle.

It is `konsens.consent.decide` without the book: the same fold, the same order of reasons. What `decide` asks
of address, data and recipient is not asked here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from ..consent import (
    FOREVER,
    Break,
    Decision,
    Fact,
    Held,
    Ledger,
    Standing,
    Stops,
    Terms,
    fold,
    held_of,
    in_force,
    newest_word,
    resolve_who,
    standing_objections,
    unbroken,
    whole,
    whole_seals,
)
from ..consent.terms import MARKETING_BASES, Basis
from ..records import Matter

__all__ = ["Case", "Cases", "decision_of", "finding_about", "is_objected", "verdict"]

OpenSeal = tuple[tuple[str, ...], str]

# The decisions that say: the person had said no.
_CONTRADICTED = frozenset({"consent.withdrawn", "consent.seal_broken", "consent.objected"})


class Case(NamedTuple):
    """What is known of one customer in one matter: facts, the relation lane, broken seals, terms."""

    matter: Matter
    facts: Sequence[Fact]
    relation: Sequence[Fact]
    breaks: Mapping[str, Break]
    terms: Mapping[str, Terms]

    def below(self, index: int) -> Case:
        """Return what lay in the log when it had `index` entries."""
        return self._replace(
            facts=[fact for fact in self.facts if fact.index < index],
            relation=[fact for fact in self.relation if fact.index < index],
            breaks={seal: broken for seal, broken in self.breaks.items() if broken.index < index},
        )

    def standing(self, *, as_of: int = FOREVER, known_at: int = FOREVER) -> Standing:
        """Return the fold."""
        return fold(
            self.facts,
            breaks=self.breaks,
            relation=self.relation,
            terms=self.terms,
            purpose=self.matter.purpose or "",
            as_of=as_of,
            known_at=known_at,
        )

    def objections(self, *, as_of: int = FOREVER, known_at: int = FOREVER) -> list[tuple[str | None, int]]:
        """Return scope and leaf of every objection that stands."""
        found = standing_objections(self.relation, breaks=self.breaks, as_of=as_of, known_at=known_at)
        return [(fact.scope, fact.index) for fact in found]


class Cases:
    """Reads the cases of a book; what all matters of a customer share, and what was asked just now, once."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.of = lru_cache(maxsize=1024)(self._case)
        self.names = lru_cache(maxsize=1024)(self._names)
        self._relation = lru_cache(maxsize=1024)(ledger.facts)

    def _case(self, customer: str, purpose: str, channel: str) -> Case:
        ledger = self.ledger
        facts, relation = ledger.facts(customer, purpose, channel), self._relation(customer)
        return Case(
            matter=ledger.matter(customer, purpose, channel),
            facts=facts,
            relation=relation,
            breaks=ledger.breaks([*facts, *relation]),
            terms=ledger.terms(facts, purpose),
        )

    def _names(self, who: str) -> tuple[str | None, str | None]:
        """Return pairwise DID and `ref:` number behind either of them."""
        return resolve_who(self.ledger.db, who.removeprefix("ref:"))

    def both(self, who: str, purpose: str, channel: str) -> tuple[Case | None, Case | None]:
        """Return the person's own case, and that of their number."""
        own, attested = (name and self.of(name, purpose, channel) for name in self.names(who))
        return own or None, attested or None


def verdict(
    own: Case | None, attested: Case | None, *, at: int, as_of: int = FOREVER, known_at: int = FOREVER
) -> tuple[str, Held | None]:
    """Return the code of the decision at the moment `at`, and the word that it rests on.

    `own` is the case of the pairwise DID, `attested` that of the company's number for the same person.
    """
    held: list[Held | None] = []
    objections: list[tuple[str | None, int]] = []
    stop_seals: list[OpenSeal] = []
    purpose = ""
    for case in (own, attested):
        if case is None:
            held.append(None)
            continue
        purpose = case.matter.purpose or ""
        standing = case.standing(as_of=as_of, known_at=known_at)
        held.append(held_of(standing, case.matter.customer or "", dict(case.terms)))
        objections += case.objections(as_of=as_of, known_at=known_at)
        stop_seals += whole_seals(case.relation, breaks=case.breaks, as_of=as_of, known_at=known_at)
    stops = Stops((), tuple(objections))
    word = newest_word(held[0], held[1])
    if word is None:
        return "consent.none", None
    code = in_force(word, at)
    if code == "ok":
        code = unbroken(word, stops, purpose, whole)
    if code == "ok" and word.assurance == "customer_signed" and not stop_seals:
        code = "consent.stop_unknown"
    return code, word


def decision_of(
    code: str, held: Held | None, *, basis: Basis | None = "consent", **question: Any
) -> Decision:
    """Return the decision that `code` and `held` make; a yes holds until the word that it rests on ends."""
    ends = [moment for moment in (held.until, held.superseded_from) if moment is not None] if held else []
    return Decision(
        **question,
        code=code,
        held=held,
        basis=basis if code == "ok" else None,
        valid_until=datetime.fromtimestamp(min(ends), UTC) if ends and code == "ok" else None,
    )


def is_objected(*cases: Case | None, as_of: int = FOREVER, known_at: int = FOREVER) -> bool:
    """Tell whether an objection of the person stands against marketing for their purpose."""
    return any(
        scope in (None, case.matter.purpose)
        for case in cases
        if case is not None
        for scope, _ in case.objections(as_of=as_of, known_at=known_at)
    )


def finding_about(basis: str, own: Case | None, attested: Case | None, *, at: int) -> str | None:
    """Return what is wrong with a contact made at the moment `at`, when the log held just these cases.

    A consent must have been in force; marketing on another basis must not have been objected to (Art. 21(3)
    GDPR). Contract and law ask for neither.
    """
    code = "ok"
    if basis == "consent":
        code, _ = verdict(own, attested, at=at)
    elif basis in MARKETING_BASES and is_objected(own, attested):
        code = "consent.objected"
    if code == "ok":
        return None
    return "trail.contact_after_withdrawal" if code in _CONTRADICTED else "trail.contact_without_consent"
