"""Static files in a folder, as any web server shows them.

>>> from tempfile import mkdtemp
>>> objects = FolderObjects(Path(mkdtemp()) / "public")
>>> objects.put([("tile/0/x001/067", bytes(8192))])
>>> objects.list("tile/0/")
['tile/0/x001/067']
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...durable import sync
from ...errors import Conflict, Unavailable
from .objects import check_key, check_prefix

__all__ = ["FolderObjects"]

FRESH = ".new"  # no key begins with a dot, so it is never taken for an object


class FolderObjects:
    """Objects as files below a folder; see `ObjectStore` for the rules.

    - A file is written under another name, flushed, and then renamed: readers see the old one or the new one.
    - One process writes at a time; it waits for the other one's batch. Readers wait for nobody.
    """

    def __init__(self, folder: Path) -> None:
        """Keep objects below `folder`, which is made when the first one is written."""
        self.folder = folder.absolute()

    def get(self, key: str) -> bytes | None:
        check_key(key)
        with _reported():
            try:
                return (self.folder / key).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def put(self, objects: Iterable[tuple[str, bytes]]) -> None:
        with _reported(), self._alone():
            named = set()
            for key, data in objects:
                check_key(key)
                named.add(self._write(self.folder / key, data))
            for folder in named:
                sync(folder)

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        with _reported(), self._alone():
            if self.get(key) != old:
                raise Conflict("static.overtaken", key=key)
            sync(self._write(self.folder / key, new))

    def list(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        with _reported():
            found = (self.folder / prefix).rglob("[!.]*")
            return sorted(str(path.relative_to(self.folder)) for path in found if path.is_file())

    def delete(self, keys: Iterable[str]) -> None:
        with _reported(), self._alone():
            for key in keys:
                check_key(key)
                path = self.folder / key
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
                self._remove_empty(path.parent)

    def _remove_empty(self, folder: Path) -> None:
        """Remove folders that hold nothing any more, like `067.p`: they would be shown, or be in the way."""
        while folder != self.folder:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _write(self, path: Path, data: bytes) -> Path:
        """Write one file, and return the folder whose names are not durable yet."""
        make_folder(path.parent)
        fresh = self.folder / FRESH
        with suppress(FileNotFoundError):
            fresh.unlink()  # what a crash left; or a link that somebody put there, so it is not followed
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return path.parent

    @contextmanager
    def _alone(self) -> Iterator[None]:
        make_folder(self.folder)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # which lets go of the lock, as does the end of the process


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durable names included."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("static.storage", problem=error.strerror or error) from error
