"""May this customer be contacted, for this purpose, on this channel? Unknown is no.

`decide` reads what was verified when it arrived: one row, and two look-ups in the log (the open seal of each
lane of the matter, the stop seal). `as_of` and `known_at` ask how it was and what the company could know;
`deep` verifies again from the bytes.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ..encoding import format_time
from ..errors import KonsensError, Unavailable
from .contact import targets_at
from .decision import Decision
from .deep import verify_again
from .in_force import check_stoppable, in_force, newest_word, unbroken, whole
from .ledger import Ledger, Sight
from .moments import seconds, when
from .offered import offered_basis
from .same_address import SILENT, others_at
from .tables import Held
from .terms import MARKETING_BASES, Assurance, Basis

__all__ = ["MAX_AGE", "check_not_future", "decide"]

MAX_AGE = timedelta(minutes=15)
"""How long a decision may be relied on before the log is asked again (`docs/registry.md`, freshness)."""

LEEWAY = timedelta(seconds=60)

_TRUST: dict[str | None, int] = {"attested": 1, "courier": 2, "customer_signed": 3}


def decide(
    ledger: Ledger,
    *,
    customer: str,
    purpose: str,
    channel: str,
    address: str | None = None,
    recipient: str | None = None,
    data: tuple[str, ...] = (),
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    min_assurance: Assurance | None = None,
    deep: bool = False,
    cite: bool = False,
    now: datetime,
) -> Decision:
    """Return the decision; it never raises for lack of proof, and is falsy unless everything was proven.

    `customer` is a pairwise DID or the company's own number. In this order, ending with the first that
    fails: is the moment asked about not yet to come (`consent.future`), is there anything on file, is it in
    force, has it ended by time, is every open seal and stop seal unbroken in every log that it names, is
    the proof strong enough, does it cover address, data and recipient, and did nobody else at the same
    address say no. With `cite` the evidence names the newest checkpoint's size.
    """
    asked = _Asked(ledger.did, customer, purpose, channel, as_of or now, known_at or now, deep)
    live = as_of is None and known_at is None
    try:
        check_not_future(as_of, known_at, now=now)
        sight = _sight(ledger, asked, live=live)
        held = newest_word(sight.own, sight.attested)
        if held is None:
            code, basis = _other_basis(ledger, asked, sight)
            if basis in MARKETING_BASES:
                code, no = _said_there(ledger, asked, sight, None, address, live=live)
                if no:
                    return asked.answer(code, held=no)
            return asked.answer(code, basis=basis, until=now + MAX_AGE if basis and live else None)
        code = _holds(ledger, asked, sight, held, live=live)
        if code == "ok":
            code = _covers(ledger, held, channel, address, recipient, data, min_assurance)
        if code == "ok":
            code, no = _said_there(ledger, asked, sight, held, address, live=live)
            if no:
                return asked.answer(code, held=no)
        if code == "ok" and deep:
            ledger.logs.check_rows([*held.seals, *sight.stops.seals])
            verify_again(ledger, held, purpose=purpose, channel=channel)
    except KonsensError as error:
        return asked.answer(error.code, facts=error.facts)
    except (sqlite3.Error, OSError):
        return asked.answer("consent.seal_unknown")
    until = _valid_until(held, now if live else None) if code == "ok" else None
    decision = asked.answer(code, held=held, basis="consent" if code == "ok" else None, until=until)
    return _citing(ledger, decision) if cite else decision


def _citing(ledger: Ledger, decision: Decision) -> Decision:
    """Return a decision that names the newest checkpoint; without one it rests on the log as it was read."""
    try:
        newest = ledger.logs.home.checkpoint()
    except KonsensError:
        return decision
    size = newest.checkpoint.size if newest else None
    return msgspec.structs.replace(decision, checkpoint_size=size)


def _holds(ledger: Ledger, asked: _Asked, sight: Sight, held: Held, *, live: bool) -> str:
    """Return `ok`, or why the consent does not hold; a no that the book alone can give needs no log."""
    code = in_force(held, seconds(asked.as_of))
    if code == "ok":
        broken = whole
        if live:
            broken = ledger.logs.broken_among(held.seals + sight.stops.seals, seen=ledger.seen)
        else:
            ledger.check_log()
        code = unbroken(held, sight.stops, asked.purpose, broken)
        if code == "ok" and held.assurance == "customer_signed":
            check_stoppable(sight.stops, broken)
    return code


def _said_there(
    ledger: Ledger, asked: _Asked, sight: Sight, held: Held | None, address: str | None, *, live: bool
) -> tuple[str, Held | None]:
    """Return the no of somebody else at the same address, or `ok` and None."""
    if address is None and not sight.shares_address:
        return "ok", None
    for other in others_at(ledger, (sight.did, sight.ref), held, asked.channel, address):
        theirs = _sight(ledger, msgspec.structs.replace(asked, customer=other), live=live)
        word = newest_word(theirs.own, theirs.attested)
        code = "ok" if word is None else _holds(ledger, asked, theirs, word, live=live)
        if code != "ok" and code not in SILENT:
            return code, word
    return "ok", None


def check_not_future(*moments: datetime | None, now: datetime) -> None:
    """Raise `consent.future` for a moment that is still to come: who knows what will end by then."""
    for moment in moments:
        if moment is not None and moment > now + LEEWAY:
            raise Unavailable("consent.future", moment=format_time(moment))


def _sight(ledger: Ledger, asked: _Asked, *, live: bool) -> Sight:
    if live:
        return ledger.sight(asked.customer, asked.purpose, asked.channel)
    return ledger.sight_then(
        asked.customer,
        asked.purpose,
        asked.channel,
        as_of=seconds(asked.as_of),
        known_at=seconds(asked.known_at),
    )


def _other_basis(ledger: Ledger, asked: _Asked, sight: Sight) -> tuple[str, Basis | None]:
    """Return the answer where no consent is on file: another basis, recorded as what it is, or no."""
    code, basis = offered_basis(ledger, asked.purpose, asked.channel)
    if basis is None:
        return code, None
    known = any(ledger.knows(customer) for customer in (sight.did, sight.ref) if customer)
    if basis == "consent" or not known:
        return "consent.none", None
    if basis in MARKETING_BASES:
        broken = ledger.logs.broken_among(sight.stops.seals, seen=ledger.seen)
        if asked.deep:
            ledger.logs.check_rows(sight.stops.seals)
        if any(scope in (None, asked.purpose) for scope, _ in sight.stops.objections):
            return "consent.objected", None
        if broken:
            return "consent.objected", None
    return "ok", basis


def _covers(
    ledger: Ledger,
    held: Held,
    channel: str,
    address: str | None,
    recipient: str | None,
    data: tuple[str, ...],
    min_assurance: Assurance | None,
) -> str:
    if min_assurance is not None and _TRUST.get(held.assurance, 0) < _TRUST[min_assurance]:
        return "consent.assurance"
    # A null target is bound to no address: a check that names one is no.
    if address is not None and (
        held.target is None
        or held.target not in targets_at(ledger.db, ledger.contacts, held.customer, channel, address)
    ):
        return "consent.target"
    if not set(data) <= set(held.data):
        return "consent.data"
    if recipient is not None and recipient not in held.recipients:
        return "consent.recipient"
    return "ok"


def _valid_until(held: Held, now: datetime | None) -> datetime | None:
    ends = [moment for moment in (held.until, held.superseded_from) if moment is not None]
    if now is None:
        return when(min(ends)) if ends else None
    return when(min([*ends, seconds(now + MAX_AGE)]))


class _Asked(msgspec.Struct, frozen=True):
    """The question, so that every answer repeats it."""

    controller: str
    customer: str
    purpose: str
    channel: str
    as_of: datetime
    known_at: datetime
    deep: bool

    def answer(
        self,
        code: str,
        *,
        held: Held | None = None,
        basis: Basis | None = None,
        until: datetime | None = None,
        facts: dict[str, Any] | None = None,
    ) -> Decision:
        return Decision(
            code=code,
            customer=self.customer,
            purpose=self.purpose,
            channel=self.channel,
            as_of=self.as_of,
            known_at=self.known_at,
            valid_until=until,
            basis=basis,
            controller=self.controller,
            held=held,
            facts=facts or {},
            deep=self.deep,
        )
