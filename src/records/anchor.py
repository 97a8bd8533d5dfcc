"""An event with its place in a log, and what must fit together before anybody relies on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

import msgspec

from .. import strict_json
from ..encoding import b64u_decode, b64u_encode
from ..errors import VerificationError
from ..registry.leaf import SEAL_LEAF_SIZE, SealLeaf, check_seal_leaf, parse_leaf
from .commitment import SALT_BYTES, check_commitment
from .content import COUNT, Origin
from .event import SignedEvent, parse_event

__all__ = [
    "AnchoredEvent",
    "LogReader",
    "check_anchored",
    "check_in_log",
    "parse_anchored",
    "render_anchored",
    "seal_leaf_of",
]


class LogReader(Protocol):
    """What is asked of a log to believe that an event lies in it."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    def entry(self, index: int) -> bytes:
        """Return the bytes of entry `index`."""

    def find(self, seal: bytes) -> int | None:
        """Return the index of the leaf that broke `seal`, also beyond the last checkpoint."""


class AnchoredEvent(msgspec.Struct, frozen=True):
    """An event with what proves its place: salt, leaf (129 bytes), log and index."""

    event: SignedEvent
    salt: bytes
    leaf: bytes
    origin: str
    leaf_index: int


def check_anchored(anchored: AnchoredEvent) -> None:
    """Raise unless leaf, salt and event belong together, as far as their bytes alone can show it.

    - the log is the event's home (`anchor.not_home`);
    - the leaf is a seal leaf (`anchor.leaf`) whose key hashes to the event's seal (`anchor.seal`);
    - its commitment opens to the event (`commitment.mismatch`);
    - it is signed by its key for this log (`leaf.signature`, `key.weak`).

    Not checked here: the signature under the event (`check_event_signature`), its place in the lane
    (`check_successor`), its place in the log (`check_in_log`).
    """
    event = anchored.event.event
    if anchored.origin != event.logs[0]:
        raise VerificationError("anchor.not_home", origin=anchored.origin)
    leaf = seal_leaf_of(anchored.leaf)
    if leaf.seal.hex() != event.seal:
        raise VerificationError("anchor.seal", event=anchored.event.event_hash[:12])
    check_commitment(leaf.commitment, salt=anchored.salt, jws_text=anchored.event.text)
    check_seal_leaf(leaf, origin=anchored.origin)


def check_in_log(anchored: AnchoredEvent, log: LogReader) -> None:
    """Raise unless the log holds just this leaf at this index, and `next` was unbroken then.

    - the log is the one that the event was anchored in (`anchor.other_log`);
    - the leaf that broke the event's seal lies at its index: of two leaves with one key, and so of two with
      one commitment to this event, only the first counts (`anchor.not_in_log`, `anchor.index`);
    - its bytes are those of the event's leaf (`anchor.other_leaf`);
    - `next` is unbroken up to that leaf, else the event was void from the start (`anchor.next_broken`). A
      later break is no error here: it is the lane's next event.
    """
    event = anchored.event.event
    if log.origin != anchored.origin:
        raise VerificationError("anchor.other_log", origin=anchored.origin)
    found = log.find(bytes.fromhex(event.seal))
    if found is None:
        raise VerificationError("anchor.not_in_log", origin=log.origin)
    if found != anchored.leaf_index:
        raise VerificationError("anchor.index", found=found, claimed=anchored.leaf_index)
    if log.entry(found) != anchored.leaf:
        raise VerificationError("anchor.other_leaf", index=found)
    broken = log.find(bytes.fromhex(event.next)) if event.next else None
    if broken is not None and broken < found:
        raise VerificationError("anchor.next_broken", index=broken)


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    event: str
    salt: str
    leaf: str
    origin: Origin
    leaf_index: Annotated[int, COUNT]


def parse_anchored(members: Mapping[str, Any]) -> AnchoredEvent:
    """Return the anchored event in a message (docs/formats.md, "Messages"); nothing is verified yet."""
    wire = strict_json.convert(members, _Wire)
    return AnchoredEvent(
        event=parse_event(wire.event),
        salt=b64u_decode(wire.salt, size=SALT_BYTES),
        leaf=b64u_decode(wire.leaf, size=SEAL_LEAF_SIZE),
        origin=wire.origin,
        leaf_index=wire.leaf_index,
    )


def render_anchored(anchored: AnchoredEvent) -> dict[str, str | int]:
    """Return the members under which an anchored event travels."""
    return {
        "event": anchored.event.text,
        "salt": b64u_encode(anchored.salt),
        "leaf": b64u_encode(anchored.leaf),
        "origin": anchored.origin,
        "leaf_index": anchored.leaf_index,
    }


def seal_leaf_of(entry: bytes) -> SealLeaf:
    """Return the seal leaf in `entry`; the log's other leaves cannot anchor an event (`anchor.leaf`)."""
    leaf = parse_leaf(entry)
    if not isinstance(leaf, SealLeaf):
        raise VerificationError("anchor.leaf")
    return leaf
