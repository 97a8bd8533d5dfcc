"""An event as a book holds it: its bytes, and beside them what the book is searched by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from ..encoding import sha256
from ..errors import Damaged, InputError, VerificationError
from .anchor import AnchoredEvent
from .content import EventHash, Seal
from .event import SignedEvent, parse_event
from .matter import RecordId

__all__ = ["StoredEvent", "parse_row", "stored_event"]

Seconds = Annotated[int, msgspec.Meta(ge=-62_135_596_800, le=253_402_300_799)]  # the years 1 to 9999


class StoredEvent(msgspec.Struct, frozen=True, array_like=True):
    """An event as the book holds it; all but `received_seconds` follows from its bytes (`anchored`)."""

    event_hash: EventHash
    lane: EventHash
    seq: int
    seal: Seal
    record: RecordId
    signer: str
    type: str
    at_seconds: Seconds
    received_seconds: Seconds
    origin: str
    leaf_index: int
    salt: bytes
    leaf: bytes
    text: str

    @classmethod
    def of(cls, anchored: AnchoredEvent, *, lane: EventHash, received_at: datetime) -> StoredEvent:
        """Return the row of an event."""
        signed = anchored.event
        return cls(
            event_hash=signed.event_hash,
            lane=lane,
            seq=signed.event.seq,
            seal=signed.event.seal,
            record=signed.event.matter.record_id,
            signer=signed.did,
            type=signed.event.type,
            at_seconds=int(signed.event.at.timestamp()),
            received_seconds=int(received_at.timestamp()),
            origin=anchored.origin,
            leaf_index=anchored.leaf_index,
            salt=anchored.salt,
            leaf=anchored.leaf,
            text=signed.text,
        )

    @property
    def received_at(self) -> datetime:
        """When this book came to know the event."""
        return datetime.fromtimestamp(self.received_seconds, UTC)

    @property
    def anchored(self) -> AnchoredEvent:
        """The event with its place, parsed again from its bytes; `book.event` if they are none any more."""
        return AnchoredEvent(stored_event(self.text), self.salt, self.leaf, self.origin, self.leaf_index)


def stored_event(text: str) -> SignedEvent:
    """Return the event behind bytes of the book, or raise `book.event`."""
    try:
        return parse_event(text)
    except (InputError, VerificationError) as error:
        raise Damaged("book.event", event=sha256(text.encode()).hex()[:12]) from error


def parse_row(row: tuple[object, ...]) -> StoredEvent:
    """Return a row of the table `event`; a flipped bit in the file can make a value of another type."""
    try:
        return msgspec.convert(row, StoredEvent)
    except msgspec.ValidationError as error:
        raise Damaged("book.event", event=str(row[0])[:12]) from error
