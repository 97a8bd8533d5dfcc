"""What the holder of the log key signed last, in a small file of its own in the operator's home.

A log folder that was restored from a backup has forgotten its newest entries. If the operator went on from
there, two logs would exist under one name. This file does not lie in the folder, so it remembers.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Literal

import msgspec

from .. import strict_json
from ..durable import sync
from ..encoding import from_hex, jcs
from ..errors import Damaged, InputError, Locked, Unavailable

__all__ = ["LastSigned", "SignerHead", "locked", "write_durably"]


class LastSigned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the home stands by: size and root up to its newest head leaf, and the head leaf to come."""

    origin: str
    size: int
    root: str
    intent: str | None = None
    """Leaf hash of the head leaf that was about to be written, and may have reached the log, or None."""
    v: Literal[1] = 1


class SignerHead:
    """The operator's own memory of one log, kept in one file.

    - It is on the medium before the checkpoint that it names is seen by anyone.
    - A head leaf is announced in it before it is written, so that after a crash the operator can tell its own
      from one that somebody else put into the folder.
    - Whoever changes it holds `locked()`: two commands of one home never sign at the same time.
    """

    def __init__(self, path: Path, *, wait: float = 10.0) -> None:
        self.path = path
        self._wait = wait

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes of this home from signing; `registry.busy` if one does not finish."""
        with locked(self.path, wait=self._wait):
            yield

    def load(self, origin: str) -> LastSigned | None:
        """Return what was signed last for `origin`, or None if there is no file yet."""
        with _reported():
            raw = self.path.read_bytes() if self.path.exists() else None
        if raw is None:
            return None
        try:
            signed = strict_json.decode(raw, LastSigned)
            from_hex(signed.root)
        except InputError as error:
            raise Damaged("registry.signer_head", file=self.path) from error
        if signed.origin != origin or signed.size < 0:
            raise Damaged("registry.signer_head", file=self.path)
        return signed

    def store(self, signed: LastSigned) -> None:
        """Write `signed` so that it is on the medium when this returns."""
        write_durably(self.path, jcs(msgspec.to_builtins(signed)) + b"\n", mode=0o600)


@contextmanager
def locked(path: Path, *, wait: float) -> Iterator[None]:
    """Keep everybody else out who changes the file `path` under this lock; `registry.busy` after `wait` s."""
    with _reported():
        handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        until = monotonic() + wait
        while not _try_lock(handle):
            if monotonic() > until:
                raise Locked("registry.busy")
            sleep(0.01)
        yield
    finally:
        os.close(handle)  # which lets go of the lock, as does the end of the process


def write_durably(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Replace the file `path` in one step: after a crash it is the old one or the new one, whole.

    The new one is on the medium, name included, when this returns.
    """
    fresh = path.with_name(path.name + ".new")
    with _reported():
        with suppress(FileNotFoundError):
            fresh.unlink()  # what a crash left; or a link that somebody put there, so it is not followed
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except BaseException:
            with suppress(OSError):
                fresh.unlink()
            raise
        sync(path.parent)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("registry.cannot_write", problem=error.strerror or error) from error
