"""The customer's acts, each one signed event: pure functions, used by the wallet and by tests.

A `Place` says where in its lane the event goes; the caller derives its seals from the seed, appends the
leaf, and only then delivers.

>>> from datetime import UTC, datetime
>>> from konsens.did import LocalSigner, PrivateKey, did_key, kid_of
>>> key = PrivateKey.ed25519(bytes(32))
>>> me = did_key(key.public)
>>> matter = Matter(customer=me, controller="did:web:muster.example")
>>> place = Place(matter=matter, seq=0, prev=None, seal="11" * 32, next="22" * 32, logs=("log.example",))
>>> signer = LocalSigner(key, kid_of(me))
>>> open_relation(place, at=datetime(2026, 11, 22, tzinfo=UTC), signer=signer).event.type
'opened'
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from ..did import Signer
from ..errors import InputError, RefusedByPolicy
from ..records import Event, EventHash, EventType, Matter, Seal, SignedEvent, sign_event
from ..records.content import Confirmation, Content, Digest, Empty, Grant, Objection, Refusal
from .notice import Notice, Purpose

__all__ = [
    "Choice",
    "Place",
    "check_choice",
    "confirm",
    "defer",
    "give",
    "object_to",
    "open_relation",
    "refuse",
    "renew",
    "restore",
    "withdraw",
]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event goes: matter, number in the lane, what is before it, its own and the next seal."""

    matter: Matter
    seq: int
    prev: str | None
    seal: str
    next: str
    logs: tuple[str, ...]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer agrees to, of what a notice offers.

    `notice` and `request` are hashes; `request` is None on the customer's own initiative. `data` and
    `recipients` None take just what the notice calls necessary, and all recipients that it names.
    """

    notice: str
    language: str
    request: str | None = None
    data: tuple[str, ...] | None = None
    recipients: tuple[str, ...] | None = None
    until: datetime | None = None
    target: str | None = None


def open_relation(place: Place, *, at: datetime, signer: Signer) -> SignedEvent:
    """Open the relation lane; its `next` is the stop seal."""
    return _sign(place, "opened", Empty(), at, signer)


def give(
    place: Place, choice: Choice, *, offered: Notice, at: datetime, signer: Signer, age: int | None = None
) -> SignedEvent:
    """Grant what `choice` says of the notice `offered`; `age` in years, where the customer tells it."""
    grant = _grant(place, choice, offered, at, age)
    return _sign(place, "given", grant, at, signer, choice.target)


def renew(
    place: Place, choice: Choice, *, offered: Notice, at: datetime, signer: Signer, age: int | None = None
) -> SignedEvent:
    """Say again what was granted, before it expires, under the same notice."""
    grant = _grant(place, choice, offered, at, age)
    return _sign(place, "renewed", grant, at, signer, choice.target)


def confirm(
    place: Place, *, request: str, target: str | None = None, at: datetime, signer: Signer
) -> SignedEvent:
    """Confirm through the target a grant that the notice lets begin as PENDING."""
    return _sign(place, "confirmed", Confirmation(request=Digest(request)), at, signer, target)


def refuse(place: Place, *, request: str, notice: str, at: datetime, signer: Signer) -> SignedEvent:
    """Say no to a request."""
    content = Refusal(request=Digest(request), notice=Digest(notice))
    return _sign(place, "refused", content, at, signer)


def defer(place: Place, *, request: str, notice: str, at: datetime, signer: Signer) -> SignedEvent:
    """Say "not now" to a request; it stays open until it expires."""
    content = Refusal(request=Digest(request), notice=Digest(notice))
    return _sign(place, "deferred", content, at, signer)


def withdraw(place: Place, *, at: datetime, signer: Signer) -> SignedEvent:
    """Withdraw; needs no reason, no request and no answer (Art. 7(3) GDPR)."""
    return _sign(place, "withdrawn", Empty(), at, signer)


def object_to(place: Place, *, scope: str | None = None, at: datetime, signer: Signer) -> SignedEvent:
    """Object to marketing (Art. 21(2) GDPR): to one purpose, or with None to all of it."""
    return _sign(place, "objected", Objection(scope=scope), at, signer)


def restore(place: Place, *, scope: str | None = None, at: datetime, signer: Signer) -> SignedEvent:
    """Lift an objection; only the customer can. Consents that it ended stay ended."""
    return _sign(place, "restored", Objection(scope=scope), at, signer)


def check_choice(
    offered: Notice,
    *,
    purpose: str,
    channel: str,
    data: Collection[str],
    recipients: Collection[str],
    language: str,
    age: int | None = None,
) -> Purpose:
    """Return the purpose, if the notice covers all of this; the wallet and the company ask alike.

    Raises `grant.purpose`, `grant.channel`, `grant.data`, `grant.necessary`, `grant.recipient`,
    `grant.language` (a grant in a language in which nothing was shown), `grant.under_age`.
    """
    covered = offered.purpose_named(purpose)
    if covered is None:
        raise RefusedByPolicy("grant.purpose", purpose=purpose, notice=offered.id)
    if channel not in covered.channels:
        raise RefusedByPolicy("grant.channel", channel=channel, purpose=purpose)
    if unknown := set(data) - {item.code for item in covered.data}:
        raise RefusedByPolicy("grant.data", data=", ".join(sorted(unknown)))
    if missing := {item.code for item in covered.data if item.necessary} - set(data):
        raise RefusedByPolicy("grant.necessary", data=", ".join(sorted(missing)))
    named = {name for recipient in covered.recipients for name in (recipient.name, recipient.did)}
    if unknown := set(recipients) - named:
        raise RefusedByPolicy("grant.recipient", recipient=", ".join(sorted(unknown)))
    if language not in offered.text:
        raise RefusedByPolicy("grant.language", language=language, notice=offered.id)
    # Art. 8 GDPR; a guardian's grant comes with a later release.
    if age is not None and covered.minimum_age is not None and age < covered.minimum_age:
        raise RefusedByPolicy("grant.under_age", purpose=purpose, minimum=covered.minimum_age)
    return covered


def _grant(place: Place, choice: Choice, offered: Notice, at: datetime, age: int | None) -> Grant:
    purpose, channel = place.matter.purpose, place.matter.channel
    if purpose is None or channel is None:
        raise InputError("event.matter")
    terms = offered.purpose_named(purpose)
    data, recipients = choice.data, choice.recipients
    if data is None:
        data = tuple(item.code for item in terms.data if item.necessary) if terms else ()
    if recipients is None:
        recipients = tuple(recipient.name for recipient in terms.recipients) if terms else ()
    check_choice(
        offered,
        purpose=purpose,
        channel=channel,
        data=data,
        recipients=recipients,
        language=choice.language,
        age=age,
    )
    if choice.until is not None and choice.until <= at:
        raise RefusedByPolicy("grant.until")
    return Grant(
        request=None if choice.request is None else Digest(choice.request),
        notice=Digest(choice.notice),
        language=choice.language,
        data=data,
        recipients=recipients,
        until=choice.until,
    )


def _sign(
    place: Place, kind: EventType, content: Content, at: datetime, signer: Signer, target: str | None = None
) -> SignedEvent:
    event = Event(
        v=1,
        type=kind,
        matter=place.matter,
        seq=place.seq,
        prev=None if place.prev is None else EventHash(place.prev),
        seal=Seal(place.seal),
        next=Seal(place.next),
        logs=place.logs,
        at=at.replace(microsecond=0),
        target=None if target is None else Digest(target),
        content=content,
    )
    return sign_event(event, signer=signer)
