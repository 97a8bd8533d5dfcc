"""The contacts that a company recorded, one line for each use: a letter, or a mailing over many rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from ..consent import Ledger
from ..encoding import format_time
from .view import UseLine

__all__ = ["uses_of"]

_USES = """
SELECT u.id, min(u.campaign), min(u.customer), min(u.purpose), min(u.channel), min(u.at), min(u.basis),
  min(u.relies_on), count(*), min(e.leaf_index)
FROM contact_use u LEFT JOIN event e ON e.hash = u.event {where} GROUP BY u.id ORDER BY min(u.at), u.id
"""


def uses_of(ledger: Ledger, people: Collection[str] | None) -> Iterator[UseLine]:
    """Yield the uses in order of time; of some people (every name of theirs) only their own rows."""
    names = sorted(people or ())
    where = f"WHERE u.customer IN ({','.join('?' * len(names))})" if names else ""
    rows = ledger.db.execute(_USES.format(where=where), names).fetchall()
    for use, campaign, customer, purpose, channel, at, basis, relies_on, count, leaf in rows:
        alone = count == 1 or bool(names)
        yield UseLine(
            use=use,
            campaign=campaign,
            customer=customer if alone else None,
            purpose=purpose,
            channel=channel,
            at=format_time(datetime.fromtimestamp(at, UTC)),
            basis=basis,
            relies_on=relies_on if alone else None,
            rows=count,
            leaf_index=leaf,
        )
