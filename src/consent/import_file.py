"""Reading a CSV file for an import: what each row tells, and what is refused, by line and code."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO
from unicodedata import category

import msgspec

from ..errors import InputError, NotFound
from .ledger import Ledger
from .mapping import Mapping, RowReader, Told
from .target import is_normal, normalize_address

__all__ = ["ReadFile", "Reject", "Source", "open_csv", "read_file"]

Source = Path | BinaryIO
"""A CSV file, or a stream of its bytes."""

OFTEN = 1000
EARLIEST = int(datetime(1995, 1, 1, tzinfo=UTC).timestamp())
"""Nobody consented by a form on the web before; such dates (0001, 1900, 1970) stand for none."""

_NEEDS_ADDRESS = frozenset({"email", "phone", "sms", "post"})
_DIALLED = frozenset({"phone", "sms"})  # their addresses begin with +
_FORMULA = ("=", "+", "-", "@")


class Reject(msgspec.Struct, frozen=True):
    """A row that was refused: its line in the file, and the code why."""

    line: int
    code: str


class ReadFile(NamedTuple):
    """What a file tells: by line, addresses already normalised."""

    rows: int
    told: list[tuple[int, Told]]
    rejects: list[Reject]


def read_file(
    ledger: Ledger,
    source: Source,
    mapping: Mapping,
    *,
    latest: int,
    ahead: Callable[[int], None] | None = None,
) -> ReadFile:
    """Read all of `source`. Purposes and channels must be those of a published notice.

    A yes whose date lies after `latest` or before the web is refused; a no then holds from `latest`.
    `ahead` hears now and then how many rows were taken so far, for work that can be done beside.
    `import.csv`, `import.encoding`, `file.missing` and `file.unreadable` are about the file as a whole.
    """
    offered = {
        (purpose.code, channel)
        for signed, _ in ledger.notices()
        for purpose in signed.notice.purpose
        for channel in purpose.channels
    }
    purposes = {purpose for purpose, _ in offered}
    found = ReadFile(0, [], [])
    count = 0
    with open_csv(source, mapping.delimiter) as (header, rows):
        reader = RowReader(mapping, header)
        for line, row in rows:
            count += 1
            for item in reader.read(row) if len(row) == reader.width else ["import.width"]:
                told = item if isinstance(item, str) else _checked(item, offered, purposes, latest)
                if isinstance(told, str):
                    found.rejects.append(Reject(line, told))
                else:
                    found.told.append((line, told))
            if ahead and count % OFTEN == 0:
                ahead(len(found.told))
    return found._replace(rows=count)


def _checked(item: Told, offered: set[tuple[str, str]], purposes: set[str], latest: int) -> Told | str:
    if (item.purpose, item.channel) not in offered:
        return "import.channel" if item.purpose in purposes else "import.purpose"
    channel, address, since = item.channel, item.address, item.since
    if EARLIEST <= since <= latest and (
        address is None or (is_normal(channel, address) and address[0] not in _FORMULA)
    ):
        return item
    no = item.state == "withdrawn"  # neither a wrong date nor a wrong address may keep a no out
    if not EARLIEST <= since <= latest:
        if not no:
            return "import.date"
        since = latest
    try:
        address = None if address is None else _clean(channel, address)
    except InputError as error:
        if not no:
            return error.code
        address = _findable(channel, address or "")
    return msgspec.structs.replace(item, address=address, since=since)


def _clean(channel: str, address: str) -> str | None:
    """Return an address as it is kept, or raise the code why nobody should write to it."""
    if not address:
        if channel in _NEEDS_ADDRESS:
            raise InputError("import.no_address")
        return None
    if any(category(letter) in ("Cc", "Cf") and not letter.isspace() for letter in address):
        raise InputError("import.hidden_letters")
    if channel not in _DIALLED and address.startswith(_FORMULA):
        raise InputError("import.formula")
    try:
        return normalize_address(channel, address)
    except InputError as error:
        raise InputError("import.address") from error


def _findable(channel: str, address: str) -> str | None:
    """Return an address that nobody should write to as far as a no can be found by it."""
    try:
        return normalize_address(channel, address)
    except InputError:
        return None


@contextmanager
def open_csv(
    source: Source, delimiter: str | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """Open a CSV file; give its header, and line and cells of every row that is not blank."""
    name = source if isinstance(source, Path) else "-"
    try:
        with _text(source) as file:
            first = file.readline()
            lines = csv.reader(chain([first], file), delimiter=delimiter or _delimiter(first), strict=True)
            header = next(lines, None)
            if not header:
                raise InputError("import.csv", line=1)
            try:
                yield header, ((lines.line_num, row) for row in lines if row)
            except csv.Error as error:
                raise InputError("import.csv", line=lines.line_num) from error
    except UnicodeDecodeError as error:
        raise InputError("import.encoding", file=name) from error
    except csv.Error as error:
        raise InputError("import.csv", line=1) from error
    except FileNotFoundError as error:
        raise NotFound("file.missing", path=name) from error
    except OSError as error:
        raise InputError("file.unreadable", path=name, reason=error.strerror) from error


@contextmanager
def _text(source: Source) -> Iterator[TextIO]:
    """Open a file or stream as lines of text; a stream stays open for whoever brought it."""
    if isinstance(source, Path):
        with source.open(encoding="utf-8-sig", newline="") as file:
            yield file
        return
    text = TextIOWrapper(source, encoding="utf-8-sig", newline="")
    try:
        yield text
    finally:
        text.detach()


def _delimiter(header: str) -> str:
    """Return the separator that the header uses most: comma, semicolon or tab."""
    return max(",;\t", key=header.count)
