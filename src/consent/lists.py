"""What a list of 100,000 rows needs of the book, read once instead of row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from .ledger import NO_STOPS, Ledger, Sight, decode_held, decode_stops, merged
from .tables import ATTESTED, Held, Stops, attested_held, attested_row

__all__ = ["attested_standing", "linked_matters", "sights", "targets_by_finder"]


def attested_standing(ledger: Ledger) -> dict[tuple[str, str, str], Held]:
    """Return every imported matter by `(ref, purpose, channel)`."""
    rows = ledger.db.execute(
        f"SELECT a.customer, a.purpose, a.channel, {ATTESTED} FROM attested a"  # noqa: S608 fixed names
        " JOIN import_batch i USING (batch) WHERE i.controller = ?",
        (ledger.did,),
    )
    found = {
        (customer[4:], purpose, channel): attested_held(customer, attested_row(*row))
        for customer, purpose, channel, *row in rows.fetchall()
    }
    rows = ledger.db.execute(
        "SELECT customer, purpose, channel, body FROM standing"
        " WHERE controller = ? AND customer >= 'ref:' AND customer < 'ref;'",
        (ledger.did,),
    )
    for customer, purpose, channel, body in rows.fetchall():  # folded: more is known than the one row
        found[customer[4:], purpose, channel] = decode_held(body)
    return found


def linked_matters(ledger: Ledger) -> set[tuple[str, str, str]]:
    """Return `(ref, purpose, channel)` of every matter in which a linked customer has spoken."""
    rows = ledger.db.execute(
        "SELECT p.ref, s.purpose, s.channel FROM person p JOIN standing s ON s.customer = p.customer"
        " WHERE s.controller = ?",
        (ledger.did,),
    )
    return {(ref, purpose, channel) for ref, purpose, channel in rows.fetchall()}


_OWN = """
SELECT s.customer, 'ref:' || p.ref, s.body, r.body FROM standing s
LEFT JOIN person p ON p.customer = s.customer
LEFT JOIN relation r ON r.controller = ?1 AND r.customer = s.customer
WHERE s.controller = ?1 AND s.purpose = ?2 AND s.channel = ?3 AND s.customer < 'ref:'
"""
_FOLDED = """
SELECT s.customer, p.customer, r.body, s.body FROM standing s
LEFT JOIN person p ON p.ref = substr(s.customer, 5)
LEFT JOIN relation r ON r.controller = ?1 AND r.customer = p.customer
WHERE s.controller = ?1 AND s.purpose = ?2 AND s.channel = ?3 AND s.customer >= 'ref:'
"""
_IMPORTED = f"""
SELECT a.customer, p.customer, r.body, {ATTESTED} FROM attested a JOIN import_batch i USING (batch)
LEFT JOIN person p ON p.ref = substr(a.customer, 5)
LEFT JOIN relation r ON r.controller = ?1 AND r.customer = p.customer
WHERE i.controller = ?1 AND a.purpose = ?2 AND a.channel = ?3
"""  # noqa: S608 fixed names
_BY_STAFF = "SELECT customer, body FROM relation WHERE controller = ? AND customer >= 'ref:'"


def sights(ledger: Ledger, purpose: str, channel: str) -> Iterator[Sight]:
    """Yield what is on file for everybody in one purpose and channel, as `Ledger.sight` has it of one person.

    One after another: those of a whole book would take much room, and longer to keep than to read.
    """
    matter = (ledger.did, purpose, channel)
    attested: dict[str, tuple[Held, str | None, bytes | None]] = {}
    for ref, did, stops, *row in _some_at_a_time(ledger.db.execute(_IMPORTED, matter)):
        attested[ref] = attested_held(ref, attested_row(*row)), did, stops
    for ref, did, stops, body in _some_at_a_time(ledger.db.execute(_FOLDED, matter)):
        attested[ref] = decode_held(body), did, stops  # more is known than the one row
    staff = {ref: decode_stops(body) for ref, body in ledger.db.execute(_BY_STAFF, matter[:1]).fetchall()}
    for did, ref, own, stops in _some_at_a_time(ledger.db.execute(_OWN, matter)):
        word, _, _ = attested.pop(ref, _NOTHING)
        yield Sight(decode_held(own), word, _stops(stops, staff.get(ref)), did, ref)
    for ref, (word, did, stops) in attested.items():
        yield Sight(None, word, _stops(stops, staff.get(ref)), did, ref)


_NOTHING = (None, None, None)


def _stops(own: bytes | None, by_staff: Stops | None) -> Stops:
    return merged(decode_stops(own) if own else NO_STOPS, by_staff)


def targets_by_finder(ledger: Ledger, channel: str) -> dict[bytes, dict[str, set[str]]]:
    """Return who is filed under each address of a channel, and the targets that they handed over."""
    found: dict[bytes, dict[str, set[str]]] = {}
    rows = ledger.db.execute(
        "SELECT finder, customer, target FROM reachable WHERE channel = ? ORDER BY customer", (channel,)
    )
    for finder, customer, target in rows.fetchall():
        found.setdefault(finder, {}).setdefault(customer, set()).add(target)
    return found


def _some_at_a_time(rows: sqlite3.Cursor) -> Iterator[Any]:
    """Yield rows without keeping them all: the bytes of a whole book would lie beside what they become."""
    while some := rows.fetchmany(1000):
        yield from some
