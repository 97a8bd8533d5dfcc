"""The bundle's outer shell: a zip that has exactly one spelling.

Stored, names sorted by their bytes, ASCII, dated 1980-01-01 00:00:00, mode 0644, version 2.0, made on
Unix, no flags, no extra fields, no comments. Because a zip with the same files can be written in just one
way, a reader rebuilds it and compares: a byte changed anywhere, in a header too, is found.
"""

from __future__ import annotations

import errno
import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from ..errors import Damaged, InputError

__all__ = ["MAX_BYTES", "MAX_FILES", "Container", "read_container", "write_container"]

MAX_BYTES = 2 << 30
MAX_FILES = 500_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,2}")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Container:
    """The files of a bundle, read one at a time from a zip that was found canonical."""

    def __init__(self, archive: zipfile.ZipFile, stream: IO[bytes]) -> None:
        self._archive, self._stream = archive, stream
        self.names = tuple(archive.namelist())
        self._known = frozenset(self.names)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def read(self, name: str) -> bytes:
        """Return the bytes of one file, or raise `bundle.file_missing`."""
        if name not in self._known:
            raise Damaged("bundle.file_missing", file=name)
        return self._archive.read(name)

    def close(self) -> None:
        """Let go of the file."""
        self._archive.close()
        self._stream.close()

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_container(files: Mapping[str, bytes] | Iterable[tuple[str, bytes]], into: IO[bytes]) -> None:
    """Write the canonical zip of `files`; an iterable must come sorted by name already.

    `ValueError` for a name that no bundle has: only our own code could pass one.
    """
    pairs = sorted(files.items()) if isinstance(files, Mapping) else files
    last = ""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name, data in pairs:
            if not _NAME.fullmatch(name) or name <= last:
                raise ValueError(f"no bundle holds {name!r} here")
            archive.writestr(_entry(name), data)
            last = name


def read_container(source: Path | bytes) -> Container:
    """Return the files of the canonical zip at `source`.

    Raises `bundle.not_a_zip`, `bundle.too_large`, `bundle.name` (a name that could lead out of a folder,
    or is no name of ours), `bundle.file_changed` (a file does not fit its checksum) and
    `bundle.not_canonical` (any other byte that the one spelling would not have).
    """
    stream: IO[bytes] = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    try:
        size = stream.seek(0, io.SEEK_END)
        if size > MAX_BYTES:
            raise InputError("bundle.too_large", limit=MAX_BYTES)
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise Damaged("bundle.not_a_zip") from error
        except OSError as error:
            # A directory said to begin before the file is a seek that a file refuses (bytes: ValueError).
            # Any other failure is the disk's, and says nothing against the bundle.
            if error.errno == errno.EINVAL:
                raise Damaged("bundle.not_a_zip") from error
            raise InputError("file.unreadable", path=source, reason=error.strerror) from error
        _check_names(archive)
        _check_spelling(archive, stream)
        return Container(archive, stream)
    except BaseException:
        stream.close()
        raise


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.create_system = 3  # Unix, on every system
    entry.create_version = entry.extract_version = 20
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_STORED
    return entry


def _check_names(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if len(names) > MAX_FILES:
        raise InputError("bundle.too_large", limit=MAX_FILES)
    for name in names:
        if not _NAME.fullmatch(name):
            raise Damaged("bundle.name", file=name)
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits for entry in archive.infolist()):
        raise Damaged("bundle.not_canonical")  # before a byte is inflated: a bomb stays shut


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except zipfile.BadZipFile as error:
        code = "bundle.file_changed" if "CRC" in str(error) else "bundle.not_canonical"
        raise Damaged(code, file=name) from error


def _check_spelling(archive: zipfile.ZipFile, stream: IO[bytes]) -> None:
    with tempfile.TemporaryFile() as rebuilt:
        try:
            write_container(((name, _read(archive, name)) for name in archive.namelist()), rebuilt)
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, RuntimeError) as error:
            raise Damaged("bundle.not_canonical") from error
        rebuilt.seek(0)
        stream.seek(0)
        while True:
            expected, found = rebuilt.read(1 << 20), stream.read(1 << 20)
            if expected != found:
                raise Damaged("bundle.not_canonical")
            if not expected:
                return
