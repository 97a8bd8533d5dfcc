"""Reading a CSV file for an import: what each row tells, and what is refused, by line and code."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

import msgspec

from ..errors import InputError, NotFound
from .ledger import Ledger
from .mapping import Mapping, RowReader, Told
from .target import is_normal, normalize_address

__all__ = ["ReadFile", "Reject", "open_csv", "read_file"]

OFTEN = 1000


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
    source: Path,
    mapping: Mapping,
    *,
    latest: int,
    ahead: Callable[[int], None] | None = None,
) -> ReadFile:
    """Read all of `source`. Purposes and channels must be those of a published notice.

    A yes whose date lies after `latest` is refused; a no then holds from `latest`. `ahead` hears now and then
    how many rows were taken so far, for work that can be done beside. `import.csv`, `import.encoding` and
    `import.no_file` are about the file as a whole.
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
    if item.since <= latest and (item.address is None or is_normal(item.channel, item.address)):
        return item
    no = item.state == "withdrawn"  # neither a wrong date nor a wrong address may keep a no out
    if item.since > latest and not no:
        return "import.date"
    address = item.address
    try:
        address = normalize_address(item.channel, address) if address else None
    except InputError:
        if not no:
            return "import.address"
        address = None
    return msgspec.structs.replace(item, address=address, since=min(item.since, latest))


@contextmanager
def open_csv(
    source: Path, delimiter: str | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """Open a CSV file; give its header, and line and cells of every row that is not blank."""
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter=delimiter or _delimiter(file), strict=True)
            header = next(lines, None)
            if not header:
                raise InputError("import.csv", line=1)
            try:
                yield header, ((lines.line_num, row) for row in lines if row)
            except csv.Error as error:
                raise InputError("import.csv", line=lines.line_num) from error
    except UnicodeDecodeError as error:
        raise InputError("import.encoding", file=source) from error
    except csv.Error as error:
        raise InputError("import.csv", line=1) from error
    except OSError as error:
        raise NotFound("import.no_file", file=source) from error


def _delimiter(file: TextIO) -> str:
    """Return the separator that the header uses most: comma, semicolon or tab."""
    header = file.readline()
    file.seek(0)
    return max(",;\t", key=header.count)
