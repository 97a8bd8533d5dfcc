"""Watching the seals that a company or a wallet cares about, through a mirror of the log.

>>> import tempfile
>>> from pathlib import Path
>>> from konsens.registry import NoteSigner
>>> from konsens.registry.mirror import Mirror
>>> home, log = Path(tempfile.mkdtemp()), NoteSigner("log.muster.example", bytes(32))
>>> monitor = Monitor(Mirror.open(home / "mirror", vkey=log.vkey), home / "monitor.sqlite")
>>> monitor.watch([bytes(32)])
>>> monitor.watched()
1
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec

from ...errors import InputError, KonsensError, VerificationError
from ..checkpoint import Checkpoint
from ..folder import Registry
from ..leaf import SealLeaf, check_seal_leaf, parse_leaf
from ..policy import Policy, check_fresh
from .follow import Mirror
from .source import Source
from .watch import WatchFile

__all__ = ["Break", "Monitor", "Polled", "Problem"]

ENTRIES_AT_ONCE = 4096
MOST_AHEAD = 1 << 16  # entries beyond the checkpoint that are looked at in one poll
ONLINE = timedelta(minutes=15)


class Break(msgspec.Struct, frozen=True):
    """A watched seal is broken, by the leaf at `index`.

    `checkpoint` is the size of the first checkpoint that covers the leaf, None while there is none: then it
    is told by the leaf alone, which only the owner of the key could make. `since` is the time of the head
    leaf before it, from which a break counts; None before the first one.
    """

    seal: bytes
    index: int
    checkpoint: int | None
    since: datetime | None


class Problem(msgspec.Struct, frozen=True):
    """What was wrong with the log, by its code, and when that was first seen."""

    error: KonsensError
    first: datetime


class Polled(msgspec.Struct, frozen=True):
    """What one poll found; `checkpoint` is the newest one up to which everything was verified."""

    checkpoint: Checkpoint | None
    breaks: tuple[Break, ...]
    problems: tuple[Problem, ...]

    def raise_if_any(self) -> None:
        """Raise the first problem."""
        for problem in self.problems:
            raise problem.error


class Monitor:
    """A list of seals, and what a log says about them.

    - A break is found in the first poll after its leaf is in the log. Where the log is in trouble and cannot
      be mirrored, one poll looks at 65,536 further entries and the next one goes on from there.
    - It is told in every poll until it is settled, so none is lost between finding and telling.
    - Nobody learns which seals are watched: entries are fetched, never seals.
    - It belongs to the thread that opened it.
    """

    def __init__(self, mirror: Mirror, path: Path, *, wait: float = 10.0) -> None:
        """Watch through `mirror`; the memory is in the file `path`, or begins there."""
        self.mirror = mirror
        self._file = WatchFile(path, wait=wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, seals: Iterable[bytes]) -> None:
        """Watch these seals, too; one that is broken already is told in the next poll."""
        new = list(seals)
        if any(len(seal) != 32 for seal in new):
            raise InputError("monitor.seal")
        with self._file.step():
            self._file.add(new)
            self._file.set_ahead(0)
            self._file.note_breaks(self.mirror.broken_many(new).items())

    def unwatch(self, seals: Iterable[bytes]) -> None:
        """Watch these no longer."""
        with self._file.step():
            self._file.remove(list(seals))

    def watched(self) -> int:
        """Return how many seals are watched."""
        return self._file.count()

    def poll(
        self,
        source: Source,
        *,
        at: datetime,
        policy: Policy | None = None,
        max_age: timedelta = ONLINE,
        jobs: int = 0,
    ) -> Polled:
        """Follow the log, and return what is to be told.

        The problems are those of `Mirror.follow`, and with `policy` those of `Policy.check` and
        `check_fresh`: `policy.quorum_missing`, `checkpoint.stale`, `checkpoint.untimed`, `checkpoint.future`.
        """
        errors: list[KonsensError] = []
        try:
            followed = self.mirror.follow(source, at=at, policy=policy, jobs=jobs)
            if policy is not None:
                check_fresh(policy.check(followed.note), at=at, max_age=max_age)
        except KonsensError as error:
            errors.append(error)
        self._compare()
        broken, stopped = self._look_ahead(source, errors)
        with self._file.step():
            self._file.note_breaks(broken)
            self._file.set_ahead(stopped)
            problems = [self._problem(error, at) for error in errors]
        newest = self.mirror.checkpoint()
        breaks = self._told(self._file.untold())
        return Polled(newest.checkpoint if newest else None, breaks, tuple(problems))

    def settle(self, breaks: Iterable[Break]) -> None:
        """Say that whoever had to know of these does; they are not told again."""
        with self._file.step():
            self._file.settle([one.seal for one in breaks])

    def close(self) -> None:
        """Let go of the memory; the mirror stays open."""
        self._file.close()

    def _compare(self) -> None:
        """Compare the entries that are new in the mirror with what is watched."""
        start = self._file.seen()
        while entries := self.mirror.entries(start, start + ENTRIES_AT_ONCE):
            broken = _seals(entries, start)
            watched = self._file.among(list(broken))
            start += len(entries)
            with self._file.step():
                self._file.note_breaks((seal, broken[seal].index) for seal in watched)
                self._file.set_seen(start)

    def _look_ahead(self, source: Source, errors: list[KonsensError]) -> tuple[list[tuple[bytes, int]], int]:
        """Return the watched seals that leaves beyond the mirror break, each checked by itself.

        It goes on from where the last poll stopped, from the end back to the mirror, round and round: nobody
        has signed what lies there, so it may change. The second value says where it stopped.
        """
        found: list[tuple[bytes, int]] = []
        here = self.mirror.size
        first = start = max(self._file.ahead(), here)
        stop = first + MOST_AHEAD
        try:
            while start < stop:
                entries = source.entries(start, min(start + ENTRIES_AT_ONCE, stop))
                if entries:
                    found += self._broken_by(entries, start, errors)
                    start += len(entries)
                elif start >= first:
                    start, stop = here, min(first, here + stop - start)
                else:
                    break
        except KonsensError as error:
            if not errors:  # else the source has failed before
                errors.append(error)
        return found, start

    def _broken_by(
        self, entries: Sequence[bytes], start: int, errors: list[KonsensError]
    ) -> list[tuple[bytes, int]]:
        """Return the watched seals that these entries break with a good signature."""
        found, broken = [], _seals(entries, start)
        for seal in self._file.among(list(broken)):
            try:
                check_seal_leaf(broken[seal].leaf, origin=self.mirror.vkey.name)
                found.append((seal, broken[seal].index))
            except VerificationError as error:
                errors.append(error)
        return found

    def _problem(self, error: KonsensError, at: datetime) -> Problem:
        first = self._file.note_problem(error.code, int(at.timestamp()))
        return Problem(error, datetime.fromtimestamp(first, UTC))

    def _told(self, rows: Sequence[tuple[bytes, int]]) -> tuple[Break, ...]:
        if not rows:
            return ()
        told = []
        with Registry.open(self.mirror.folder) as registry:
            for seal, index in rows:
                covering = next(iter(self.mirror.checkpoints(index + 1)), None)
                told.append(Break(seal, index, covering and covering[0], registry.head_before(index)))
        return tuple(told)


class _Broken(msgspec.Struct, frozen=True):
    index: int
    leaf: SealLeaf


def _seals(entries: Sequence[bytes], start: int) -> dict[bytes, _Broken]:
    """Return the seals that entries break, each by its first leaf."""
    found: dict[bytes, _Broken] = {}
    for index, entry in enumerate(entries, start):
        try:
            leaf = parse_leaf(entry)
        except InputError:
            continue
        if isinstance(leaf, SealLeaf):
            found.setdefault(leaf.seal, _Broken(index, leaf))
    return found
