"""A connection that does not wait for ever: who sends or reads slowly is let go, so that others find room.

uvicorn has a timeout between two requests only. Without one within them, as many connections as a server
takes, each sending a byte now and then, would keep everybody out.
"""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["ImpatientProtocol"]


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 with a time for each part: to send a whole request, to get an answer, to take it."""

    to_send = 20.0
    """Seconds for a whole request, a megabyte at most."""
    to_answer = 90.0
    """Seconds for the answer: longer than a log on PostgreSQL lets anybody wait."""
    to_take = 60.0
    """Seconds for the client to take the answer and to begin another request."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._timer: TimerHandle | None = None
        self._receiving = False

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # asyncio gives what uvicorn wants
        self._receive()

    def data_received(self, data: bytes) -> None:
        if not self._receiving and self.conn.their_state is h11.IDLE:
            self._receive()
        super().data_received(data)
        if self._receiving and self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._receiving = False
            if not (self.cycle and self.cycle.response_complete):
                self._within(self.to_answer)

    def on_response_complete(self) -> None:
        self._receiving = False
        self._within(self.to_take)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _receive(self) -> None:
        self._receiving = True
        self._within(self.to_send)

    def _within(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self.transport.abort)
