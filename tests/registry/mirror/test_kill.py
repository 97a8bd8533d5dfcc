"""A mirror is killed, or its disk fails, anywhere: what it has stays true, and the next time it goes on."""

from __future__ import annotations

import errno
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from konsens.errors import Unavailable
from konsens.registry import Registry, fsck
from konsens.registry.mirror import Mirror, cosign_copy, fetch, map_cosigner

from ..logs import AT, VKEY, public
from .sources import ListSource, block, honest

MAP = map_cosigner("mirror.example", b"M" * 32)


def long_log() -> list[bytes]:
    entries = [public(number).entry for number in range(700)]
    return block(block(entries, 0, 10), 10, 18, minutes=1)


LONG = long_log()


def follow(folder: Path) -> None:
    with Mirror.open(folder, vkey=VKEY) as mirror:
        mirror.follow(ListSource(LONG), at=AT)
        cosign_copy(mirror, [MAP], at=AT)


def check_after(folder: Path) -> None:
    """Whatever happened: a sound beginning of the log is there, and the next time brings the rest."""
    if folder.exists():
        assert fsck(folder, vkey=VKEY).failed == ()
        with Mirror.open(folder, vkey=VKEY) as mirror:
            assert mirror.entries(0, len(LONG)) == LONG[: mirror.size]
            newest = mirror.checkpoint()
            assert newest is None or newest.checkpoint.size <= mirror.size
    follow(folder)
    assert fsck(folder, vkey=VKEY).failed == ()
    with Registry.open(folder) as registry:
        assert [entry for _, entry in registry.events_since(0)] == LONG
        newest = registry.checkpoint()
        assert newest is not None
        assert len(newest.note.splitlines()) == 6


class Failing:
    """Fails, or kills, at the n-th step that touches the disk."""

    def __init__(self, number: int, *, kill: bool) -> None:
        self.number, self.kill, self.count = number, kill, 0

    def step(self, act: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count == self.number:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(errno.EIO, "input/output error")
        return act()

    @contextmanager
    def installed(self) -> Iterator[None]:
        step, connect = self.step, sqlite3.connect

        class Connection(sqlite3.Connection):
            def execute(self, *given: Any) -> Any:
                try:
                    return step(lambda: super(Connection, self).execute(*given))
                except OSError as error:
                    raise disk_error() from error

        def through(act: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *given: step(lambda: act(*given))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, factory=Connection, **k))
            patch.setattr(os, "fsync", through(os.fsync))
            patch.setattr(Path, "rename", through(Path.rename))
            patch.setattr(Path, "replace", through(Path.replace))
            patch.setattr(fetch, "ENTRIES_AT_ONCE", 200)
            yield


def disk_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


def steps() -> int:
    """Return how many steps a mirror takes from nothing to its cosignature."""
    counting = Failing(0, kill=False)
    with TemporaryDirectory() as home, counting.installed():
        follow(Path(home) / "mirror")
    return counting.count


def fail_at(number: int, folder: Path, *, kill: bool) -> None:
    failing = Failing(number, kill=kill)
    if not kill:
        with failing.installed(), suppress(Unavailable):
            follow(folder)
        return
    child = os.fork()
    if child == 0:
        with failing.installed(), suppress(BaseException):
            follow(folder)
        os._exit(0)
    os.waitpid(child, 0)


def every(numbers: range, folder: Path, *, kill: bool) -> None:
    for number in numbers:
        rmtree(folder, ignore_errors=True)
        fail_at(number, folder, kill=kill)
        check_after(folder)


@pytest.mark.parametrize("kill", [False, True], ids=["the disk fails", "killed"])
def test_a_mirror_that_is_stopped_at_a_step_goes_on(kill: bool, tmp_path: Path) -> None:
    count = steps()
    assert count > 60
    every(range(1 + kill, count + 1, 12), tmp_path / "mirror", kill=kill)


@pytest.mark.long
@pytest.mark.parametrize("kill", [False, True], ids=["the disk fails", "killed"])
def test_a_mirror_that_is_stopped_at_any_step_goes_on(kill: bool, tmp_path: Path) -> None:
    every(range(1, steps() + 1), tmp_path / "mirror", kill=kill)


def kill_in_loops(folder: Path, loops: int) -> None:
    """Kill one mirror again and again while the log grows, each time for it to go on."""
    entries, picks = honest(1), random.Random(7)
    killed = 0
    for loop in range(loops):
        entries = block(entries, 10 * loop + 10, 10 * loop + 20, minutes=loop)
        child = os.fork()
        if child == 0:
            with suppress(BaseException), Mirror.open(folder, vkey=VKEY) as mirror:
                mirror.follow(ListSource(entries), at=AT)
                cosign_copy(mirror, [MAP], at=AT)
            os._exit(0)
        time.sleep(picks.uniform(0.001, 0.04))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        if folder.exists():
            assert fsck(folder, vkey=VKEY).failed == ()
            with Mirror.open(folder, vkey=VKEY) as mirror:
                assert mirror.entries(0, len(entries)) == entries[: mirror.size]
    assert killed
    with Mirror.open(folder, vkey=VKEY) as mirror:
        assert mirror.follow(ListSource(entries), at=AT).checkpoint.size == len(entries)
        assert mirror.state().found is None


def test_a_mirror_that_is_killed_while_it_follows_goes_on(tmp_path: Path) -> None:
    kill_in_loops(tmp_path / "mirror", 12)


@pytest.mark.long
def test_a_mirror_that_is_killed_a_hundred_times_goes_on(tmp_path: Path) -> None:
    kill_in_loops(tmp_path / "mirror", 100)
