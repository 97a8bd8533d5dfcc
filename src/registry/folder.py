"""A registry in a folder: `log.sqlite`, `vkey` (one line), `checkpoint` (the newest signed note), `cosigned`.

>>> import tempfile
>>> signer = NoteSigner("log.muster.example", bytes(32))
>>> folder = Path(tempfile.mkdtemp()) / "registry"
>>> with Registry.create(folder, origin="log.muster.example", signer=signer) as registry:
...     registry.append([PublicLeaf(bytes(32))])
[0]
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Self

import msgspec

from ..durable import sync
from ..errors import (
    Conflict,
    Damaged,
    InputError,
    NotTrusted,
    RefusedByPolicy,
    Unavailable,
    VerificationError,
)
from .birth import birth_of
from .checkpoint import SignedCheckpoint, check_checkpoint, check_origin, parse_signed_checkpoint
from .leaf import PublicLeaf, SealLeaf
from .log import SealLog
from .map_cache import MapCache
from .note import NoteSigner, VerifierKey, check_key_name, parse_vkey, render_vkey
from .signer_head import SignerHead, write_durably
from .sqlite import SqliteStore
from .tree import Frontier, leaf_hash

__all__ = ["Place", "Registry", "Remembered", "check_holds_all", "check_registry_origin"]

LOG, VKEY, CHECKPOINT, COSIGNED, MIRROR = "log.sqlite", "vkey", "checkpoint", "cosigned", "mirror.json"
MAP_CACHE = "map.cache"  # of a large log; it can be deleted at any time
LONGEST_ORIGIN = 200


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a home knows its own store to lie: the folder's absolute path, and inode and birth of its log.

    A birth of 0 is one that is not known.
    """

    path: str
    inode: int
    born: int = 0


class Remembered(msgspec.Struct, frozen=True):
    """What a home knows of a log: its key, a checkpoint it has seen, and the leaves it cares about."""

    vkey: VerifierKey
    size: int = 0
    root: bytes = b""
    leaves: Sequence[tuple[int, bytes]] = ()
    """Index and bytes of entries, in any order."""


class Registry(SealLog):
    """The log in a folder, for one machine and people who trust each other not to delete files.

    - It is the home's own store if path, inode and birth are those that the home recorded; else it is a copy,
      which still proves the past but says nothing about now, and in which nothing is written
      (`registry.copy`).
    - It belongs to the thread that opened it; every process and thread opens its own.
    """

    def __init__(self, folder: Path, store: SqliteStore, vkey: VerifierKey, place: Place | None) -> None:
        super().__init__(store, vkey, cache=MapCache(folder / MAP_CACHE))
        self._sqlite = store
        self.folder = folder
        self._log = folder / LOG
        here = Place(str(folder.resolve()), self._log.stat().st_ino, birth_of(self._log))
        self.place = place or here
        self._moved = (self.place.path, self.place.born or here.born) != (here.path, here.born)

    @classmethod
    def create(cls, folder: Path, *, origin: str, signer: NoteSigner) -> Registry:
        """Make an empty log in a new folder. Raises `registry.origin`, or `registry.exists`.

        The folder appears whole or not at all.
        """
        check_registry_origin(origin)
        if signer.name != origin:
            raise InputError("registry.origin", origin=origin)
        folder = folder.absolute()
        fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise Conflict("registry.exists", folder=folder)
            folder.parent.mkdir(parents=True, exist_ok=True)
            fresh.mkdir()
            vkey = render_vkey(signer.vkey)
            SqliteStore.create(fresh / LOG, vkey=vkey).close()
            write_durably(fresh / VKEY, f"{vkey}\n".encode())
            fresh.rename(folder)
            sync(folder.parent)
        except OSError as error:
            raise Unavailable("registry.cannot_write", problem=error.strerror or error) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path, *, place: Place | None = None, wait: float = 10.0) -> Registry:
        """Open the log in `folder`; `place` is where the home knows it to lie, if it knows one.

        Raises `registry.not_found`, `registry.not_a_log`, `registry.newer` or `registry.vkey`. Nothing is
        verified here: the signatures of the past are `fsck`'s, those of a proof its reader's.
        """
        folder = folder.absolute()
        store = SqliteStore(folder / LOG, wait=wait)
        try:
            return cls(folder, store, _read_vkey(folder, store), place)
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_copy(self) -> bool:
        """Whether this is not the store that the home knows, or no longer lies in its place."""
        try:
            # As long as it is open here, its inode is given to no other file.
            return self._moved or self._log.stat().st_ino != self.place.inode
        except OSError:
            return True

    def check_own(self, *, size: int = 0) -> None:
        """Raise unless the moment of reading may count as now.

        `registry.copy` if this is a copy, `registry.rolled_back` if it is shorter than `size`, the most
        that the home has seen: an older state may have been written over the log where it lies.
        """
        if self.is_copy:
            raise Unavailable("registry.copy", folder=self.folder)
        if size and (now := self.size()) < size:
            raise Damaged("registry.rolled_back", size=now, remembered=size)

    def look(self, seals: Sequence[bytes], *, size: int = 0) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken now, or raise as `check_own` does.

        Length and breaks are of one moment.
        """
        self.check_own()
        now, broken = self._sqlite.look(seals)
        if now < size:
            raise Damaged("registry.rolled_back", size=now, remembered=size)
        return broken

    @property
    def is_mirror(self) -> bool:
        """Whether this is somebody's verified copy of another log, in which nothing is written but that."""
        return (self.folder / MIRROR).exists()

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> list[int]:
        self._check_writable()
        return super().append(leaves)

    def publish(self, signer: NoteSigner, *, at: datetime, remembered: SignerHead) -> SignedCheckpoint:
        self._check_writable()
        return super().publish(signer, at=at, remembered=remembered)

    def cosigned(self) -> str | None:
        try:
            return (self.folder / COSIGNED).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable("registry.cannot_write", problem=error) from error

    def keep_cosigned(self, note: str) -> None:
        """Keep a checkpoint of this log with cosignatures, durably; proofs that are made now carry them.

        Raises `registry.not_yet_checkpointed` unless it is one that was published here. A note about an
        older checkpoint than the one kept is passed over.
        """
        given = check_checkpoint(note, self.vkey)
        if (given.size, given.root) != (given.size, self._published_root(given.size)):
            raise Unavailable("registry.not_yet_checkpointed", index=given.size - 1)
        kept = -1
        with suppress(InputError):
            kept = parse_signed_checkpoint(self.cosigned() or "").checkpoint.size
        if kept <= given.size:
            write_durably(self.folder / COSIGNED, note.encode())
        self.refresh()

    def _published_root(self, size: int) -> bytes | None:
        """Return the root of the published checkpoint of `size` entries."""
        found = next(iter(self._store.checkpoints(size)), None)
        return None if found is None else parse_signed_checkpoint(found[1]).checkpoint.root

    def _check_writable(self) -> None:
        if self.is_mirror:
            raise RefusedByPolicy("registry.mirror", folder=self.folder)
        self.check_own()

    def _show(self, note: str) -> None:
        path, data = self.folder / CHECKPOINT, note.encode()
        if not (path.is_file() and path.read_bytes() == data):
            write_durably(path, data)


def check_registry_origin(origin: str) -> None:
    """Raise `registry.origin` unless a log may bear this name.

    It is a key name (no spaces, control characters or plus), does not begin with `konsens/`, which other
    signed texts begin with, and has at most 200 letters.
    """
    try:
        check_origin(origin)
        check_key_name(origin)
        origin.encode()
    except (InputError, UnicodeEncodeError) as error:
        raise InputError("registry.origin", origin=origin) from error
    if len(origin) > LONGEST_ORIGIN or not origin.isprintable():
        raise InputError("registry.origin", origin=origin)


def check_holds_all(folder: Path, remembered: Remembered) -> Place:
    """Return the place of `folder`, once it holds all that the home remembers of this log.

    Raises `registry.other_key` for another key, `registry.rolled_back` if it is shorter, `registry.fork` if
    it is another log under the same key, and `registry.missing_leaf` if a leaf is not where it was. The tree
    is computed from the entries themselves.
    """
    with Registry.open(folder) as registry:
        if registry.vkey != remembered.vkey:
            raise NotTrusted("registry.other_key", origin=remembered.vkey.name)
        size = registry.size()
        if size < remembered.size:
            raise Damaged("registry.rolled_back", size=size, remembered=remembered.size)
        frontier = Frontier()
        frontier.extend(leaf_hash(e) for _, e in islice(registry.events_since(0), remembered.size))
        if remembered.size and frontier.root() != remembered.root:
            raise Damaged("registry.fork", size=remembered.size)
        for index, leaf in remembered.leaves:
            if index >= size or registry.entry(index) != leaf:
                raise Damaged("registry.missing_leaf", index=index)
        return registry.place


def _read_vkey(folder: Path, store: SqliteStore) -> VerifierKey:
    """Return the key in the file `vkey`, which must be the one that the log was made with."""
    try:
        line = (folder / VKEY).read_text("utf-8", "replace").removesuffix("\n")
        if line != store.vkey:
            raise InputError("note.vkey")
        return parse_vkey(line)
    except (OSError, InputError, VerificationError) as error:
        raise Damaged("registry.vkey", folder=folder) from error
