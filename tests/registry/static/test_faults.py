"""An export is stopped anywhere: what is published can be read whole, and the next export goes on."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from konsens.errors import Unavailable
from konsens.registry import Registry
from konsens.registry.static import FolderObjects, MemoryObjects, export, prune

from ..logs import ORIGIN, SIGNER, VKEY, later, leaves, memory_of, public
from ..test_faults import in_a_child
from .logs import Files, GrowingLog, exported, files_of, grown, objects_of, read


class Stopping(MemoryObjects):
    """Objects whose n-th change fails, before or after it was made."""

    def __init__(self, files: Files, number: int, *, after: bool) -> None:
        super().__init__()
        self.left, self.after = len(files) + number, after
        self.put(files.items())

    def step(self, act: Callable[[], None]) -> None:
        self.left -= 1
        if self.left or self.after:
            act()
        if self.left == 0:
            raise Unavailable("static.storage", problem="stopped")

    def put(self, objects: Iterable[tuple[str, bytes]]) -> None:
        for one in objects:
            self.step(partial(super().put, [one]))

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        self.step(partial(super().swap, key, old, new))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.step(partial(super().delete, [key]))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> GrowingLog:
    """Make a log that fills a tile, after which two more checkpoints come."""
    log = grown(tmp_path_factory.mktemp("log"), 200, 20)
    log.published = files_of(exported(log))  # type: ignore[attr-defined]  # what an earlier export left
    for documents in (20, 300, 5):
        log.grow(documents)
    return log


def check_whole(files: Files, log: GrowingLog) -> None:
    """Read all that the published checkpoint covers."""
    if "checkpoint" not in files:
        return
    reader = read(files)
    assert reader.entries(0, reader.size) == log.entries()[: reader.size]
    for level in range(2):
        for index in range((reader.size >> 8 * level) // 256 + 1):
            if (reader.size >> 8 * level) > 256 * index:
                reader.tile(level, index)


@pytest.mark.parametrize("after", [False, True], ids=["before it was made", "after it was made"])
@pytest.mark.parametrize("published", [False, True], ids=["the first export", "a later one"])
def test_whichever_change_fails_the_next_export_completes_it(
    log: GrowingLog, published: bool, after: bool
) -> None:
    before: Files = log.published if published else {}  # type: ignore[attr-defined]  # see above
    complete = files_of(exported(log))
    for number in range(1, 100):
        objects = Stopping(before, number, after=after)
        with suppress(Unavailable):
            export(log.store, objects, vkey=VKEY)
        stopped = objects.left <= 0
        check_whole(files_of(objects), log)
        export(log.store, objects, vkey=VKEY)
        assert files_of(objects) == complete
        if not stopped:
            break
    assert number > 8


@pytest.mark.parametrize("after", [False, True], ids=["before it was made", "after it was made"])
def test_whichever_change_of_pruning_fails_the_next_one_completes_it(log: GrowingLog, after: bool) -> None:
    files = files_of(exported(log))
    complete = objects_of(files)
    assert prune(complete, vkey=VKEY, minimum=520) == 2
    for number in (1, 2, 3):
        objects = Stopping(files, number, after=after)
        with pytest.raises(Unavailable):
            prune(objects, vkey=VKEY, minimum=520)
        reader = read(objects)
        assert reader.entries(512, reader.size) == log.entries()[512:]
        prune(objects, vkey=VKEY, minimum=520)
        assert files_of(objects) == files_of(complete)


class Disk:
    """Stops at the n-th step that touches the disk, by an error or by SIGKILL."""

    def __init__(self, number: int, *, kill: bool) -> None:
        self.left, self.kill = number, kill

    @contextmanager
    def installed(self) -> Iterator[None]:
        def through(act: Callable[..., Any]) -> Callable[..., Any]:
            def stepped(*given: Any, **named: Any) -> Any:
                self.left -= 1
                if self.left == 0:
                    if self.kill:
                        os.kill(os.getpid(), signal.SIGKILL)
                    raise OSError(errno.EIO, "input/output error")
                return act(*given, **named)

            return stepped

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "open", through(os.open))
            patch.setattr(os, "fsync", through(os.fsync))
            for name in ("replace", "unlink", "mkdir", "rmdir"):
                patch.setattr(Path, name, through(getattr(Path, name)))
            yield


def folder_with(files: Files, place: Path) -> FolderObjects:
    objects = FolderObjects(place)
    for key, data in files.items():
        (place / key).parent.mkdir(parents=True, exist_ok=True)
        (place / key).write_bytes(data)
    return objects


@pytest.mark.parametrize("kill", [False, True], ids=["EIO", "SIGKILL"])
def test_whichever_step_on_the_disk_fails_the_next_export_completes_it(
    log: GrowingLog, tmp_path: Path, kill: bool
) -> None:
    before: Files = log.published  # type: ignore[attr-defined]  # see above
    complete = files_of(exported(log))
    for number in range(1, 300):
        folder = tmp_path / str(number)
        objects, disk = folder_with(before, folder), Disk(number, kill=kill)

        def act(objects: FolderObjects = objects, disk: Disk = disk) -> None:
            with disk.installed():
                export(log.store, objects, vkey=VKEY)

        if kill:
            finished = in_a_child(act)
        else:
            with suppress(Unavailable):
                act()
            finished = disk.left > 0
        found = {key: objects.get(key) or b"" for key in objects.list("")}
        check_whole(found, log)
        export(log.store, objects, vkey=VKEY)
        assert {key: objects.get(key) for key in objects.list("")} == complete
        if finished:
            break
    assert number > 60


def test_everything_is_on_the_medium_before_the_checkpoint_names_it(
    log: GrowingLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a loss of power could undo: bytes that no fsync has followed, and names in such a folder."""
    bytes_open: set[int] = set()
    names_open: set[str] = set()
    open_, sync, replace, mkdir = os.open, os.fsync, Path.replace, Path.mkdir

    def synced(handle: int) -> None:
        names_open.discard(os.readlink(f"/proc/self/fd/{handle}"))
        bytes_open.discard(os.fstat(handle).st_ino)
        sync(handle)

    def replaced(fresh: Path, target: Path) -> Path:
        assert fresh.stat().st_ino not in bytes_open
        if target.name == "checkpoint":
            assert names_open == set()
        names_open.add(str(target.parent))
        return replace(fresh, target)

    def made(folder: Path, *given: Any, **named: Any) -> None:
        names_open.add(str(folder.parent))
        mkdir(folder, *given, **named)

    def opened(path: Any, flags: int, *given: Any) -> int:
        handle = open_(path, flags, *given)
        if flags & os.O_WRONLY:
            bytes_open.add(os.fstat(handle).st_ino)
        return handle

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", synced)
        patch.setattr(Path, "replace", replaced)
        patch.setattr(Path, "mkdir", made)
        patch.setattr(os, "open", opened)
        export(log.store, FolderObjects(tmp_path / "public"), vkey=VKEY)
    assert (bytes_open, names_open) == (set(), set())


EXPORTER = """
import sys
from contextlib import closing
from pathlib import Path
from konsens.registry import SqliteStore, parse_vkey
from konsens.registry.static import FolderObjects, export
with closing(SqliteStore(Path(sys.argv[1]))) as store:
    print("ready", flush=True)
    while True:
        export(store, FolderObjects(Path(sys.argv[2])), vkey=parse_vkey(store.vkey))
"""


def kill_again_and_again(home: Path, rounds: int) -> None:
    """Let a log grow while exporters are killed at any moment; a reader follows and never meets a gap."""
    random.seed(rounds)
    folder, place = home / "registry", home / "public"
    with Registry.create(folder, origin=ORIGIN, signer=SIGNER) as registry:
        registry.append(leaves(0, 20))
        registry.publish(SIGNER, at=later(0), remembered=memory_of(folder))
        objects, follower = FolderObjects(place), None
        for turn in range(1, rounds + 1):
            child = subprocess.Popen(
                [sys.executable, "-c", EXPORTER, folder / "log.sqlite", place],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert child.stdout is not None
            child.stdout.readline()
            for step in range(5):
                start = 1000 * turn + 100 * step
                registry.append([public(number) for number in range(start, start + random.randint(1, 60))])
                registry.publish(SIGNER, at=later(turn), remembered=memory_of(folder))
                time.sleep(random.random() / 40)
            child.kill()
            child.wait()
            child.stdout.close()
            if objects.get("checkpoint"):
                follower = follower or read(objects)
                follower.checkpoint()
                entries = [entry for _, entry in islice(registry.events_since(0), follower.size)]
                assert follower.entries(0, follower.size) == entries
        export(registry._store, objects, vkey=VKEY)
        complete = MemoryObjects()
        export(registry._store, complete, vkey=VKEY)
        assert {key: objects.get(key) for key in objects.list("")} == files_of(complete)


def test_exporters_that_are_killed_leave_nothing_half_done(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 5)


@pytest.mark.long
def test_a_hundred_exporters_that_are_killed_leave_nothing_half_done(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 100)
