"""What the nodes of a log in PostgreSQL know of its sequencer: what they read in the log itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, LifoQueue
from threading import Event, Thread
from time import monotonic, sleep
from typing import Self

import msgspec

from ...errors import KonsensError
from ..checkpoint import SignedCheckpoint, check_checkpoint
from ..postgres import PostgresLog
from .group_commit import State

__all__ = ["Readers", "Watch"]


class Readers:
    """Open logs that are lent to one thread at a time: a connection costs more than a question."""

    def __init__(self, open_log: Callable[[], PostgresLog]) -> None:
        self._open_log = open_log
        self._idle: LifoQueue[PostgresLog] = LifoQueue()

    @contextmanager
    def lend(self) -> Iterator[PostgresLog]:
        """Yield a log that nobody else uses meanwhile; after an error it is not lent again."""
        try:
            log = self._idle.get_nowait()
        except Empty:
            log = self._open_log()
        try:
            yield log
        except BaseException:
            log.close()
            raise
        self._idle.put(log)

    def close(self) -> None:
        """Close those that nobody uses."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()


class Watch:
    """A thread that looks again and again how far the log is certain, and how far it is signed.

    A checkpoint counts once all that it covers is certain: one that only the primary has might vanish with
    it, and must not be shown to a witness.
    """

    def __init__(self, open_log: Callable[[], PostgresLog], *, pause: float = 1.0) -> None:
        self._open_log, self._pause = open_log, pause
        self._state = State()
        self._end = Event()
        self._thread = Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def state(self) -> State:
        """What was found last; `problem` is why it could not look."""
        return self._state

    def wait_for(self, signed: SignedCheckpoint, *, seconds: float = 10.0) -> None:
        """Return once it has seen a checkpoint that was published, or after so many seconds."""
        until = monotonic() + seconds
        while monotonic() < until and self._state.checkpoint != signed:
            sleep(self._pause / 10)

    def _run(self) -> None:
        log: PostgresLog | None = None
        ending = False
        while not ending:
            try:
                log = log or self._open_log()
                self._look(log)
            except KonsensError as error:
                self._state = msgspec.structs.replace(self._state, problem=error)
                if log is not None:
                    log.close()
                    log = None
            ending = self._end.wait(self._pause)
        if log is not None:
            log.close()

    def _look(self, log: PostgresLog) -> None:
        newest, size, before = log.store.checkpoint(), log.confirmed(), self._state
        signed = before.checkpoint
        if newest is not None and newest[0] <= size and (signed is None or signed.note != newest[1]):
            signed = SignedCheckpoint(check_checkpoint(newest[1], log.vkey), newest[1])
        behind = size > (signed.checkpoint.size if signed else 0)
        since = (before.behind_since or monotonic()) if behind else None
        self._state = State(size=size, checkpoint=signed, behind_since=since)
