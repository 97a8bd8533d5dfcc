"""The body of `add-entries` (C2SP tlog-mirror, "Request Body"): a header, then entries in proven packages.

>>> upload = Upload("log.muster.example", 250, 600)
>>> [(one.start, one.end) for one in upload.packages()]
[(250, 256), (256, 512), (512, 600)]
>>> header, rest = parse_upload(render_upload(upload) + b"rest")
>>> header == upload, rest
(True, b'rest')
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ...errors import InputError
from ..checkpoint import parse_decimal
from ..note import b64_decode, b64_encode
from ..tree import MAX_SIZE

__all__ = [
    "PACKAGES_AT_ONCE",
    "Info",
    "Package",
    "Span",
    "Upload",
    "parse_info",
    "parse_package",
    "parse_upload",
    "render_info",
    "render_package",
    "render_upload",
]

WIDTH = 256
MAX_HASHES = 63
PACKAGES_AT_ONCE = 32  # what clients should limit a request to ("Implementation Considerations")


class Span(msgspec.Struct, frozen=True):
    """The entries [start, end) of one package. Its proof is about the subtree from `base` on."""

    start: int
    end: int

    @property
    def base(self) -> int:
        """Where the subtree begins: the multiple of 256 at or below the start."""
        return self.start - self.start % WIDTH


class Upload(msgspec.Struct, frozen=True):
    """What a request is about to bring: entries [start, end) of a log, up to a pending checkpoint."""

    origin: str
    start: int
    end: int
    ticket: bytes = b""

    def packages(self) -> Iterator[Span]:
        """Yield the canonical sequence of packages, aligned at multiples of 256."""
        start = self.start
        while start < self.end:
            end = min(self.end, start - start % WIDTH + WIDTH)
            yield Span(start, end)
            start = end


class Package(msgspec.Struct, frozen=True):
    """Entries, and the subtree consistency proof that they are the log's."""

    entries: tuple[bytes, ...]
    proof: tuple[bytes, ...]


class Info(msgspec.Struct, frozen=True):
    """What a mirror answers with 409 and 202: a pending size, the next entry that it lacks, a ticket."""

    size: int
    next_entry: int
    ticket: bytes = b""


def parse_upload(body: bytes) -> tuple[Upload, bytes]:
    """Return the header of a request, and the packages after it; `mirror.request` if it is none."""
    reader = _Reader(body)
    try:
        origin = reader.take(reader.number(2)).decode()
        start, end = reader.number(8), reader.number(8)
        ticket = reader.take(reader.number(2))
    except (EOFError, UnicodeDecodeError) as error:
        raise InputError("mirror.request") from error
    if not start <= end <= MAX_SIZE:
        raise InputError("mirror.request")
    return Upload(origin, start, end, ticket), reader.rest()


def render_upload(upload: Upload) -> bytes:
    """Return the header of a request."""
    origin = upload.origin.encode()
    numbers = upload.start.to_bytes(8, "big") + upload.end.to_bytes(8, "big")
    ticket = len(upload.ticket).to_bytes(2, "big") + upload.ticket
    return len(origin).to_bytes(2, "big") + origin + numbers + ticket


def parse_package(data: bytes, span: Span) -> tuple[Package, bytes] | None:
    """Return the package of `span` and what follows it; None if it is not there whole.

    More than 63 hashes end with `mirror.request`.
    """
    reader = _Reader(data)
    try:
        entries = tuple(reader.take(reader.number(2)) for _ in range(span.start, span.end))
        count = reader.number(1)
        if count > MAX_HASHES:
            raise InputError("mirror.request")
        return Package(entries, tuple(reader.take(32) for _ in range(count))), reader.rest()
    except EOFError:
        return None


def render_package(package: Package) -> bytes:
    """Return the bytes of a package."""
    entries = [len(entry).to_bytes(2, "big") + entry for entry in package.entries]
    return b"".join([*entries, bytes([len(package.proof)]), *package.proof])


def parse_info(body: bytes) -> Info:
    """Return what a mirror says with 409 or 202, or raise `mirror.info`."""
    try:
        size, entry, ticket, end = body.decode("ascii").split("\n")
        if end:
            raise InputError("mirror.info")
        return Info(parse_decimal(size), parse_decimal(entry), b64_decode(ticket))
    except (ValueError, InputError) as error:
        raise InputError("mirror.info") from error


def render_info(info: Info) -> bytes:
    """Return the three lines of `text/x.tlog.mirror-info`."""
    return f"{info.size}\n{info.next_entry}\n{b64_encode(info.ticket)}\n".encode()


class _Reader:
    """Takes bytes off the front; EOFError where there are not enough."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise EOFError
        self._at += count
        return found

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> bytes:
        return self._data[self._at :]
