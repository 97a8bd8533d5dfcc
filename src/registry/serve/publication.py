"""From a signed checkpoint to one that everybody sees: witnesses are asked, then the static files follow.

It runs beside the writer, in a thread of its own: a witness that is slow keeps no leaf waiting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from ...errors import KonsensError, Unavailable
from ..checkpoint import SignedCheckpoint
from ..folder import Registry
from ..policy import Policy
from ..static import ObjectStore, depth_for, export, export_map, parse_map_name
from ..static.map_files import NEWEST as NEWEST_MAP
from ..tree import consistency_path
from ..witness import Answer, Collected, Transport, collect
from .group_commit import State

if TYPE_CHECKING:
    from ..postgres import PostgresLog

__all__ = ["Publication", "Published", "Watched"]

_LOG = logging.getLogger(__name__)

FEWEST_NEW, NEW_SHARE = 1024, 100  # a hundredth of the log is read in the time that a bucket or two take


class Watched(Protocol):
    """Whoever knows how far the log is signed."""

    @property
    def state(self) -> State:
        """What it knows now."""


class Published(msgspec.Struct, frozen=True):
    """How far the public files are."""

    size: int = 0
    answers: tuple[Answer, ...] = ()
    """What came of each witness in the last round."""
    quorum: bool = False
    problem: KonsensError | None = None
    """Why the files could not be brought up to the newest checkpoint."""
    behind_since: float | None = None
    """Since when, by the monotonic clock, the newest checkpoint has not been shown."""


class Publication:
    """Brings cosignatures and static files up to the writer's newest checkpoint, again and again.

    - A checkpoint is shown with the cosignatures that came in time, be they a quorum or not: a reader's own
      policy says what is enough for him, and an operator without witnesses must not be able to say less.
    - An idle log asks for new cosignatures of the checkpoint that it has, every `renew` seconds, and
      writes nothing into the log.
    - If a witness has seen a longer log than this or another one (`witness.ahead`, `witness.inconsistent`),
      `alarm` is told, and nothing more is shown: a person has to look.
    """

    def __init__(
        self,
        open_log: Callable[[], Registry | PostgresLog],
        objects: ObjectStore,
        writer: Watched,
        *,
        policy: Policy | None = None,
        transport: Transport | None = None,
        pause: float = 1.0,
        renew: float = 300.0,
        timeout: float = 5.0,
        alarm: Callable[[KonsensError], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._open_log, self._objects, self._writer = open_log, objects, writer
        self._policy = policy if policy is not None and policy.witnesses else None
        self._transport = transport
        self._pause, self._renew, self._timeout = pause, renew, timeout
        self._alarm, self._alarmed = alarm, False
        self._now = now
        self._end = Event()
        self._thread = Thread(target=self._run, name="publication", daemon=True)
        self.state = Published()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Publish what is there, and end."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        log: Registry | PostgresLog | None = None
        asked, shown, ending = 0.0, "", False
        while not ending:
            ending = self._end.wait(self._pause)
            if self._alarmed:
                continue
            newest = self._writer.state.checkpoint
            renew = self._policy is not None and monotonic() - asked > self._renew
            if newest is None or (newest.note == shown and not renew):
                continue
            asked = monotonic()
            if newest.note != shown and self.state.behind_since is None:
                self.state = msgspec.structs.replace(self.state, behind_since=asked)
            try:
                log = log or self._open_log()
                self._publish(log, newest)
            except KonsensError as error:
                if self.state.problem is None or self.state.problem.code != error.code:
                    _LOG.warning("not published", extra={"code": error.code})
                self.state = msgspec.structs.replace(self.state, problem=error)
            except Exception as error:  # a bug of ours: the next round may do better
                _LOG.exception("not published")
                problem = Unavailable("static.storage", problem=type(error).__name__)
                self.state = msgspec.structs.replace(self.state, problem=problem)
            else:
                shown = newest.note
        if log is not None:
            log.close()

    def _publish(self, log: Registry | PostgresLog, newest: SignedCheckpoint) -> None:
        collected, note = self._collect(log, newest), newest.note
        if collected is not None:
            note = collected.note
            _tell_changes(self.state.answers, collected.answers)
            self.state = msgspec.structs.replace(
                self.state, answers=collected.answers, quorum=collected.quorum
            )
            self._heed(log, collected)
            log.keep_cosigned(note)
        signed = export(log.store, self._objects, vkey=log.vkey, note=note)
        self._export_map(log, signed.checkpoint.size)
        _LOG.info("published", extra={"size": signed.checkpoint.size})
        self.state = msgspec.structs.replace(
            self.state, size=signed.checkpoint.size, problem=None, behind_since=None
        )

    def _heed(self, log: Registry | PostgresLog, collected: Collected) -> None:
        """Raise the alarm if a witness contradicts the log."""
        for error in (answer.error for answer in collected.answers):
            # Another process of this operator may have shown a newer checkpoint of the same log meanwhile.
            ahead = error and error.code == "witness.ahead" and int(str(error.facts["size"])) > log.size()
            if error and (ahead or error.code == "witness.inconsistent"):
                self._alarmed = True
                self._alarm(error)
                raise error

    def _export_map(self, log: Registry | PostgresLog, size: int) -> None:
        """Export the seal map once so much is new that reading it would be a burden for small parties."""
        newest = self._objects.get(NEWEST_MAP)
        old = parse_map_name(newest).size if newest is not None else 0
        if old and size - old < max(FEWEST_NEW, old // NEW_SHARE):
            return
        depth = depth_for(log.store.row_count(0))
        export_map(log.seals_at(size), log.store.rows, self._objects, size=size, depth=depth)

    def _collect(self, log: Registry | PostgresLog, newest: SignedCheckpoint) -> Collected | None:
        if self._policy is None or self._transport is None:
            return None
        size, nodes = newest.checkpoint.size, log.nodes()
        return collect(
            newest,
            self._policy,
            prove=lambda old: consistency_path(old, size, nodes),
            transport=self._transport,
            at=self._now(),
            before=log.cosigned(),
            timeout=self._timeout,
        )


def _tell_changes(before: Sequence[Answer], now: Sequence[Answer]) -> None:
    """Log which witnesses have begun or ceased to cosign."""
    known = {answer.witness: answer.error and answer.error.code for answer in before}
    for answer in now:
        code = answer.error and answer.error.code
        if code and known.get(answer.witness) != code:
            _LOG.warning("a witness does not cosign", extra={"witness": answer.witness, "code": code})
        elif not code and known.get(answer.witness):
            _LOG.info("a witness cosigns again", extra={"witness": answer.witness})
