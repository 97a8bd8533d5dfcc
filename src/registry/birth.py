"""When a file was made: what tells it from another one that was given the same inode number later.

ext4 gives the number of a deleted file to the next one that is made, so a log that was restored in its place
often has path and inode of the old one. The moment of birth is new, and no program can set it.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["birth_of"]

# statx(2): the arguments and offsets that are the same on every Linux.
AT_FDCWD, STATX_BTIME = -100, 0x800
MASK, BIRTH_SECONDS, BIRTH_NANOSECONDS, SIZE = slice(0, 4), slice(80, 88), slice(88, 92), 256


def birth_of(path: Path) -> int:
    """Return when the file at `path` was made, or 0 where the system does not tell.

    In microseconds: JSON has no room for the nanoseconds of this century (RFC 8785, section 3.2.2.3).
    """
    told = getattr(path.stat(), "st_birthtime", None)  # macOS, and Windows from Python 3.12 on
    return int(told * 1e6) if told is not None else _by_statx(path)


def _by_statx(path: Path) -> int:
    import ctypes
    from sys import byteorder

    found = ctypes.create_string_buffer(SIZE)
    try:
        failed = ctypes.CDLL(None).statx(AT_FDCWD, os.fsencode(path), 0, STATX_BTIME, found)
    except (AttributeError, OSError):  # another system, or a C library that does not know it
        return 0
    raw = found.raw
    if failed or not int.from_bytes(raw[MASK], byteorder) & STATX_BTIME:
        return 0
    seconds = int.from_bytes(raw[BIRTH_SECONDS], byteorder)
    return seconds * 10**6 + int.from_bytes(raw[BIRTH_NANOSECONDS], byteorder) // 1000
