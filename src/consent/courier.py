"""What reaches the staff: a withdrawal or an objection by letter, phone, link or in person.

A courier event is signed by the company, says by which way the word came, and is effective at once: in the
book before its leaf is in any log. It can only lower. Staff may record an objection and never lift one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ..errors import Damaged, NotFound, Unavailable
from ..records import Actor, Code, CourierObjection, CourierWithdrawal, EventHash
from .contact import resolve_who
from .ledger import Ledger
from .own import CompanyKeys, deliver, sign_own
from .state import ALIVE

__all__ = ["METHODS", "Method", "object_for", "withdraw_for"]

Method = Literal["letter", "phone", "email-link", "in-person", "web"]
METHODS: tuple[Method, ...] = ("letter", "phone", "email-link", "in-person", "web")


def withdraw_for(
    ledger: Ledger,
    keys: CompanyKeys,
    who: str,
    *,
    purpose: str | None = None,
    channel: str | None = None,
    method: Method,
    received_at: datetime | None = None,
    note: str | None = None,
    actor: Actor | None = None,
    now: datetime,
) -> list[tuple[str, str, str]]:
    """Record that a customer withdrew; return `(customer, purpose, channel)` of what ended.

    Without purpose or channel all of them. Nothing in force there: `courier.nothing_to_withdraw`.
    """
    content_of = received_at or now
    ended = []
    with ledger.book.write():
        for customer in _customers(ledger, who):
            for code, way, held in ledger.all_held(customer):
                if purpose not in (None, code) or channel not in (None, way) or held.state not in ALIVE:
                    continue
                content = CourierWithdrawal(
                    ends=EventHash(held.grant or held.event or ""), method=method, received_at=content_of
                )
                matter = ledger.matter(customer, code, way)
                signed = sign_own(ledger, keys, matter, "withdrawn", content, at=now, actor=actor)
                _note(ledger, signed.event_hash, customer, note)
                ledger.refold(customer, code, way)
                ended.append((customer, code, way))
        if not ended:
            raise NotFound("courier.nothing_to_withdraw", who=who)
    _deliver_if_possible(ledger, now)
    return ended


def object_for(
    ledger: Ledger,
    keys: CompanyKeys,
    who: str,
    *,
    scope: Code | None = None,
    method: Method,
    received_at: datetime | None = None,
    note: str | None = None,
    actor: Actor | None = None,
    now: datetime,
) -> list[tuple[str, str, str]]:
    """Record that a customer objects to marketing for `scope`, or with None to all of it.

    Return `(customer, purpose, channel)` of every matter on file that the scope covers.
    """
    with ledger.book.write():
        customers = _customers(ledger, who)
        for customer in customers:
            content = CourierObjection(scope=scope, method=method, received_at=received_at or now)
            signed = sign_own(ledger, keys, ledger.matter(customer), "objected", content, at=now, actor=actor)
            _note(ledger, signed.event_hash, customer, note)
            ledger.restand(customer)
    _deliver_if_possible(ledger, now)
    return [
        (customer, purpose, channel)
        for customer in customers
        for purpose, channel, _ in ledger.all_held(customer)
        if scope in (None, purpose)
    ]


def _customers(ledger: Ledger, who: str) -> list[str]:
    """Return everyone whom a DID or number means: the customer's own lanes and the imported row."""
    did, ref = resolve_who(ledger.db, who)
    found = [customer for customer in (did, ref) if customer and ledger.knows(customer)]
    if not found:
        raise NotFound("contact.unknown", who=who)
    return found


def _note(ledger: Ledger, event: str, customer: str, text: str | None) -> None:
    if text:
        ledger.keep_note(event, customer, text)


def _deliver_if_possible(ledger: Ledger, now: datetime) -> None:
    """Append the leaves now; a log out of reach does not make the customer's word wait."""
    try:
        deliver(ledger, now=now)
    except Unavailable:
        return
    except Damaged as error:
        if error.code != "registry.rolled_back":
            raise
