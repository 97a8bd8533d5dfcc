"""Requests: what a company asks of one customer, or on a poster of many.

A request is a signed message, not an event: it has no lane and no leaf. A grant names its hash. The company
makes one with `make_request`; the wallet checks one with `read_request` before it shows a word of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

from ..did import (
    DidDocument,
    KeyHistory,
    PublicKey,
    Signer,
    check_jws,
    parse_jws,
    render_document,
    sign_jws,
)
from ..encoding import b64u_encode, format_time, jcs, parse_time, sha256
from ..errors import InputError, NotTrusted, RefusedByPolicy, VerificationError
from ..strict_json import decode, parse
from .introduction import Introduction, Pinned, check_introduction
from .message import LogKey, RequestMessage, parse_message
from .notice import TYP as NOTICE_TYP
from .notice import Notice, SignedNotice, read_notice
from .terms import Hex64, Id, Offer

__all__ = [
    "ReadRequest",
    "Request",
    "SignedRequest",
    "make_request",
    "parse_request",
    "read_request",
    "request_message",
]

TYP = "konsens-request+jws"
Reason = Literal["new", "renewal", "changed-notice"]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked, of whom, and until when an answer is taken."""

    v: Literal[1]
    id: Id
    notice: Hex64
    offers: Annotated[tuple[Offer, ...], msgspec.Meta(min_length=1, max_length=64)]
    customer: str | None
    many: bool
    nonce: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{22}\Z")]
    at: str
    expires_at: str
    reason: Reason

    def offers_pair(self, purpose: str, channel: str) -> bool:
        """Tell whether the request offers this purpose on this channel."""
        return any(offer.purpose == purpose and channel in offer.channels for offer in self.offers)


class SignedRequest(msgspec.Struct, frozen=True):
    """A request and its compact JWS."""

    request: Request
    jws: str
    kid: str

    @property
    def hash(self) -> str:
        """SHA-256 of the JWS bytes, as a grant names the request."""
        return sha256(self.jws.encode("ascii")).hex()

    @property
    def company(self) -> str:
        """The DID of the company that signed."""
        return self.kid.partition("#")[0]


class ReadRequest(msgspec.Struct, frozen=True):
    """A request that was checked: the company's signature on it and on the notice, the offers, the time."""

    signed: SignedRequest
    notice: SignedNotice
    message: RequestMessage
    company: DidDocument
    key_history: KeyHistory | None
    warnings: tuple[str, ...]


def make_request(
    notice: SignedNotice,
    *,
    offers: Collection[Offer],
    customer: str | None,
    many: bool,
    entropy: bytes,
    at: datetime,
    expires_at: datetime,
    signer: Signer,
    reason: Reason = "new",
) -> SignedRequest:
    """Return a signed request; `entropy` are 32 random bytes, half for the id, half for the nonce."""
    if len(entropy) != 32 or (many and customer is not None) or expires_at <= at:
        raise InputError("request.form")
    request = Request(
        v=1,
        id=entropy[:16].hex(),
        notice=notice.hash,
        offers=tuple(offers),
        customer=customer,
        many=many,
        nonce=b64u_encode(entropy[16:]),
        at=format_time(at),
        expires_at=format_time(expires_at),
        reason=reason,
    )
    _check_offers(request, notice.notice)
    jws = sign_jws(jcs(msgspec.to_builtins(request)), typ=TYP, signer=signer)
    return SignedRequest(request, jws, signer.kid)


def request_message(
    signed: SignedRequest,
    notice: SignedNotice,
    *,
    document: DidDocument,
    key_history: KeyHistory | None,
    logs: Collection[LogKey],
    vouchers: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> RequestMessage:
    """Return the file that travels; `vouchers` by origin are for whom it is addressed to, and nobody else."""
    return RequestMessage(
        request=signed.jws,
        notice=notice.jws,
        company=render_document(document),
        key_history=None if key_history is None else parse(key_history.render()),
        logs=tuple(logs),
        vouchers=dict(vouchers),
    )


def parse_request(jws: str) -> SignedRequest:
    """Return the request in a JWS whose signature is still to be checked."""
    unverified = parse_jws(jws, typ=TYP)
    request = decode(unverified.unverified_payload, Request)
    if parse_time(request.expires_at) <= parse_time(request.at):
        raise InputError("request.form")
    return SignedRequest(request, jws, unverified.kid)


def read_request(
    data: bytes | str,
    *,
    at: datetime,
    pinned: Pinned | None = None,
    vkeys: Mapping[str, str] | None = None,
    own_dids: Collection[str] = (),
) -> ReadRequest:
    """Return the request in a `konsens/request` file, checked, or raise.

    `pinned` is what the wallet remembers of this company, `vkeys` the logs it knows by origin, `own_dids`
    the pairwise DIDs that it holds. In this order: the form; who the company says it is, against what was
    pinned (`company.key_changed`); its signature on the request and on the notice; that the notice is the
    one asked about (`request.other_notice`) and covers what is offered; the logs' keys
    (`registry.other_key`); the addressee (`request.other_customer`); the time (`request.expired`).
    """
    message = parse_message(data, RequestMessage)
    signed = parse_request(message.request)
    introduced = check_introduction(message.company, message.key_history, did=signed.company, pinned=pinned)
    key = introduced.key(signed.kid, parse_time(signed.request.at))
    _check_signed(message.request, TYP, key)
    notice = _notice(message.notice, signed, introduced)
    _check_offers(signed.request, notice.notice)
    for log in message.logs:
        known = (vkeys or {}).get(log.origin)
        if known is not None and known != log.vkey:
            raise NotTrusted("registry.other_key", origin=log.origin)
    customer = signed.request.customer
    if customer is not None and customer not in own_dids:
        raise RefusedByPolicy("request.other_customer")
    if at >= parse_time(signed.request.expires_at):
        raise RefusedByPolicy("request.expired", expires_at=signed.request.expires_at)
    return ReadRequest(signed, notice, message, introduced.document, introduced.history, introduced.warnings)


def _notice(jws: str, signed: SignedRequest, introduced: Introduction) -> SignedNotice:
    unverified = parse_jws(jws, typ=NOTICE_TYP)
    if unverified.kid.partition("#")[0] != signed.company:
        raise VerificationError("request.other_notice")
    payload = _check_signed(jws, NOTICE_TYP, introduced.notice_key(unverified.kid))
    notice = read_notice(jws, payload)
    if notice.hash != signed.request.notice:
        raise VerificationError("request.other_notice")
    return notice


def _check_signed(jws: str, typ: str, key: PublicKey) -> bytes:
    try:
        return check_jws(parse_jws(jws, typ=typ), key)
    except VerificationError as error:
        if error.code != "signature.invalid":
            raise
        raise VerificationError("notice.signature" if typ == NOTICE_TYP else "request.signature") from error


def _check_offers(request: Request, notice: Notice) -> None:
    for offer in request.offers:
        purpose = notice.purpose_named(offer.purpose)
        if purpose is None or not set(offer.channels) <= set(purpose.channels):
            raise RefusedByPolicy("request.offer", purpose=offer.purpose)
