"""What a node has handed over and has no answer for yet. Bookkeeping only: no connection, no clock.

>>> room = WaitingRoom(key=bytes(32))
>>> asked = room.enter([b"leaf"], until=30.0)
>>> [(ticket, entry)] = room.tickets()
>>> room.entry_of(ticket)
b'leaf'
>>> room.found(b"leaf", 7)
>>> asked.result()
[7]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from hashlib import blake2b

__all__ = ["WaitingRoom"]


class _Request:
    """Leaves that were handed over together, and the future that gets their places."""

    def __init__(self, entries: Sequence[bytes], until: float) -> None:
        self.entries = list(entries)
        self.until = until
        self.places: dict[bytes, int] = {}
        self.lacking = set(entries)
        self.done: Future[list[int]] = Future()
        self.done.set_running_or_notify_cancel()  # what was handed over cannot be taken back

    def found(self, entry: bytes, place: int) -> None:
        self.places[entry] = place
        self.lacking.discard(entry)
        if not self.lacking and not self.done.done():
            self.done.set_result([self.places[one] for one in self.entries])

    def failed(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class WaitingRoom:
    """Requests by entry, and a ticket for each entry that waits, under which it is spoken of.

    An entry has the same ticket each time, so that it can wait once however often it is handed over. `key` is
    secret: nobody makes two entries of one ticket.
    """

    def __init__(self, *, key: bytes) -> None:
        self._key = key
        self._by_entry: dict[bytes, list[_Request]] = {}
        self._in_turn: deque[_Request] = deque()
        self._tickets: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._by_entry)

    def enter(self, entries: Sequence[bytes], *, until: float) -> Future[list[int]]:
        """Let `entries` wait; the future has the place of each, in their order. `until` never goes back."""
        request = _Request(entries, until)
        self._in_turn.append(request)
        for entry in request.lacking:
            self._by_entry.setdefault(entry, []).append(request)
        if not entries:
            request.done.set_result([])
        return request.done

    def tickets(self) -> list[tuple[int, bytes]]:
        """Return ticket and entry of everything that waits."""
        return self.tickets_for(list(self._by_entry))

    def tickets_for(self, entries: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Return ticket and entry of `entries`."""
        given = [(self._ticket(entry), entry) for entry in entries]
        self._tickets.update(one for one in given if one[1] in self._by_entry)
        return given

    def entry_of(self, ticket: int) -> bytes | None:
        """Return what waits under a ticket, if it still does."""
        return self._tickets.get(ticket)

    def _ticket(self, entry: bytes) -> int:
        return int.from_bytes(blake2b(entry, digest_size=8, key=self._key).digest(), "big") >> 1

    def _leave(self, entry: bytes) -> list[_Request]:
        """Let nobody wait for `entry` any more, and return who did."""
        requests = self._by_entry.pop(entry, [])
        if requests:
            self._tickets.pop(self._ticket(entry), None)
        return requests

    def found(self, entry: bytes, place: int) -> None:
        """Tell those who wait for `entry`, if there are any, where it is."""
        for request in self._leave(entry):
            request.found(entry, place)

    def refused(self, entry: bytes, error: Exception) -> None:
        """Tell those who wait for `entry` that it has no place."""
        for request in self._leave(entry):
            request.failed(error)

    def overdue(self, now: float, error: Exception) -> None:
        """Tell those whose time is up at `now`, and forget what nobody waits for any more."""
        while self._in_turn and (self._in_turn[0].done.done() or self._in_turn[0].until <= now):
            request = self._in_turn.popleft()
            request.failed(error)
            for entry in request.lacking:
                others = [one for one in self._by_entry.get(entry, ()) if one is not request]
                if others:
                    self._by_entry[entry] = others
                else:
                    self._leave(entry)
