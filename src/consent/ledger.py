"""A company's book, as the verbs of consent read and write it.

Rules of order:

- what was verified once is a fact and never verified again, except by `decide(deep=True)`;
- facts are added inside `book.write()`, and the standing of every matter they touch is folded again in the
  same transaction;
- every row names its controller, so one book can serve several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ..did import OfflineResolver, Resolver
from ..records import Book, Matter
from .contact import Address, ContactKeys, ref_of, resolve_who
from .fact_store import FactStore
from .fold import fold, standing_objections
from .lanes import open_seals, whole_seals
from .logs import Logs
from .state import FOREVER, Fact, OpenSeal, Standing, Terms
from .tables import Held, Stops, attested_held, held_of

__all__ = ["NO_STOPS", "Ledger", "Sight", "decode_held", "decode_stops", "merged"]

decode_held = msgspec.msgpack.Decoder(Held).decode
decode_stops = msgspec.msgpack.Decoder(Stops).decode
_ENCODE = msgspec.msgpack.Encoder().encode


NO_STOPS = Stops()
_SIGHT = """
SELECT s.body, r.body, a.body, b.body, me.did, me.ref,
    EXISTS (SELECT 1 FROM attested WHERE customer = me.ref),
    EXISTS (SELECT 1 FROM shares_address WHERE customer IN (me.did, me.ref))
FROM ({who}) me
LEFT JOIN standing s ON s.controller = ?1 AND s.purpose = ?2 AND s.channel = ?3 AND s.customer = me.did
LEFT JOIN relation r ON r.controller = ?1 AND r.customer = me.did
LEFT JOIN standing a ON a.controller = ?1 AND a.purpose = ?2 AND a.channel = ?3 AND a.customer = me.ref
LEFT JOIN relation b ON b.controller = ?1 AND b.customer = me.ref
"""
_BY_DID = _SIGHT.format(who="SELECT ?4 AS did, (SELECT 'ref:' || ref FROM person WHERE customer = ?4) AS ref")
_BY_REF = _SIGHT.format(who="SELECT (SELECT customer FROM person WHERE ref = ?4) AS did, 'ref:' || ?4 AS ref")


class Sight(NamedTuple):
    """What is on file for one person in one matter: their own word, the imported one, what stops both."""

    own: Held | None
    attested: Held | None
    stops: Stops
    did: str | None
    ref: str | None
    shares_address: bool = True
    """False where it is known that nobody else is filed under an address of theirs."""


def merged(stops: Stops, more: Stops | None) -> Stops:
    """Return both parties' reasons to stop."""
    return stops if more is None else Stops(stops.seals + more.seals, stops.objections + more.objections)


class Ledger(FactStore):
    """The book, the logs and the contacts of one controller."""

    def __init__(
        self,
        book: Book,
        logs: Logs,
        *,
        did: str,
        contacts: ContactKeys,
        resolver: Resolver | None = None,
        seen: int = 0,
    ) -> None:
        super().__init__(book, logs, did=did, seen=seen)
        self.contacts = contacts
        self.resolver = resolver or OfflineResolver()

    def matter(self, customer: str, purpose: str | None = None, channel: str | None = None) -> Matter:
        """Return a matter of this controller."""
        return Matter(customer=customer, controller=self.did, purpose=purpose, channel=channel)

    def sight(self, who: str, purpose: str, channel: str) -> Sight:
        """Return what is on file now for a person, named by pairwise DID or by the company's own number."""
        question = _BY_DID if who.startswith("did:") else _BY_REF
        own, stops, attested, by_staff, did, ref, imported, shares = self.db.execute(
            question, (self.did, purpose, channel, who)
        ).fetchone()
        word = decode_held(attested) if attested else None
        if word is None and imported:  # one row, of which nothing more is known
            word = self.held(ref, purpose, channel)
        return Sight(
            decode_held(own) if own else None,
            word,
            merged(decode_stops(stops) if stops else NO_STOPS, decode_stops(by_staff) if by_staff else None),
            did,
            ref,
            bool(shares),
        )

    def sight_then(self, who: str, purpose: str, channel: str, *, as_of: int, known_at: int) -> Sight:
        """Return what was on file at `as_of`, as far as it was known at `known_at`; breaks are folded in."""
        did, ref = resolve_who(self.db, who)
        held: list[Held | None] = []
        objections: list[tuple[str | None, int]] = []
        stops: list[OpenSeal] = []
        for customer in (did, ref):
            if customer is None:
                held.append(None)
                continue
            standing, terms = self.fold(customer, purpose, channel, as_of=as_of, known_at=known_at)
            held.append(held_of(standing, customer, terms))
            relation = self.facts(customer)
            breaks = self.breaks(relation)
            objections += [
                (fact.scope, fact.index)
                for fact in standing_objections(relation, breaks=breaks, as_of=as_of, known_at=known_at)
            ]
            stops += whole_seals(relation, breaks=breaks, as_of=as_of, known_at=known_at)
        return Sight(held[0], held[1], Stops(tuple(stops), tuple(objections)), did, ref)

    def held(self, customer: str, purpose: str, channel: str) -> Held | None:
        """Return where a matter stands, or None."""
        row = self.db.execute(
            "SELECT body FROM standing WHERE controller = ? AND purpose = ? AND channel = ? AND customer = ?",
            (self.did, purpose, channel, customer),
        ).fetchone()
        if row is not None:
            return decode_held(row[0])
        imported = self.attested(customer, purpose, channel) if customer.startswith("ref:") else ()
        return attested_held(customer, imported[0]) if imported else None

    def all_held(self, customer: str) -> list[tuple[str, str, Held]]:
        """Return `(purpose, channel, held)` of every matter of a customer."""
        rows = self.db.execute(
            "SELECT purpose, channel FROM matter WHERE customer = ? AND controller = ? ORDER BY 1, 2",
            (customer, self.did),
        ).fetchall()
        found = ((purpose, channel, self.held(customer, purpose, channel)) for purpose, channel in rows)
        return [(purpose, channel, held) for purpose, channel, held in found if held]

    def knows(self, customer: str) -> bool:
        """Tell whether anything is on file for a pairwise DID or a `ref:` customer."""
        row = self.db.execute(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM standing WHERE customer = ?1)"
            " OR EXISTS (SELECT 1 FROM fact WHERE controller = ?2 AND customer = ?1)"
            " OR EXISTS (SELECT 1 FROM attested WHERE customer = ?1)"
            " OR EXISTS (SELECT 1 FROM address WHERE customer = ?1)",
            (customer, self.did),
        ).fetchone()
        return row is not None

    def keep_note(self, event: str, customer: str, text: str) -> None:
        """Keep what staff wrote about an event, encrypted like an address; inside `book.write()`."""
        (key,) = self.contacts.make([customer])
        body = self.contacts.seal(key, customer, Address("note", text))
        self.db.execute("INSERT OR REPLACE INTO note VALUES (?, ?, ?)", (event, customer, body))

    # The fold.

    def fold(
        self,
        customer: str,
        purpose: str,
        channel: str,
        *,
        as_of: int = FOREVER,
        known_at: int = FOREVER,
        offline: bool = False,
    ) -> tuple[Standing, dict[str, Terms]]:
        """Return where a matter stood, from its facts and the logs, and the terms it was folded with."""
        facts = self.facts(customer, purpose, channel)
        relation = self.facts(customer)
        terms = self.terms(facts, purpose)
        standing = fold(
            facts,
            breaks=self.breaks([*facts, *relation], offline=offline),
            relation=relation,
            terms=terms,
            purpose=purpose,
            as_of=as_of,
            known_at=known_at,
        )
        return standing, terms

    def fold_below(
        self, index: int, customer: str, purpose: str, channel: str, *, following: Sequence[Fact] = ()
    ) -> tuple[Standing, dict[str, Terms]]:
        """Return where a matter stood when the log had `index` entries, whatever arrived since.

        The terms are also those of the facts `following`, for whoever asks whether they may.
        """
        facts = [other for other in self.facts(customer, purpose, channel) if other.index < index]
        relation = [other for other in self.facts(customer) if other.index < index]
        breaks = {
            seal: broken for seal, broken in self.breaks([*facts, *relation]).items() if broken.index < index
        }
        terms = self.terms([*facts, *following], purpose)
        return fold(facts, breaks=breaks, relation=relation, terms=terms, purpose=purpose), terms

    def refold(self, customer: str, purpose: str, channel: str) -> Held | None:
        """Fold a matter again and keep the result; inside `book.write()`.

        A letter does not wait for a log that is out of reach. Whoever reads a row that says yes asks the log
        about its open seals.
        """
        standing, terms = self.fold(customer, purpose, channel, offline=True)
        held = held_of(standing, customer, terms)
        if held is not None:
            self.db.execute(
                "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?)",
                (self.did, purpose, channel, customer, _ENCODE(held)),
            )
        return held

    def restand(self, customer: str) -> None:
        """Fold the relation lane of a customer again, and every matter of theirs; inside `book.write()`."""
        relation = self.facts(customer)
        breaks = self.breaks(relation, offline=True)
        against = [(fact.scope, fact.index) for fact in standing_objections(relation, breaks=breaks)]
        stops = Stops(open_seals(relation), tuple(against))
        self.db.execute(
            "INSERT OR REPLACE INTO relation VALUES (?, ?, ?)", (self.did, customer, _ENCODE(stops))
        )
        for purpose, channel, _ in self.all_held(customer):
            self.refold(customer, purpose, channel)

    def ref_of(self, customer: str) -> str | None:
        """Return the company's own number for a customer, or None."""
        return ref_of(self.db, customer)

    def matters_under(self, digest: str) -> list[tuple[str, str, str]]:
        """Return `(customer, purpose, channel)` of every matter that stands under a notice."""
        rows = self.db.execute(
            "SELECT customer, purpose, channel, body FROM standing WHERE controller = ?", (self.did,)
        )
        return [
            (customer, purpose, channel)
            for customer, purpose, channel, body in rows.fetchall()
            if decode_held(body).notice == digest
        ]
