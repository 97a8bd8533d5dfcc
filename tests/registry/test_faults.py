"""The power goes, the disk fills, the process is killed: nothing is lost, nothing is half done."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from konsens.errors import Unavailable
from konsens.registry import Registry, check_checkpoint, fsck

from .logs import AT, ORIGIN, SIGNER, VKEY, later, leaf, leaves, make, memory_of, public

OLD = 250  # five more entries behind the head leaf fill a tile
NEW = leaves(300, 320)


class Stop:
    """Stops at the n-th step that touches the disk, before or after it, by an error or by SIGKILL."""

    def __init__(self, number: int, *, after: bool, kill: bool) -> None:
        self.number, self.after, self.kill = number, after, kill
        self.count = 0

    def step(self, act: Callable[[], Any], error: Exception) -> Any:
        self.count += 1
        if self.count != self.number:
            return act()
        if self.after:
            act()
        if self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        raise error

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let every statement, every flush and every renaming go through `step`."""
        step, connect = self.step, sqlite3.connect

        class Connection(sqlite3.Connection):
            def execute(self, *given: Any) -> Any:
                return step(lambda: super(Connection, self).execute(*given), disk_error())

            def executemany(self, *given: Any) -> Any:
                return step(lambda: super(Connection, self).executemany(*given), disk_error())

        def through_step(act: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *given: step(lambda: act(*given), OSError(errno.EIO, "input/output error"))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, factory=Connection, **k))
            patch.setattr(os, "fsync", through_step(os.fsync))
            patch.setattr(Path, "rename", through_step(Path.rename))
            patch.setattr(Path, "replace", through_step(Path.replace))
            yield


def disk_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


def append(folder: Path) -> None:
    with Registry.open(folder) as registry:
        registry.append([*NEW, public(1)])


def publish(folder: Path) -> None:
    with Registry.open(folder) as registry:
        registry.publish(SIGNER, at=later(5), remembered=memory_of(folder))


def create(folder: Path) -> None:
    Registry.create(folder, origin=ORIGIN, signer=SIGNER).close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a registry with a checkpoint, and one with leaves behind the checkpoint."""
    home = tmp_path_factory.mktemp("faults")
    make(home / "registry", seals=5, checkpoint=False)
    with Registry.open(home / "registry") as registry:
        registry.append([public(number) for number in range(100, 100 + OLD - 5)])
        registry.publish(SIGNER, at=AT, remembered=memory_of(home / "registry"))
    shutil.copytree(home, home.with_name("faults-appended"))
    append(home.with_name("faults-appended") / "registry")
    return home


def copy_for(act: Callable[[Path], None], prepared: Path, home: Path) -> Path:
    """Return a fresh registry in the state that `act` starts from."""
    shutil.rmtree(home, ignore_errors=True)
    if act is create:
        home.mkdir()
    else:
        shutil.copytree(prepared.with_name("faults-appended") if act is publish else prepared, home)
    return home / "registry"


def in_a_child(act: Callable[[], None]) -> bool:
    """Run `act` in a process of its own and return whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:  # whatever it is, this process must not become a second pytest
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def check_after(act: Callable[[Path], None], folder: Path) -> None:
    """Whatever happened: the folder is sound, and the same act, done again, comes to its end."""
    if folder.exists() or act is not create:
        assert fsck(folder, vkey=VKEY).failed == ()
        with Registry.open(folder) as registry:
            entered = registry.broken_many([one.seal for one in NEW])
            assert len(entered) in ({0} if act is create else {len(NEW)} if act is publish else {0, len(NEW)})
            shown = registry.checkpoint()
    else:
        create(folder)
        shown = None
    if act is append:
        append(folder)
    publish(folder)
    against = shown.note if shown else None
    assert fsck(folder, vkey=VKEY, against=against).failed == ()
    with Registry.open(folder) as registry:
        newest = registry.checkpoint()
        assert newest is not None
        assert check_checkpoint(newest.note, VKEY).size == registry.size()
        assert (folder / "checkpoint").read_text() == newest.note
        signed = memory_of(folder).load(ORIGIN)
        assert signed is not None
        assert (signed.size, signed.root) == (newest.checkpoint.size, newest.checkpoint.root.hex())
        if act is not create:
            assert [registry.find(one.seal) is not None for one in NEW] == [True] * len(NEW)
            assert registry.size() in (OLD + 1 + 21 + 1, OLD + 1 + 21 + 2)  # at most one head leaf more


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kill", [False, True], ids=["error", "kill -9"])
@pytest.mark.parametrize("act", [append, publish, create])
def test_stopped_at_any_step_it_recovers(
    act: Callable[[Path], None], kill: bool, after: bool, prepared: Path, tmp_path: Path
) -> None:
    number = 0
    while True:
        number += 1
        folder = copy_for(act, prepared, tmp_path / "home")
        stop = Stop(number, after=after, kill=kill)

        def run(stop: Stop = stop, folder: Path = folder) -> None:
            with stop.installed():
                act(folder)

        if kill:
            finished = in_a_child(run)
        else:
            finished = False
            with suppress(Unavailable):
                run()
                finished = True
        if finished:
            break
        check_after(act, folder)
    assert number > {"append": 8, "publish": 20, "create": 10}[act.__name__]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("order", range(4))
def test_stopped_again_and_again_at_other_steps_it_recovers(
    order: int, after: bool, prepared: Path, tmp_path: Path
) -> None:
    """Each time something new was appended, and nothing came to its end in between."""
    folder = copy_for(publish, prepared, tmp_path / "home")
    steps = list(range(1, 40)) * 2
    random.Random(order).shuffle(steps)
    for number in steps:
        with Registry.open(folder) as registry:
            registry.append([public(1000 + registry.size())])
        with Stop(number, after=after, kill=False).installed(), suppress(Unavailable):
            publish(folder)
        assert fsck(folder, vkey=VKEY).failed == ()
    publish(folder)
    assert fsck(folder, vkey=VKEY).failed == ()


@pytest.mark.parametrize("pages", range(12))
@pytest.mark.parametrize("act", [append, publish])
def test_a_full_database_takes_all_or_nothing(
    act: Callable[[Path], None], pages: int, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_for(act, prepared, tmp_path / "home")
    connect = sqlite3.connect

    def small(*given: Any, **named: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*given, **named)
        [used] = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {used + pages}")
        return db

    with monkeypatch.context() as patch, suppress(Unavailable):
        patch.setattr(sqlite3, "connect", small)
        act(folder)
    check_after(act, folder)


@pytest.mark.parametrize("share", range(0, 100, 9))
@pytest.mark.parametrize("act", [append, publish])
def test_a_full_disk_takes_all_or_nothing(
    act: Callable[[Path], None], share: int, prepared: Path, tmp_path: Path
) -> None:
    """No file may grow beyond a limit, that of the WAL included."""
    folder = copy_for(act, prepared, tmp_path / "home")

    def run() -> None:
        limit = share * 1000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with suppress(Unavailable):
            act(folder)

    assert in_a_child(run)
    check_after(act, folder)


def write_until_killed(folder: Path, start: int, report: int) -> None:
    """Append and publish without end, and report every number once it is acknowledged."""
    with Registry.open(folder) as registry:
        for number in range(start, 1_000_000):
            registry.append([leaf(number), leaf(-number), public(number)])
            os.write(report, b"%d\n" % number)
            if number % 3 == 0:
                registry.publish(SIGNER, at=later(number), remembered=memory_of(folder))


def kill_again_and_again(folder: Path, times: int) -> None:
    make(folder)
    chance, last = random.Random(times), 0
    for _ in range(times):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                write_until_killed(folder, last + 1, writing)
            finally:
                os._exit(1)
        os.close(writing)
        time.sleep(chance.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as acknowledged:
            lines = acknowledged.read().split()
        last = max([last, *map(int, lines)])
        with Registry.open(folder) as registry:
            for number in range(1, last + 1):
                assert registry.find(leaf(number).seal) is not None
                assert registry.find_public(public(number).digest) is not None
        assert fsck(folder, vkey=VKEY).failed == ()
    publish_at = later(1_000_000)
    with Registry.open(folder) as registry:
        registry.publish(SIGNER, at=publish_at, remembered=memory_of(folder))
    assert fsck(folder, vkey=VKEY).failed == ()
    assert last > times / 4  # it did get somewhere


def test_killed_forty_times_it_has_lost_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path / "registry", 40)


@pytest.mark.long
def test_killed_five_hundred_times_it_has_lost_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path / "registry", 500)
