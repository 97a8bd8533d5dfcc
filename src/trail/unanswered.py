"""What a company asked of a customer and got no answer to: REQUESTED and LAPSED, which no event shows.

A request is a message, not an event (`docs/formats.md`): it stands in the company's book alone, and nothing
in a bundle proves it. One that is addressed to nobody is in no person's trail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from ..consent import parse_request
from ..encoding import parse_time
from .stand import Cases

__all__ = ["Unanswered", "unanswered"]


class Unanswered(NamedTuple):
    """One offer of a request; the newest, where several made the same."""

    record: str
    customer: str
    purpose: str
    channel: str
    state: str
    at: datetime
    expires_at: str
    notice: str


def unanswered(
    cases: Cases, customers: Collection[str] | None, *, as_of: datetime, known_at: datetime
) -> Iterator[Unanswered]:
    """Yield every offer to one of these customers (None: to anybody) that had no answer at `as_of`."""
    ledger = cases.ledger
    moments = {"as_of": int(as_of.timestamp()), "known_at": int(known_at.timestamp())}
    found: dict[tuple[str, str, str], Unanswered] = {}
    rows = ledger.db.execute(
        "SELECT jws FROM request WHERE customer IS NOT NULL AND at <= ? ORDER BY at", (min(moments.values()),)
    )
    for (jws,) in rows.fetchall():
        signed = parse_request(jws)
        request, customer = signed.request, signed.request.customer or ""
        if signed.company != ledger.did or (customers is not None and customer not in customers):
            continue
        state = "lapsed" if as_of >= parse_time(request.expires_at) else "requested"
        for offer in request.offers:
            for channel in offer.channels:
                matter = (customer, offer.purpose, channel)
                record = ledger.matter(*matter).record_id
                at = parse_time(request.at)
                found[matter] = Unanswered(record, *matter, state, at, request.expires_at, request.notice)
    for matter, line in found.items():
        if cases.of(*matter).standing(**moments).state is None:
            yield line
