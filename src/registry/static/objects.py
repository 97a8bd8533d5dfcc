"""Where static files lie: the few verbs that a folder, an object store or a mapping have in common.

>>> objects = MemoryObjects()
>>> objects.put([("tile/0/000.p/1", bytes(32))])
>>> objects.swap("checkpoint", None, b"the first")
>>> objects.list("tile/")
['tile/0/000.p/1']
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from threading import Lock
from typing import Protocol

from ...errors import Conflict, InputError

__all__ = ["MemoryObjects", "ObjectStore", "check_key"]

# Letters that mean the same in a path, a URL and a key of any object store, and no way up or into hiding.
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")
LONGEST_KEY = 200


class ObjectStore(Protocol):
    """Named bytes.

    - An object is there whole or not at all, whatever interrupts its writing.
    - What `put` or `swap` returned for is durable.
    - A key is one that `check_key` takes; another one raises `static.path`.
    - Where the store cannot be reached, cannot be read or cannot be written: `static.storage`.
    """

    def get(self, key: str) -> bytes | None:
        """Return the bytes of an object, or None."""

    def put(self, objects: Iterable[tuple[str, bytes]]) -> None:
        """Write objects, in any order, over what may be there."""

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        """Replace an object by `new` if it is `old` (None: not there); else `static.overtaken`.

        Of two who swap at the same time, one is told that it came too late.
        """

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, sorted; of an empty prefix or one that ends in `/`."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; what is not there already is passed over."""


class MemoryObjects:
    """Objects in a mapping, with the same promises as others except that they end with the process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        check_key(key)
        return self._objects.get(key)

    def put(self, objects: Iterable[tuple[str, bytes]]) -> None:
        for key, data in objects:
            check_key(key)
            self._objects[key] = data

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        check_key(key)
        with self._lock:
            if self._objects.get(key) != old:
                raise Conflict("static.overtaken", key=key)
            self._objects[key] = new

    def list(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        return sorted(key for key in list(self._objects) if key.startswith(prefix))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            check_key(key)
            self._objects.pop(key, None)


def check_key(key: str) -> None:
    """Raise `static.path` for a key that could mean something else as a path or a URL."""
    if len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
        raise InputError("static.path")


def check_prefix(prefix: str) -> None:
    """Raise `static.path` for a prefix that is neither empty nor a folder."""
    if prefix:
        check_key(prefix.removesuffix("/"))
        if not prefix.endswith("/"):
            raise InputError("static.path")
