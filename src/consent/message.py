"""The files that travel between customer and company, each with `"v": 1` and its `"type"`.

>>> render_message(EventsMessage(events=(), contacts=()))
b'{"contacts":[],"events":[],"type":"konsens/events","v":1}'
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from ..encoding import jcs
from ..strict_json import decode_message
from .terms import Code

__all__ = [
    "AnchoredText",
    "ContactText",
    "EventsMessage",
    "LogKey",
    "ReceiptText",
    "ReceiptsMessage",
    "RequestMessage",
    "parse_message",
    "render_message",
]

MAX_BYTES = 16 << 20
M = TypeVar("M", bound="Message")

Salt = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{43}\Z")]
Entry = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{172}\Z")]
Index = Annotated[int, msgspec.Meta(ge=0)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every message has."""

    v: Literal[1] = 1


class AnchoredText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event as it travels: with its salt, and its leaf as the log holds it."""

    event: str
    salt: Salt
    leaf: Entry
    origin: str
    leaf_index: Index


class ContactText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address that the customer chose to hand over, with the salt of its target."""

    channel: Code
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    salt: Salt


class EventsMessage(Message, frozen=True):
    """What a customer delivers: events in order of lane and seq."""

    events: Annotated[tuple[AnchoredText, ...], msgspec.Meta(max_length=10_000)]
    contacts: Annotated[tuple[ContactText, ...], msgspec.Meta(max_length=1_000)] = ()
    type: Literal["konsens/events"] = "konsens/events"


class LogKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A log and the key of its operator."""

    origin: str
    vkey: str


class RequestMessage(Message, frozen=True):
    """What a company hands to a customer: the signed request, the signed notice, and who it is."""

    request: str
    notice: str
    company: dict[str, Any]
    key_history: dict[str, Any] | None
    logs: Annotated[tuple[LogKey, ...], msgspec.Meta(min_length=1, max_length=3)]
    vouchers: dict[str, tuple[Salt, ...]] = {}
    type: Literal["konsens/request"] = "konsens/request"


class ReceiptText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One receipt, with the company's own event that countersigns the customer's.

    The event's members are null after an objection or its lifting: the company has no event of its own in
    the relation lane, only the credential.
    """

    credential: str
    event: str | None
    salt: Salt | None
    leaf: Entry | None
    origin: str | None
    leaf_index: Index | None
    proof: str | None
    vouchers: dict[str, tuple[Salt, ...]] = {}


class ReceiptsMessage(Message, frozen=True):
    """What the company gives back."""

    receipts: Annotated[tuple[ReceiptText, ...], msgspec.Meta(max_length=10_000)]
    type: Literal["konsens/receipts"] = "konsens/receipts"


def parse_message(data: bytes | str, kind: type[M]) -> M:
    """Return a message of just the type `kind`: `input.wrong_type`, `input.version`."""
    return decode_message(data, kind, max_bytes=MAX_BYTES)


def render_message(message: Message) -> bytes:
    """Return the bytes of a message: JCS, so that equal messages are equal files."""
    return jcs(msgspec.to_builtins(message))
