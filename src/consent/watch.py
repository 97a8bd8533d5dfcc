"""Which seals a company has to watch: those that end a consent when they break."""

from __future__ import annotations

from ..records import parse_event
from .ledger import Ledger

__all__ = ["seals_to_watch"]


def seals_to_watch(ledger: Ledger) -> list[bytes]:
    """Return the open seal of every customer's lane and of every imported row, sorted.

    The company's own lanes are left out: it breaks those itself.
    """
    last: dict[str, tuple[str, str]] = {}
    for event in ledger.book.events_by_lane():
        last[event.lane] = (event.signer, event.text)
    seals = set()
    for signer, text in last.values():
        if signer != ledger.did and (following := parse_event(text).event.next):
            seals.add(bytes.fromhex(following))
    seals.update(seal for (seal,) in ledger.book.connection.execute("SELECT next FROM attested"))
    return sorted(seals)
