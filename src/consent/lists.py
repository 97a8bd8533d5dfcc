"""What a list of 100,000 rows needs of the book, read once instead of row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from .ledger import NO_STOPS, Ledger, Sight, decode_held, decode_stops, merged
from .tables import ATTESTED, Held, Stops, attested_held, attested_row

__all__ = ["Owners", "attested_standing", "linked_matters", "shared_addresses", "sights", "targets_by_finder"]

Owners = dict[bytes, dict[str, set[str]]]
"""Who is filed under an address, by its finding hash, each with the targets that they handed over."""


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


AT_ONCE = 500  # below the least number of parameters that SQLite was ever built with

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


def targets_by_finder(ledger: Ledger, channel: str) -> Owners:
    """Return who is filed under each address of a channel, and the targets that they handed over."""
    rows = ledger.db.execute(
        "SELECT finder, customer, target FROM reachable WHERE channel = ? ORDER BY customer", (channel,)
    )
    return _owners(rows)


# By the indices alone: nearly all addresses belong to one person, and need not be read.
_TWICE = (
    "SELECT finder FROM address GROUP BY finder HAVING count(*) > 1",
    "SELECT finder FROM attested WHERE finder NOT NULL GROUP BY finder HAVING count(*) > 1",
    "SELECT a.finder FROM address a CROSS JOIN attested b ON b.finder = a.finder",
)


def shared_addresses(ledger: Ledger, channel: str) -> Owners:
    """Return the same of the addresses that may have several owners; some may have one all the same."""
    finders = sorted({finder for question in _TWICE for (finder,) in ledger.db.execute(question).fetchall()})
    found: Owners = {}
    for start in range(0, len(finders), AT_ONCE):
        some = finders[start : start + AT_ONCE]
        marks = ", ".join("?" * len(some))
        question = f"SELECT finder, customer, target FROM reachable WHERE finder IN ({marks}) AND channel = ?"  # noqa: S608 question marks
        found |= _owners(ledger.db.execute(question, (*some, channel)))
    return found


def _owners(rows: sqlite3.Cursor) -> Owners:
    found: Owners = {}
    for finder, customer, target in rows.fetchall():
        found.setdefault(finder, {}).setdefault(customer, set()).add(target)
    return found


def _some_at_a_time(rows: sqlite3.Cursor) -> Iterator[Any]:
    """Yield rows without keeping them all: the bytes of a whole book would lie beside what they become."""
    while some := rows.fetchmany(1000):
        yield from some
