"""What a company asked of a customer and got no answer to: REQUESTED and LAPSED, which no event shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from ..consent import Asked, asked_of
from .stand import Cases

__all__ = ["unanswered"]


def unanswered(
    cases: Cases, customers: Collection[str] | None, *, as_of: datetime, known_at: datetime
) -> Iterator[Asked]:
    """Yield every offer to one of these customers (None: to anybody) that had no answer at `as_of`."""
    moments = {"as_of": int(as_of.timestamp()), "known_at": int(known_at.timestamp())}
    for asked in asked_of(cases.ledger, customers, by=min(as_of, known_at)):
        matter = (asked.customer, asked.purpose, asked.channel)
        if cases.of(*matter).standing(**moments).state is None:
            yield asked
