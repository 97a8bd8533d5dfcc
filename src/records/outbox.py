"""Leaves on their way into a log, so that none is lost and none is delivered before it lies there.

The party that owns a lane appends its leaves itself, and only then delivers. A signed leaf is kept durably
before it leaves (`Outbox`), so that after any interruption `flush` brings the same bytes to the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from ..errors import Conflict, InputError, VerificationError
from ..registry.leaf import SealLeaf, make_seal_leaf
from .anchor import AnchoredEvent, seal_leaf_of
from .commitment import commitment
from .event import SignedEvent
from .seed import GAP_LIMIT

__all__ = [
    "LogWriter",
    "Outbox",
    "Outgoing",
    "Sent",
    "anchor",
    "break_seal",
    "flush",
    "prepare",
    "prepare_break",
]


class LogWriter(Protocol):
    """What is asked of a log to put leaves into it."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    def append(self, leaves: Sequence[SealLeaf]) -> list[int]:
        """Append all leaves or none; identical bytes again get their old index."""


class Outgoing(msgspec.Struct, frozen=True):
    """A leaf on its way into a log; a bare break has neither event nor salt."""

    origin: str
    leaf: bytes
    event: SignedEvent | None = None
    salt: bytes | None = None

    @property
    def seal_leaf(self) -> SealLeaf:
        """The leaf, taken apart."""
        return seal_leaf_of(self.leaf)

    def anchored_at(self, leaf_index: int) -> AnchoredEvent:
        """Return the event with its place, once the log has told it."""
        if self.event is None or self.salt is None:
            raise InputError("anchor.bare")
        return AnchoredEvent(self.event, self.salt, self.leaf, self.origin, leaf_index)


class Sent(msgspec.Struct, frozen=True):
    """What became of an outgoing leaf.

    No index: the log knows other bytes under its key, or the event before it met with that; it is void.
    """

    outgoing: Outgoing
    leaf_index: int | None


class Outbox(Protocol):
    """Where a party keeps leaves between signing and the log's answer.

    `keep` and `settle` are called inside `write()`, and what they did is durable when it ends.
    """

    def write(self) -> AbstractContextManager[object]:
        """Open a transaction."""

    def keep(self, outgoing: Outgoing) -> None:
        """Store a leaf before it leaves; the same one again changes nothing."""

    def outstanding(self, origin: str) -> Sequence[Outgoing]:
        """Return the leaves for this log that are not settled, in the order in which they were kept."""

    def settle(self, sent: Sent) -> None:
        """Take note of the log's answer; an event with an index becomes an anchored event."""


def prepare(event: SignedEvent, *, salt: bytes, seal_key: bytes) -> Outgoing:
    """Return the leaf that puts `event` into its home log, made with the one-time key of its seal."""
    home = event.event.logs[0]
    leaf = make_seal_leaf(seal_key, commitment(salt, event.text), origin=home)
    if leaf.seal.hex() != event.event.seal:
        raise InputError("anchor.wrong_key", event=event.event_hash[:12])
    return Outgoing(home, leaf.entry, event, salt)


def prepare_break(committed: bytes, *, seal_key: bytes, origin: str) -> Outgoing:
    """Return the leaf that breaks a seal and shows nothing: `committed` opens to no event."""
    return Outgoing(origin, make_seal_leaf(seal_key, committed, origin=origin).entry)


def anchor(outgoing: Sequence[Outgoing], *, log: LogWriter, outbox: Outbox) -> list[AnchoredEvent]:
    """Keep these events' leaves, append them after all that were outstanding, and return them anchored.

    Raises `seal.already_broken` when the log knows other bytes under the key of one of them: that event is
    void, and the others stand.
    """
    if any(item.origin != log.origin for item in outgoing):
        raise VerificationError("anchor.other_log", origin=log.origin)
    anchored = []
    for item, index in zip(outgoing, _send(outgoing, log, outbox), strict=True):
        if index is None:
            raise Conflict("seal.already_broken", seal=item.seal_leaf.seal.hex())
        anchored.append(item.anchored_at(index))
    return anchored


def flush(log: LogWriter, outbox: Outbox) -> list[Sent]:
    """Append every outstanding leaf of this log, and settle each; nothing is lost if it fails half-way.

    Where the log refuses an event, those that follow it in its lane are void too, and never sent.
    """
    sent: list[Sent] = []
    waiting = list(outbox.outstanding(log.origin))
    while waiting:
        group = _first_group(waiting)
        answers = [Sent(item, index) for item, index in zip(group, _append(log, group), strict=True)]
        waiting = waiting[len(group) :]
        void = _after([answer.outgoing for answer in answers if answer.leaf_index is None], waiting)
        waiting = [item for item in waiting if item not in void]
        answers += [Sent(item, None) for item in void]
        with outbox.write():
            for answer in answers:
                outbox.settle(answer)
        sent += answers
    return sent


def break_seal(
    make: Callable[[int], Outgoing], *, first: int, log: LogWriter, outbox: Outbox
) -> tuple[int, int]:
    """Break the first unused seal of a lane from number `first` on; return its number and the leaf's index.

    Where another device or an old backup has used a key, the lane goes on behind it: the next number is
    tried at once, up to the gap limit (`anchor.no_free_seal`).
    """
    for number in range(first, first + GAP_LIMIT):
        (index,) = _send([make(number)], log, outbox)
        if index is not None:
            return number, index
    raise Conflict("anchor.no_free_seal", first=first, limit=GAP_LIMIT)


def _send(outgoing: Sequence[Outgoing], log: LogWriter, outbox: Outbox) -> list[int | None]:
    with outbox.write():
        for item in outgoing:
            outbox.keep(item)
    places = {sent.outgoing.leaf: sent.leaf_index for sent in flush(log, outbox)}
    # Another process may have brought a leaf there meanwhile; asked again, the log says where it lies.
    return [places[item.leaf] if item.leaf in places else _append(log, [item])[0] for item in outgoing]


def _append(log: LogWriter, group: Sequence[Outgoing]) -> Sequence[int | None]:
    """Append a group at once; if one of its keys was used, each alone, so that the others are not held up."""
    leaves = [item.seal_leaf for item in group]
    try:
        return log.append(leaves)
    except Conflict as error:
        if error.code != "seal.already_broken":
            raise
        if len(group) == 1:
            return [None]
    return [index for item in group for index in _append(log, [item])]


def _first_group(waiting: Sequence[Outgoing]) -> list[Outgoing]:
    """Return what may go in one append: all before the first leaf that breaks a seal opened among them.

    A log may sort the leaves of one append, and the index must grow along a lane.
    """
    opened: set[str | None] = set()
    for count, item in enumerate(waiting):
        if item.seal_leaf.seal.hex() in opened:
            return list(waiting[:count])
        opened.add(item.event.event.next if item.event else None)
    return list(waiting)


def _after(refused: Sequence[Outgoing], waiting: Sequence[Outgoing]) -> list[Outgoing]:
    """Return those that follow one of `refused` in a lane, directly or not."""
    before = {item.event.event_hash for item in refused if item.event}
    found = []
    for item in waiting:
        if item.event and item.event.event.prev in before:
            before.add(item.event.event_hash)
            found.append(item)
    return found
