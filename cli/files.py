"""Files at the rim: read with a cap, write whole or not at all, never over what is there.

`-` is stdin or stdout everywhere.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

from konsens.durable import sync
from konsens.errors import Conflict, InputError, NotFound

__all__ = ["check_free", "read_input", "write_new"]

MAX_INPUT = 64 << 20


def read_input(path: str | Path, *, max_bytes: int = MAX_INPUT) -> bytes:
    """Return what the file, or stdin for `-`, holds.

    Raises `file.missing`, `file.unreadable` (a folder, no permission) or `input.too_large`. A pipe is read
    like a file, so `<(…)` works.
    """
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise NotFound("file.missing", path=path) from error
    except OSError as error:
        raise InputError("file.unreadable", path=path, reason=error.strerror) from error
    if len(data) > max_bytes:
        raise InputError("input.too_large", limit=max_bytes)
    return data


def check_free(path: str | Path, *, force: bool = False) -> None:
    """Raise unless `write_new` could write there: ask before an act that cannot be taken back.

    `file.exists` without `force`, `file.not_a_file` for a link, folder or device, `file.no_folder`,
    `file.unwritable`.
    """
    if str(path) == "-":
        return
    target = Path(path)
    try:
        found = target.lstat()
    except FileNotFoundError:
        if not target.parent.is_dir():
            raise NotFound("file.no_folder", path=target.parent) from None
        _check_takes_files(target)
        return
    except OSError as error:
        raise InputError("file.unwritable", path=path, reason=error.strerror) from error
    if not stat.S_ISREG(found.st_mode):
        raise Conflict("file.not_a_file", path=path)
    if not force:
        raise Conflict("file.exists", path=path)


def _check_takes_files(target: Path) -> None:
    """Make an empty draft and remove it: rights alone do not tell what a file system will do."""
    draft = target.with_name(f".{os.urandom(6).hex()}.part")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        draft.unlink()
    except OSError as error:
        raise InputError("file.unwritable", path=target, reason=error.strerror) from error


def write_new(path: str | Path, data: bytes, *, mode: int = 0o600, force: bool = False) -> None:
    """Write `data` to a new file, whole and durable or not at all; `-` is stdout.

    - Nothing is written over without `force`, not even a file that appears in the same moment.
    - A link, folder or device in that place is never followed, replaced or written to.
    - After a crash the file is there with all its bytes, or not there.
    """
    if str(path) == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    check_free(path, force=force)
    target = Path(path)
    draft = target.with_name(f".{target.name[:100]}.{os.urandom(6).hex()}.part")
    try:
        _write_draft(draft, data, mode)
        if force:
            draft.replace(target)
        else:
            _publish(draft, target, data, mode)
        with contextlib.suppress(OSError):  # not every system can; the file itself is already durable
            sync(target.parent)
    except FileExistsError as error:
        raise Conflict("file.exists", path=path) from error
    except OSError as error:
        raise InputError("file.unwritable", path=path, reason=error.strerror) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _write_draft(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
    with open(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _publish(draft: Path, target: Path, data: bytes, mode: int) -> None:
    """Give the draft its name. A hard link fails if the name is taken, which `rename` does not."""
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: exclusive creation is the next best
        try:
            _write_draft(target, data, mode)
        except FileExistsError:
            raise
        except OSError:
            target.unlink(missing_ok=True)
            raise
