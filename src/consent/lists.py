"""What a list of 100,000 rows needs of the book, read once instead of row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from .ledger import Ledger, decode_held, decode_stops
from .tables import ATTESTED, Held, Stops, attested_held, attested_row

__all__ = ["all_sights", "attested_standing", "linked_matters", "people", "targets_by_finder"]


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


def all_sights(ledger: Ledger, purpose: str, channel: str) -> tuple[dict[str, Held], dict[str, Stops]]:
    """Return every row of one purpose and channel and every customer's stops, for a whole list."""
    rows = ledger.db.execute(
        "SELECT customer, body FROM standing WHERE controller = ? AND purpose = ? AND channel = ?",
        (ledger.did, purpose, channel),
    )
    held = {customer: decode_held(body) for customer, body in _some_at_a_time(rows)}
    rows = ledger.db.execute(
        f"SELECT a.customer, {ATTESTED} FROM attested a JOIN import_batch i USING (batch)"  # noqa: S608 fixed names
        " WHERE i.controller = ? AND a.purpose = ? AND a.channel = ?",
        (ledger.did, purpose, channel),
    )
    for customer, *row in _some_at_a_time(rows):
        if customer not in held:
            held[customer] = attested_held(customer, attested_row(*row))
    rows = ledger.db.execute("SELECT customer, body FROM relation WHERE controller = ?", (ledger.did,))
    return held, {customer: decode_stops(body) for customer, body in _some_at_a_time(rows)}


def targets_by_finder(ledger: Ledger, channel: str) -> dict[bytes, dict[str, set[str]]]:
    """Return who is filed under each address of a channel, and the targets that they handed over."""
    found: dict[bytes, dict[str, set[str]]] = {}
    rows = ledger.db.execute(
        "SELECT finder, customer, target FROM reachable WHERE channel = ? ORDER BY customer", (channel,)
    )
    for finder, customer, target in rows.fetchall():
        found.setdefault(finder, {}).setdefault(customer, set()).add(target)
    return found


def people(ledger: Ledger) -> tuple[dict[str, str], dict[str, str]]:
    """Return who is linked: number to DID, and DID to number."""
    rows = ledger.db.execute("SELECT ref, customer FROM person").fetchall()
    return dict(rows), {customer: ref for ref, customer in rows}


def _some_at_a_time(rows: sqlite3.Cursor) -> Iterator[Any]:
    """Yield rows without keeping them all: the bytes of a whole book would lie beside what they become."""
    while some := rows.fetchmany(1000):
        yield from some
