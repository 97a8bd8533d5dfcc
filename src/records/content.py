"""What an event says, one record per kind of content, and who may say it where.

`CONTENTS` is the table of docs/formats.md, "Event": type of event × lane × signer → content. A type that
is missing there for a signer cannot be signed by that signer: a grant never by a company, a withdrawal
by a company only as a courier.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, NewType

import msgspec
from msgspec import Meta

__all__ = [
    "CONTENTS",
    "Basis",
    "Code",
    "Confirmation",
    "Content",
    "Countersignature",
    "CourierObjection",
    "CourierWithdrawal",
    "Digest",
    "Empty",
    "EventHash",
    "EventType",
    "Grant",
    "ImportBatch",
    "Invalidation",
    "LaneKind",
    "Objection",
    "Origin",
    "Refusal",
    "Revocation",
    "Role",
    "Seal",
    "UseBatch",
]

EventHash = NewType("EventHash", str)
"""SHA-256 of an event's compact JWS, 64 lower-case hex digits."""
Seal = NewType("Seal", str)
"""SHA-256 of a one-time public key, 64 lower-case hex digits."""
Digest = NewType("Digest", str)
"""Any other SHA-256 in hex: of a notice, a request, a target, a batch's root."""

HEX: Final = Meta(pattern=r"\A[0-9a-f]{64}\Z")
UTC_TIME: Final = Meta(tz=True)
COUNT: Final = Meta(ge=0, le=(1 << 53) - 1)
Code = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,63}\Z")]
Origin = Annotated[str, Meta(pattern=r"\A(?!konsens/)[^\s+]{1,255}\Z")]  # a key name of C2SP signed-note
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Language = Annotated[str, Meta(pattern=r"\A[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}\Z")]

Role = Literal["customer", "company", "authority"]
LaneKind = Literal["consent", "relation", "own"]
EventType = Literal[
    "given",
    "renewed",
    "refused",
    "deferred",
    "confirmed",
    "withdrawn",
    "countersigned",
    "revoked",
    "invalidated",
    "opened",
    "objected",
    "restored",
    "imported",
    "used",
]
Basis = Literal["consent", "contract", "existing_customer", "legitimate_interest", "legal"]


class Content:
    """The base of every content; the type of the event and its signer decide which one it is."""

    __slots__ = ()


class Empty(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`opened` and the customer's `withdrawn`: the type says it all."""


class Grant(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`given` and `renewed`: what the customer agrees to; `request` is null on own initiative."""

    request: Annotated[Digest, HEX] | None
    notice: Annotated[Digest, HEX]
    language: Language
    data: tuple[Code, ...]
    recipients: tuple[Name, ...]
    until: Annotated[datetime, UTC_TIME] | None


class Refusal(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`refused` and `deferred`: the customer's no, or not now, to one request."""

    request: Annotated[Digest, HEX]
    notice: Annotated[Digest, HEX]


class Confirmation(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`confirmed`: the second step of a double opt-in, made through the target."""

    request: Annotated[Digest, HEX]


class Countersignature(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`countersigned`: the company has this event of the customer and found its leaf there."""

    event: Annotated[EventHash, HEX]
    origin: Origin
    leaf_index: Annotated[int, COUNT]


class CourierWithdrawal(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`withdrawn` by the company's hand: a customer's withdrawal that came by letter, phone or the like."""

    ends: Annotated[EventHash, HEX]
    method: Code
    received_at: Annotated[datetime, UTC_TIME]


class Revocation(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`revoked`: the controller will not rely on this grant any longer; never called a withdrawal."""

    ends: Annotated[EventHash, HEX]
    reason: Text


class Invalidation(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`invalidated`: a court, an authority or a data protection officer voids a grant from `since` on."""

    ends: Annotated[EventHash, HEX]
    since: Annotated[datetime, UTC_TIME]
    reason: Text


class Objection(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`objected` and `restored` by the customer; a null `scope` means all direct marketing."""

    scope: Code | None


class CourierObjection(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`objected` by the company's hand: an objection that came by letter, phone or the like."""

    scope: Code | None
    method: Code
    received_at: Annotated[datetime, UTC_TIME]


class ImportBatch(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`imported`: consents taken before konsens, `count` rows under one Merkle root."""

    count: Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]
    root: Annotated[Digest, HEX]
    mapping: Name


class UseBatch(Content, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`used`: who was contacted, `count` rows under one Merkle root, and the checkpoint relied on.

    `relies_on` is the event that one use relies on; a list of many names it row by row and says null here.
    `size` 0 says that `origin` had published no checkpoint yet.
    """

    count: Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]
    root: Annotated[Digest, HEX]
    campaign: Name
    purpose: Code
    channel: Code
    basis: Basis
    relies_on: Annotated[EventHash, HEX] | None
    origin: Origin
    size: Annotated[int, COUNT]


CONTENTS: Final[dict[str, dict[tuple[LaneKind, Role], type[Content]]]] = {
    "given": {("consent", "customer"): Grant},
    "renewed": {("consent", "customer"): Grant},
    "refused": {("consent", "customer"): Refusal},
    "deferred": {("consent", "customer"): Refusal},
    "confirmed": {("consent", "customer"): Confirmation},
    "withdrawn": {("consent", "customer"): Empty, ("consent", "company"): CourierWithdrawal},
    "countersigned": {("consent", "company"): Countersignature},
    "revoked": {("consent", "company"): Revocation},
    "invalidated": {("consent", "authority"): Invalidation},
    "opened": {("relation", "customer"): Empty},
    "objected": {("relation", "customer"): Objection, ("relation", "company"): CourierObjection},
    "restored": {("relation", "customer"): Objection},
    "imported": {("own", "company"): ImportBatch},
    "used": {("own", "company"): UseBatch},
}
