"""The one writer of a served log: many requests, one durable step, one checkpoint.

>>> from konsens.registry import MemoryStore, NoteSigner, PublicLeaf
>>> key = NoteSigner("log.muster.example", bytes(32))
>>> log = SealLog(MemoryStore(), key.vkey)
>>> with GroupCommit(lambda: log, lambda log: None, pause=0) as intake:
...     intake.append([PublicLeaf(bytes(32))]).result()
[0]
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any, Self

import msgspec

from ...errors import Conflict, InputError, KonsensError, Locked, Unavailable, VerificationError
from ..check_ahead import LeafChecker, LeavesUnderCheck
from ..checkpoint import SignedCheckpoint
from ..log import SealLog
from .step import Leaves, refusals

__all__ = ["GroupCommit", "State"]

_Item = tuple[Leaves, Future[list[int]]]

_LOG = logging.getLogger(__name__)

MOST_WAITING = 20_000  # leaves; a second's work of a fast machine
MOST_AT_ONCE = 5_000
FEWEST_AHEAD = 200  # leaves of one request: below, handing them to another process costs as much as checking
RETRY_SECONDS = 5.0
LOOK_SECONDS = 2.0  # how soon an idle writer sees what another process wrote


class State(msgspec.Struct, frozen=True):
    """What the writer knows, for those who watch it."""

    size: int = 0
    checkpoint: SignedCheckpoint | None = None
    waiting: int = 0
    behind_since: float | None = None
    """Since when, by the monotonic clock, there have been entries that no checkpoint covers."""
    problem: KonsensError | None = None
    """Why nothing is signed at the moment."""
    stopped: bool = False
    """Whether it needs a person: nothing more is appended."""


class GroupCommit:
    """A thread that takes what has come in meanwhile, appends it in one step, and publishes.

    - At most one step in `pause` seconds, so that its time tells little about each leaf. In one step the
      leaves are sorted by leaf hash.
    - What cannot enter (a used key, a wrong signature) is refused alone and keeps nothing else out.
    - With a `checker`, signatures of large requests are checked in its processes while they wait.
    - Whoever waits is told the index after the step is durable, never before.
    - What another process appends or signs in the same log is checked, covered and shown, too.
    - If the log is not what was signed last (a restored backup, a fork, damage), or somebody else finds that
      out and says `stop`, it stops: from then on everything is refused with `append.stopped`, until a person
      has looked.
    """

    def __init__(
        self,
        open_log: Callable[[], SealLog],
        publish: Callable[[SealLog], SignedCheckpoint | None],
        *,
        pause: float = 1.0,
        checker: LeafChecker | None = None,
    ) -> None:
        self._open_log = open_log
        self._publish = publish
        self._checker = checker
        self._pause = pause
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._lock = Lock()
        self._state = State()
        self._thread = Thread(target=self._run, name="group-commit", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish what waits, publish it, and end."""
        self._queue.put(None)
        self._thread.join()

    @property
    def state(self) -> State:
        """What the writer knows now."""
        return self._state

    def append(self, leaves: Leaves) -> Future[list[int]]:
        """Ask for a place; the future has the indices once they are durable, or the error.

        Raises `append.stopped`, or `append.busy` while too much waits.
        """
        with self._lock:
            if self._state.stopped:
                raise self._stopped()
            waiting = self._state.waiting + len(leaves)
            if waiting > MOST_WAITING:
                raise Unavailable("append.busy")
            if self._checker and len(leaves) >= FEWEST_AHEAD:
                leaves = self._checker.start(leaves)
            self._state = msgspec.structs.replace(self._state, waiting=waiting)
            future: Future[list[int]] = Future()
            self._queue.put((leaves, future))
        return future

    def stop(self, error: KonsensError) -> None:
        """Append and sign nothing more, for a reason that others than the log itself know of."""
        if not self._state.stopped:
            self._stop(error)

    def _run(self) -> None:
        try:
            log = self._open_log()
            try:
                self._work(log)
            finally:
                log.close()
        except KonsensError as error:
            self._stop(error)
        except Exception as error:  # a bug of ours: it is shown, and nobody is told that his leaf is in
            _LOG.exception("the writer of the log has ended")
            self._stop(Unavailable("append.stopped", problem=type(error).__name__))
        finally:  # nobody is left waiting, whatever went wrong
            self._update(stopped=True)
            while not self._queue.empty():
                if (item := self._queue.get_nowait()) is not None:
                    self._refuse(item)

    def _work(self, log: SealLog) -> None:
        # What others wrote into the folder before is checked and covered first.
        self._update(size=log.size(), checkpoint=log.checkpoint(), behind_since=monotonic())
        self._try_publish(log)
        more = True
        while more:
            group, more = self._next_group()
            begun = monotonic()
            if self._state.stopped:
                for item in group:
                    self._refuse(item)
                continue
            if group:
                self._commit(log, group)
            elif self._state.behind_since is None:
                self._look(log)
            if self._state.behind_since is not None:
                self._try_publish(log)
            if more:
                sleep(max(0.0, begun + self._pause - monotonic()))

    def _next_group(self) -> tuple[list[_Item], bool]:
        """Return what has come in, and whether more may come; wait for the first."""
        group: list[_Item] = []
        count = 0
        wait = LOOK_SECONDS if self._state.behind_since is None else RETRY_SECONDS
        while count < MOST_AT_ONCE:
            try:
                item = self._queue.get_nowait() if group else self._queue.get(timeout=wait)
            except Empty:
                break
            if item is None:
                return group, False
            group.append(item)
            count += len(item[0])
        return group, True

    def _commit(self, log: SealLog, group: Sequence[_Item]) -> None:
        try:
            self._append_checked(log, self._let_in(log, group))
        except KonsensError as error:
            _LOG.warning("not appended", extra={"code": error.code})
            for item in group:
                self._answer(item, error)
        except BaseException:
            for item in group:
                self._refuse(item)
            raise

    def _let_in(self, log: SealLog, group: Sequence[_Item]) -> list[_Item]:
        """Refuse what cannot enter, and return the rest: nothing else is ever appended as checked."""
        good = []
        for item, error in zip(group, refusals(log, [leaves for leaves, _ in group]), strict=True):
            if error is None:
                good.append(item)
            else:
                self._answer(item, error)
        return good

    def _append_checked(self, log: SealLog, group: Sequence[_Item]) -> None:
        try:
            self._append(log, group)
        except (Conflict, InputError, VerificationError):
            for item in group:  # another process was quicker with a key of one of them: each alone
                try:
                    self._append(log, [item])
                except KonsensError as error:
                    self._answer(item, error)

    def _append(self, log: SealLog, group: Sequence[_Item]) -> None:
        joined = [leaf for leaves, _ in group for leaf in leaves]
        indices = log.append(LeavesUnderCheck.settled(joined, origin=log.origin))
        size = log.size()
        if size > self._state.size:
            self._update(size=size, behind_since=self._state.behind_since or monotonic())
        at = 0
        for item in group:
            self._answer(item, indices[at : at + len(item[0])])
            at += len(item[0])

    def _look(self, log: SealLog) -> None:
        """See whether another process has written into the log meanwhile."""
        known = self._state.checkpoint
        try:
            size, newest = log.size(), log.checkpoint()
        except (Locked, Unavailable):
            return  # whoever appends next is told
        except KonsensError as error:
            self._stop(error)
            return
        if size != self._state.size or (newest and newest.checkpoint) != (known and known.checkpoint):
            self._update(behind_since=monotonic())

    def _try_publish(self, log: SealLog) -> None:
        if self._state.stopped:
            return
        try:
            signed = self._publish(log)
        except (Locked, Unavailable) as error:
            _LOG.warning("not signed", extra={"code": error.code})
            self._update(problem=error)  # a full disk, another command of this home: later
        except KonsensError as error:
            self._stop(error)
        else:
            self._update(checkpoint=signed, size=log.size(), behind_since=None, problem=None)

    def _stop(self, error: KonsensError) -> None:
        _LOG.error("the writer has stopped", extra={"code": error.code})
        self._update(problem=error, stopped=True)

    def _refuse(self, item: _Item) -> None:
        self._answer(item, self._stopped())

    def _stopped(self) -> Unavailable:
        problem = self._state.problem
        return Unavailable("append.stopped", problem=problem.code if problem else "closed")

    def _answer(self, item: _Item, answer: list[int] | KonsensError) -> None:
        leaves, future = item
        if future.done():
            return
        self._update(waiting=-len(leaves))
        if future.cancelled() or not future.set_running_or_notify_cancel():
            return
        if isinstance(answer, KonsensError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def _update(self, *, waiting: int = 0, **changes: Any) -> None:
        with self._lock:
            changes["waiting"] = self._state.waiting + waiting
            if self._state.stopped:  # why it stopped stays, whatever was under way
                changes.pop("problem", None)
            self._state = msgspec.structs.replace(self._state, **changes)
