"""Asking: a request for one customer, for whoever holds the file first, or on a poster for many."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from ..errors import NotFound, RefusedByPolicy
from .contact import resolve_who
from .ledger import Ledger
from .moments import seconds, when
from .notice import SignedNotice
from .own import CompanyKeys
from .request import Reason, SignedRequest, make_request
from .state import State
from .terms import Offer

__all__ = ["MAX_VALID", "ask"]

MAX_VALID = timedelta(days=366)
_YEAR = timedelta(days=365)


def ask(
    ledger: Ledger,
    keys: CompanyKeys,
    *,
    notice_id: str,
    purposes: Collection[str],
    channels: Collection[str] = (),
    who: str | None = None,
    many: bool = False,
    valid: timedelta = timedelta(days=14),
    reason: Reason = "new",
    entropy: bytes,
    now: datetime,
) -> SignedRequest:
    """Return a signed request under the newest version of a notice, and keep it in the book.

    Without `channels` every channel of each purpose is offered. A customer who said no is asked again only
    after a year or under a notice that changed in substance (our rule, after EinwV §4(2)):
    `request.too_soon`.
    """
    notice = ledger.newest_notice(notice_id)
    offers = [_offer(notice, purpose, channels) for purpose in purposes]
    customer = None
    if who is not None:
        customer, _ = resolve_who(ledger.db, who)
        if customer is None:
            raise NotFound("contact.unknown", who=who)
        for offer in offers:
            for channel in offer.channels:
                _check_may_ask(ledger, customer, offer.purpose, channel, notice, now)
    if not timedelta(0) < valid <= MAX_VALID:
        raise RefusedByPolicy("request.valid", days=MAX_VALID.days)
    signed = make_request(
        notice,
        offers=offers,
        customer=customer,
        many=many,
        entropy=entropy,
        at=now,
        expires_at=now + valid,
        signer=keys.signer,
        reason=reason,
    )
    with ledger.book.write() as db:
        db.execute(
            "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (
                signed.hash,
                signed.request.id,
                signed.jws,
                notice.hash,
                customer,
                many,
                seconds(now),
                seconds(now + valid),
            ),
        )
    return signed


def _offer(notice: SignedNotice, code: str, channels: Collection[str]) -> Offer:
    purpose = notice.notice.purpose_named(code)
    if purpose is None:
        raise NotFound("notice.no_purpose", notice=notice.notice.id, purpose=code)
    wanted = tuple(dict.fromkeys(channels)) or purpose.channels
    if unknown := [channel for channel in wanted if channel not in purpose.channels]:
        raise NotFound("notice.no_channel", purpose=code, channel=unknown[0])
    return Offer(purpose=code, channels=wanted)


def _check_may_ask(
    ledger: Ledger, customer: str, purpose: str, channel: str, notice: SignedNotice, now: datetime
) -> None:
    held = ledger.held(customer, purpose, channel)
    if held is None or held.state not in (State.REFUSED, State.WITHDRAWN):
        return
    changed = notice.notice.in_substance and notice.hash != held.notice
    since = when(held.since)
    if not changed and since is not None and now < since + _YEAR:
        raise RefusedByPolicy("request.too_soon", purpose=purpose, channel=channel)
