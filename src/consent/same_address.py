"""Who else is filed under an address: a no of one owner counts for the address, whoever else said yes.

A letter to a shared mailbox reaches everybody behind it, and one person may stand under two numbers. So an
address of which a no is known is not written to; one of which nobody said no is.
"""

from __future__ import annotations

from ..errors import InputError
from .ledger import Ledger
from .tables import Held
from .target import normalize_address

__all__ = ["SILENT", "others_at"]

SILENT = frozenset(
    f"consent.{name}"
    for name in ("none", "requested", "deferred", "pending", "lapsed", "expired", "superseded", "target")
)
"""What one owner of an address may stand at while another's yes still counts: nobody said no."""

# The view `reachable`, spelled out: SQLite would read all of it for a join.
_MINE = {
    "address": "m.customer IN (?1, ?2) AND m.channel = ?3 AND (?4 IS NULL OR m.target = ?4)",
    "attested": "m.customer = ?2 AND m.channel = ?3 AND m.finder NOT NULL AND (?5 IS NULL OR m.target = ?5)",
}
_THERE = "o.channel = ?3 AND o.customer NOT IN (?1, ?2)"
_OTHERS = " UNION ALL ".join(
    f"SELECT o.customer FROM {mine} m CROSS JOIN {there} o ON o.finder = m.finder WHERE {where} AND {_THERE}"  # noqa: S608 fixed names
    for mine, where in _MINE.items()
    for there in _MINE
)
_OTHERS_GIVEN = " UNION ALL ".join(
    f"SELECT o.customer FROM {there} o WHERE o.finder = ?4 AND {_THERE}"  # noqa: S608 fixed names
    for there in _MINE
)


def others_at(
    ledger: Ledger, me: tuple[str | None, str | None], held: Held | None, channel: str, address: str | None
) -> list[str]:
    """Return everybody else who is filed under the address that would be contacted, as `decide` names them.

    `me` is the pairwise DID and the `ref:` of who is asked about. Without `address` it is the one that the
    consent is bound to, else any that the book has of the person on this channel.
    """
    names = (me[0] or "", me[1] or "", channel)
    asked: tuple[str, tuple[str | bytes | None, ...]]
    if address is None:
        bound = None if held is None else held.target
        asked = _OTHERS, (*names, bound, None if bound is None else bytes.fromhex(bound))
    else:
        try:
            finder = ledger.contacts.finder(channel, normalize_address(channel, address))
        except InputError:
            return []
        asked = _OTHERS_GIVEN, (*names, finder)
    found = ledger.db.execute(*asked).fetchall()
    return sorted({name.removeprefix("ref:") for (name,) in found}) if found else []
