"""What a node has handed over and has no answer for yet. Bookkeeping only: no connection, no clock.

>>> room = WaitingRoom()
>>> asked = room.enter([b"leaf"], until=30.0)
>>> room.tickets()
[(1, b'leaf')]
>>> room.found(b"leaf", 7)
>>> asked.result()
[7]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

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
    """Requests by entry, and a ticket for each entry that waits, under which it is spoken of."""

    def __init__(self) -> None:
        self._by_entry: dict[bytes, list[_Request]] = {}
        self._in_turn: deque[_Request] = deque()
        self._tickets: dict[int, bytes] = {}
        self._last = 0

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
        """Give every entry that waits a new ticket, and return ticket and entry."""
        self._tickets.clear()
        return self.tickets_for(list(self._by_entry))

    def tickets_for(self, entries: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Give `entries` a ticket each, and return ticket and entry."""
        given = []
        for entry in entries:
            self._last += 1
            self._tickets[self._last] = entry
            given.append((self._last, entry))
        return given

    def entry_of(self, ticket: int) -> bytes | None:
        """Return what waits under a ticket, if it still does; the ticket is used up."""
        return self._tickets.pop(ticket, None)

    def found(self, entry: bytes, place: int) -> None:
        """Tell those who wait for `entry`, if there are any, where it is."""
        for request in self._by_entry.pop(entry, ()):
            request.found(entry, place)

    def refused(self, entry: bytes, error: Exception) -> None:
        """Tell those who wait for `entry` that it has no place."""
        for request in self._by_entry.pop(entry, ()):
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
                    self._by_entry.pop(entry, None)
