"""Receipts: what a company gives back after every event, checked against everything that it names.

With the receipt comes the company's own event. The customer then holds the company's next seal too: an event
that the company makes later and does not show is visible as a broken seal.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from .. import strict_json
from ..consent.message import ReceiptsMessage, ReceiptText
from ..consent.receipt import RECEIPT_TYPE
from ..credentials import HeldCredential, hold
from ..encoding import format_time
from ..errors import Unavailable, VerificationError
from ..records import (
    AnchoredEvent,
    Countersignature,
    Matter,
    check_anchored,
    check_event_signature,
    check_in_log,
    parse_anchored,
)
from ..registry import check_inclusion_proof, leaf_hash, parse_policy, parse_proof
from .kinds import CARD, COMPANY_EVENT, Act, Card, CompanyEvent, Identity
from .vouchers import vouchers_in
from .wallet import Wallet

__all__ = ["take_in_receipts"]


class _Named(msgspec.Struct, frozen=True):
    """An event as a receipt names it."""

    event: str
    origin: str
    leaf_index: int


class _Claims(msgspec.Struct, frozen=True):
    """What the wallet reads of a receipt's claims."""

    sub: str
    matter: Matter
    events: tuple[_Named, ...]


def take_in_receipts(wallet: Wallet, message: ReceiptsMessage, *, at: datetime) -> list[HeldCredential]:
    """Check every receipt of a `konsens/receipts` file, then keep them all; or raise, and keep none.

    - The credential is by a company that this wallet knows, about one of our DIDs and bound to its key.
    - What it says of our events is what our wallet has.
    - The company's own event is signed by it, in the same matter, anchored, and in the log where it says; a
      countersignature names our event and its leaf; the proof fits the pinned key of the log.
    """
    ours: dict[str, Act] = {signed.event_hash: act for act in wallet.acts() if (signed := act.signed)}
    checked = [_check(wallet, text, ours, at) for text in message.receipts]
    with wallet.vault.write():
        for text, (held, identity, anchored, events) in zip(message.receipts, checked, strict=True):
            card = Card(
                credential=text.credential,
                kind="receipt",
                identity=identity.number,
                added_at=format_time(at),
                events=events,
            )
            known = wallet.vault.get(CARD, held.card) is not None
            wallet.vault.put(CARD, held.card, card)
            # A receipt that comes a second time brings nothing: its voucher may be spent.
            for row in () if known else vouchers_in(wallet, text.vouchers, company=str(held.issuer)):
                wallet.vault.put_json(*row)
            if anchored is not None:
                theirs = CompanyEvent(
                    anchored.event.text,
                    anchored.salt,
                    anchored.leaf,
                    anchored.origin,
                    anchored.leaf_index,
                    text.proof,
                )
                wallet.vault.put(COMPANY_EVENT, anchored.event.event_hash, theirs)
    return [held for held, *_ in checked]


_Checked = tuple[HeldCredential, Identity, AnchoredEvent | None, tuple[str, ...]]


def _check(wallet: Wallet, text: ReceiptText, ours: dict[str, Act], at: datetime) -> _Checked:
    issuers = [company.did for company in wallet.companies()]
    held = hold(text.credential, trust={RECEIPT_TYPE: issuers}, resolve=wallet.resolver, at=at)
    claims = strict_json.convert(held.claims, _Claims)
    identity = wallet.identity_of(claims.sub)
    if identity is None or held.holder != wallet.public_key(identity):
        raise VerificationError("wallet.not_my_card", card=held.card)
    if (claims.matter.customer, claims.matter.controller) != (identity.did, held.issuer):
        raise VerificationError("wallet.receipt_matter", card=held.card)
    for named in claims.events:
        _check_named(ours, named, held.card)
    anchored = None if text.event is None else _check_company_event(wallet, text, claims, ours)
    return held, identity, anchored, tuple(named.event for named in claims.events if named.event in ours)


def _check_named(ours: dict[str, Act], named: _Named, card: str) -> None:
    """Compare what is said of an event of ours; one that another device made is not known here."""
    act = ours.get(named.event)
    if act is not None and (act.origin, act.leaf_index) != (named.origin, named.leaf_index):
        raise VerificationError("wallet.receipt_event", card=card, event=named.event[:12])


def _check_company_event(
    wallet: Wallet, text: ReceiptText, claims: _Claims, ours: dict[str, Act]
) -> AnchoredEvent:
    members = {name: getattr(text, name) for name in ("event", "salt", "leaf", "origin", "leaf_index")}
    anchored = parse_anchored(members)
    event, name = anchored.event.event, anchored.event.event_hash[:12]
    check_event_signature(anchored.event, wallet.resolver)
    check_anchored(anchored)
    if event.matter != claims.matter or anchored.event.did != event.matter.controller:
        raise VerificationError("wallet.receipt_company_event", event=name)
    if isinstance(event.content, Countersignature):
        named = _Named(event.content.event, event.content.origin, event.content.leaf_index)
        _check_named(ours, named, name)
    if anchored.origin in wallet.logs.vkeys:
        _check_place(wallet, anchored, text.proof)
    return anchored


def _check_place(wallet: Wallet, anchored: AnchoredEvent, proof: str | None) -> None:
    if proof is not None:
        # The operator's word under the pinned key; what witnesses add to it `verify` tells.
        policy = parse_policy(f"log {wallet.logs.vkeys[anchored.origin]}\nquorum none\n")
        parsed = parse_proof(proof)
        check_inclusion_proof(parsed, leaf_hash=leaf_hash(anchored.leaf), policy=policy)
        if parsed.index != anchored.leaf_index:
            raise VerificationError("wallet.receipt_company_event", event=anchored.event.event_hash[:12])
    try:
        log = wallet.logs.named(anchored.origin)
    except Unavailable:
        return  # a receipt can be kept while the log is away; the proof, if there is one, has been checked
    check_in_log(anchored, log)
