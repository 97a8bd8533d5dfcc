"""Logs with any number of checkpoints, and their static files in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from konsens.registry import MemoryStore, SealLeaf, SealLog, SignerHead
from konsens.registry.static import MemoryObjects, ObjectStore, StaticLog, export, fetch_from
from tests.registry.logs import ORIGIN, POLICY, SIGNER, VKEY, later, public

Files = dict[str, bytes]


class GrowingLog:
    """A log in memory that is appended to and published step by step."""

    def __init__(self, home: Path) -> None:
        self.store = MemoryStore()
        self.log = SealLog(self.store, VKEY)
        home.mkdir(exist_ok=True)
        self._memory = SignerHead(home / "signed")
        self._documents = self._minutes = 0

    def grow(self, documents: int, *, seals: Sequence[SealLeaf] = ()) -> int:
        """Append public leaves and some seals, publish, and return the size of the checkpoint."""
        start, self._documents = self._documents, self._documents + documents
        self.log.append([*(public(number) for number in range(start, self._documents)), *seals])
        self._minutes += 1
        signed = self.log.publish(SIGNER, at=later(self._minutes), remembered=self._memory)
        return signed.checkpoint.size

    def entries(self) -> list[bytes]:
        return self.store.entries(0, self.store.size())


def grown(home: Path, *documents: int) -> GrowingLog:
    log = GrowingLog(home)
    for count in documents:
        log.grow(count)
    return log


def exported(log: GrowingLog) -> MemoryObjects:
    objects = MemoryObjects()
    export(log.store, objects, vkey=VKEY)
    return objects


def files_of(objects: MemoryObjects) -> Files:
    return {key: objects.get(key) or b"" for key in objects.list("")}


def objects_of(files: Files) -> MemoryObjects:
    objects = MemoryObjects()
    objects.put(files.items())
    return objects


def read(files: ObjectStore | Files) -> StaticLog:
    objects = objects_of(files) if isinstance(files, dict) else files
    log = StaticLog(fetch_from(objects), POLICY, origin=ORIGIN)
    log.checkpoint()
    return log
