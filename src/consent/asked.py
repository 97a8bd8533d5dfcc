"""What a company asked of customers by name: its addressed requests, offer by offer.

A request is a message, not an event (`docs/formats.md`): it stands in the company's book alone, and no
evidence shows it. One that is addressed to nobody asks nobody in particular.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from ..encoding import parse_time
from .ledger import Ledger
from .moments import seconds
from .request import Request, parse_request
from .state import State

__all__ = ["Asked", "asked_of"]


class Asked(NamedTuple):
    """One offer to one customer: the newest, where several requests made the same."""

    customer: str
    purpose: str
    channel: str
    notice: str
    at: datetime
    expires_at: datetime

    def state_at(self, moment: datetime) -> State:
        """Return REQUESTED, or LAPSED once its time ran out, of an offer that had no answer."""
        return State.LAPSED if moment >= self.expires_at else State.REQUESTED


def asked_of(ledger: Ledger, customers: Collection[str] | None, *, by: datetime) -> list[Asked]:
    """Return what had been asked of these customers (None: of anybody) by then, in the order of requests."""
    found: dict[tuple[str, str, str], Asked] = {}
    for jws in _requests(ledger, customers, seconds(by)):
        signed = parse_request(jws)
        if signed.company == ledger.did:
            found |= {(one.customer, one.purpose, one.channel): one for one in _offers(signed.request)}
    return list(found.values())


def _requests(ledger: Ledger, customers: Collection[str] | None, by: int) -> Iterator[str]:
    which = "SELECT jws FROM request WHERE at <= ? AND customer "
    if customers is None:
        rows = ledger.db.execute(f"{which} IS NOT NULL ORDER BY at, hash", (by,)).fetchall()
        yield from (jws for (jws,) in rows)
    for customer in sorted(customers or ()):
        rows = ledger.db.execute(f"{which} = ? ORDER BY at, hash", (by, customer)).fetchall()
        yield from (jws for (jws,) in rows)


def _offers(request: Request) -> list[Asked]:
    at, expires_at = parse_time(request.at), parse_time(request.expires_at)
    return [
        Asked(request.customer or "", offer.purpose, channel, request.notice, at, expires_at)
        for offer in request.offers
        for channel in offer.channels
    ]
