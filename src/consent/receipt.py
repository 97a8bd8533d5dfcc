"""Receipts: what a company gives back after every event, as an SD-JWT VC that the customer holds.

A receipt states a past fact. It has no expiry and no status: what holds now, the seal alone tells. Nothing
in it can be withheld, and it names no address.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from ..did import OfflineResolver, key_of, kid_of
from ..encoding import b64u_encode, format_time, sha256
from ..errors import Unavailable
from ..records import StoredEvent
from .ledger import Ledger
from .message import ReceiptsMessage, ReceiptText
from .moments import when
from .own import CompanyKeys
from .vouchers import FOR_A_RECEIPT, vouchers_for

__all__ = ["RECEIPT_TYPE", "receipts_for"]

RECEIPT_TYPE = "urn:konsens:receipt:1"


def receipts_for(
    ledger: Ledger,
    keys: CompanyKeys,
    events: Iterable[str],
    *,
    checkpoint: Callable[[], object] | None = None,
    random: Callable[[int], bytes] = os.urandom,
    now: datetime,
) -> tuple[ReceiptsMessage, tuple[str, ...]]:
    """Return the receipts for these events of a customer, and the card ids; asked again, the same ones.

    `checkpoint` makes a checkpoint, where the company is the log's operator; without one that covers it a
    receipt carries no proof.
    """
    due = [(event, own) for event in events for own in _due(ledger, event)]
    if checkpoint is not None and due:
        checkpoint()
    with ledger.book.write():
        cards = [_credential(ledger, keys, event, random=random, now=now) for event, _ in due]
    given = vouchers_for(ledger.logs, keys, [event for event, _ in due], each=FOR_A_RECEIPT)
    texts = tuple(
        msgspec.structs.replace(_text(ledger, own, text), vouchers=vouchers)
        for (_, own), (_, text), vouchers in zip(due, cards, given, strict=True)
    )
    return ReceiptsMessage(receipts=texts), tuple(card for card, _ in cards)


def _due(ledger: Ledger, event: str) -> list[str | None]:
    """Return the company's own event that answers `event`; nothing for one that needs no receipt."""
    rows = ledger.db.execute("SELECT own_event FROM receipt WHERE event = ?", (event,)).fetchall()
    return [own for (own,) in rows]


def _credential(
    ledger: Ledger,
    keys: CompanyKeys,
    event: str,
    *,
    random: Callable[[int], bytes],
    now: datetime,
) -> tuple[str, str]:
    """Return card id and credential, issued once and kept."""
    row = ledger.db.execute("SELECT card, credential FROM receipt WHERE event = ?", (event,)).fetchone()
    if row[0] is not None:
        return str(row[0]), str(row[1])
    from ..credentials import issue  # 30 ms, which a decision need not wait for

    stored = ledger.book.event(event)
    customer = stored.signer
    text = issue(
        _claims(ledger, stored),
        vct=RECEIPT_TYPE,
        issuer=keys.signer,
        at=now,
        entropy=random,
        holder=key_of(OfflineResolver().resolve(customer), kid_of(customer)),
        subject=customer,
        conceal_only=(),
    )
    card = sha256(text.partition("~")[0].encode("ascii"))[:16].hex()
    ledger.db.execute("UPDATE receipt SET card = ?, credential = ? WHERE event = ?", (card, text, event))
    return card, text


def _claims(ledger: Ledger, stored: StoredEvent) -> dict[str, Any]:
    """Return what the receipt says: the matter as it stood at this event, and the events so far."""
    event = stored.anchored.event.event
    matter = event.matter
    claims: dict[str, Any] = {
        "matter": {
            name: value
            for name in ("customer", "controller", "purpose", "channel")
            if (value := getattr(matter, name)) is not None
        }
    }
    if matter.customer and matter.purpose and matter.channel:
        standing, _ = ledger.fold_below(
            stored.leaf_index + 1, matter.customer, matter.purpose, matter.channel
        )
        grant = standing.grant
        until = when(grant.until) if grant else None
        claims |= {
            "state": str(standing.state or stored.type),
            "notice": grant.notice if grant else getattr(event.content, "notice", None),
            "until": format_time(until) if until else None,
        }
    else:
        claims |= {"state": stored.type, "notice": None, "until": None}
    since = when(stored.received_seconds)
    claims["since"] = format_time(since) if since else None
    claims["events"] = [
        {
            "event": other.event_hash,
            "type": other.type,
            "seq": other.seq,
            "at": format_time(other.anchored.event.event.at),
            "origin": other.origin,
            "leaf_index": other.leaf_index,
        }
        for other in ledger.book.events(stored.record)
        if other.leaf_index <= stored.leaf_index
    ]
    return claims


def _text(ledger: Ledger, own: str | None, credential: str) -> ReceiptText:
    if own is None:
        return ReceiptText(
            credential=credential, event=None, salt=None, leaf=None, origin=None, leaf_index=None, proof=None
        )
    stored = ledger.book.event(own)
    return ReceiptText(
        credential=credential,
        event=stored.text,
        salt=b64u_encode(stored.salt),
        leaf=b64u_encode(stored.leaf),
        origin=stored.origin,
        leaf_index=stored.leaf_index,
        proof=_proof(ledger, stored.leaf_index),
    )


def _proof(ledger: Ledger, index: int) -> str | None:
    try:
        return ledger.logs.home.prove_inclusion(index)
    except Unavailable:
        return None
