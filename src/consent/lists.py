"""What a list of 100,000 rows needs of the book, read once instead of row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from .ledger import Ledger, decode_held, decode_stops
from .tables import Held, Stops

__all__ = ["all_sights", "attested_standing", "linked_matters", "people", "targets_by_finder"]


def attested_standing(ledger: Ledger) -> dict[tuple[str, str, str], Held]:
    """Return every imported matter by `(ref, purpose, channel)`."""
    rows = ledger.db.execute(
        "SELECT customer, purpose, channel, body FROM standing"
        " WHERE controller = ? AND customer >= 'ref:' AND customer < 'ref;'",
        (ledger.did,),
    )
    return {
        (customer[4:], purpose, channel): decode_held(body)
        for customer, purpose, channel, body in rows.fetchall()
    }


def linked_matters(ledger: Ledger) -> set[tuple[str, str, str]]:
    """Return `(ref, purpose, channel)` of every matter in which a linked customer has spoken."""
    rows = ledger.db.execute(
        "SELECT p.ref, s.purpose, s.channel FROM person p JOIN standing s ON s.customer = p.customer"
        " WHERE s.controller = ?",
        (ledger.did,),
    )
    return {(ref, purpose, channel) for ref, purpose, channel in rows.fetchall()}


def all_sights(ledger: Ledger, purpose: str, channel: str) -> tuple[dict[str, Held], dict[str, Stops]]:
    """Return every row of one purpose and channel and every customer's stops, for a whole list."""
    rows = ledger.db.execute(
        "SELECT customer, body FROM standing WHERE controller = ? AND purpose = ? AND channel = ?",
        (ledger.did, purpose, channel),
    )
    held = {customer: decode_held(body) for customer, body in _some_at_a_time(rows)}
    rows = ledger.db.execute("SELECT customer, body FROM relation WHERE controller = ?", (ledger.did,))
    return held, {customer: decode_stops(body) for customer, body in _some_at_a_time(rows)}


def targets_by_finder(ledger: Ledger, channel: str) -> dict[bytes, dict[str, set[str]]]:
    """Return who is filed under each address of a channel, and the targets that they handed over."""
    found: dict[bytes, dict[str, set[str]]] = {}
    rows = ledger.db.execute(
        "SELECT finder, customer, target FROM address WHERE channel = ? ORDER BY customer", (channel,)
    )
    for finder, customer, target in rows.fetchall():
        found.setdefault(finder, {}).setdefault(customer, set()).add(target)
    return found


def people(ledger: Ledger) -> tuple[dict[str, str], dict[str, str]]:
    """Return who is linked: number to DID, and DID to number."""
    rows = ledger.db.execute("SELECT ref, customer FROM person").fetchall()
    return dict(rows), {customer: ref for ref, customer in rows}


def _some_at_a_time(rows: sqlite3.Cursor) -> Iterator[tuple[str, bytes]]:
    """Yield rows without keeping them all: the bytes of a whole book would lie beside what they become."""
    while some := rows.fetchmany(1000):
        yield from some
