"""Waiting until what a customer delivers can be seen in the home's own copy of a served log."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..errors import Unavailable
from .logs import Logs
from .message import EventsMessage, parse_message

__all__ = ["Following", "catch_up"]


@runtime_checkable
class Following(Protocol):
    """A log that is seen up to its newest checkpoint (`konsens.registry.remote.MirroredLog` is one)."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    def size(self) -> int:
        """Return how many entries are here."""

    def await_size(self, size: int) -> None:
        """Wait a while for a checkpoint over `size` entries."""


def catch_up(logs: Logs, data: bytes | str) -> None:
    """Wait until every leaf in a `konsens/events` file is covered by a checkpoint that is here.

    Raises `registry.not_yet_checkpointed` if that takes too long: nobody can say yet whether it is there.
    """
    events = parse_message(data, EventsMessage).events
    for log in logs.open:
        size = max((event.leaf_index + 1 for event in events if event.origin == log.origin), default=0)
        if isinstance(log, Following) and log.size() < size:
            log.await_size(size)
            if log.size() < size:
                raise Unavailable("registry.not_yet_checkpointed", index=size - 1)
