"""Where a passphrase comes from: a descriptor, a file that nobody else may read, or the person.

Never from an argument, which every process of the machine could read. An empty one means "no passphrase".
"""

from __future__ import annotations

import os
import stat
import unicodedata

from konsens.errors import InputError, NotFound

__all__ = ["from_descriptor", "from_file", "normal"]

LONGEST = 4096


def from_descriptor(number: int) -> str:
    """Return the first line behind an open descriptor (`--passphrase-fd`)."""
    try:
        with os.fdopen(os.dup(number), "rb") as file:
            return normal(file.readline(LONGEST + 2))
    except OSError as error:
        raise InputError("input.passphrase_fd", number=number) from error


def from_file(path: str) -> str:
    """Return the first line of the file, without its newline.

    A file that others may read is refused (`input.passphrase_mode`): it would be no secret any more.
    """
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise InputError(
                    "input.passphrase_mode", path=path, mode=f"{stat.S_IMODE(found.st_mode):04o}"
                )
            return normal(file.readline(LONGEST + 2))
    except FileNotFoundError as error:
        raise NotFound("file.missing", path=path) from error
    except OSError as error:
        raise InputError("file.unreadable", path=path, reason=error.strerror) from error


def normal(line: bytes | str) -> str:
    """Return a passphrase in one spelling (NFC): two keyboards may write one letter differently."""
    try:
        text = line.decode("utf-8") if isinstance(line, bytes) else line
    except UnicodeDecodeError as error:
        raise InputError("input.passphrase_letters") from error
    text = text.removesuffix("\n").removesuffix("\r")
    if len(text) > LONGEST:
        raise InputError("input.passphrase_long", limit=LONGEST)
    return unicodedata.normalize("NFC", text)
