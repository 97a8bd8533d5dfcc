"""Mappings: how the export of another system says who consented to what, and since when.

A mapping is a TOML file; four ship with konsens (`mappings/`). A row is a withdrawal if any of its
`withdrawn` conditions is true, a consent if all of its `given` conditions are, else it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ..errors import InputError, NotFound
from ..strict_json import convert
from .terms import Code

__all__ = ["Condition", "ConsentColumns", "Mapping", "RowReader", "read_mapping", "shipped_mappings"]

Filled = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"is_": "is"}):
    """What one column must say: one of some values, one of several values in one cell, or anything at all."""

    column: str
    is_: tuple[str, ...] = ()
    has: str | None = None
    filled: bool | None = None


class ConsentColumns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One consent that a row can tell of.

    `purpose` and `channel` are fixed, or read from a column through a table of its values.
    """

    purpose: Code | None = None
    purpose_column: str | None = None
    purposes: dict[str, Code] = {}
    channel: Code | None = None
    channel_column: str | None = None
    channels: dict[str, Code] = {}
    address: str | None = None
    since: Filled
    withdrawn_since: tuple[str, ...] = ()
    time_format: str | None = None
    given: tuple[Condition, ...] = ()
    withdrawn: tuple[Condition, ...] = ()


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to read one kind of file."""

    name: Code
    id_column: Filled
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None = None
    consent: Annotated[tuple[ConsentColumns, ...], msgspec.Meta(min_length=1, max_length=32)]


NOW = 1 << 62
"""The `since` of a no that bears no readable date: it holds from the import on."""


class Told(msgspec.Struct, frozen=True, gc=False):
    """What a row tells of one matter."""

    ref: str
    purpose: str
    channel: str
    state: Literal["given", "withdrawn"]
    since: int
    address: str | None


class RowReader:
    """Reads the rows of one file by a mapping; `codes` are what the company's notices offer."""

    def __init__(self, mapping: Mapping, header: Sequence[str]) -> None:
        places = _Places(header)
        found = [name for name in mapping.id_column if name in places]
        if not found:
            raise InputError("import.no_id_column", columns=", ".join(mapping.id_column))
        self.width = len(header)
        self._id, *self._else = [places[name] for name in found]
        self._consents = [_reader(columns, places) for columns in mapping.consent]

    def read(self, row: Sequence[str]) -> list[Told | str]:
        """Return, for each consent of the mapping, what the row tells or the code why it is refused."""
        ref = row[self._id].strip()
        if _usable(ref):
            return [read(ref, row) for read in self._consents]
        # A number of another kind would let one person stand under two; but a no must not be lost for it.
        ref = next((text for place in self._else if _usable(text := row[place].strip())), "")
        told = [read(ref, row) for read in self._consents] if ref else []
        return [item for item in told if not isinstance(item, str) and item.state == "withdrawn"] or [
            "import.id"
        ]


def _usable(ref: str) -> bool:
    """Tell whether a cell can be a customer's number."""
    return 0 < len(ref) <= 200 and ref.isprintable()


def shipped_mappings() -> tuple[str, ...]:
    """Return the names of the mappings that ship with konsens."""
    from importlib.resources import files

    folder = files(__package__) / "mappings"
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir()))


def read_mapping(name: str) -> Mapping:
    """Return a mapping that ships with konsens, or the one in a TOML file."""
    import tomllib  # here, like `files`: a decision needs neither, and start-up time counts
    from importlib.resources import files

    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise NotFound("import.no_mapping", name=name, known=", ".join(shipped_mappings()))
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("import.mapping", problem="UTF-8") from error
        except OSError as error:
            raise InputError("file.unreadable", path=name, reason=error.strerror) from error
    elif name in shipped_mappings():
        text = (files(__package__) / "mappings" / f"{name}.toml").read_text("utf-8")
    else:
        raise NotFound("import.no_mapping", name=name, known=", ".join(shipped_mappings()))
    try:
        return convert(tomllib.loads(text), Mapping)
    except tomllib.TOMLDecodeError as error:
        raise InputError("import.mapping", problem=str(error)) from error


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UTC = _EPOCH.replace(tzinfo=None)

Read = Callable[[str, Sequence[str]], "Told | str"]
Test = Callable[[Sequence[str]], bool]


def _reader(columns: ConsentColumns, places: dict[str, int]) -> Read:
    given = [_test(condition, places) for condition in columns.given]
    # A list of subscribers has no column for those who left.
    left_by = [condition for condition in columns.withdrawn if condition.column in places]
    withdrawn = [_test(condition, places) for condition in left_by]
    purpose_of = _code(columns.purpose, columns.purpose_column, columns.purposes, places)
    channel_of = _code(columns.channel, columns.channel_column, columns.channels, places)
    since = [places[name] for name in columns.since if name in places]
    left = [places[name] for name in columns.withdrawn_since if name in places]
    address = None if columns.address is None else _place(columns.address, places)
    if not since and not left:
        raise InputError("import.no_column", column=columns.since[0])

    def read(ref: str, row: Sequence[str]) -> Told | str:
        state: Literal["given", "withdrawn"] = "withdrawn" if withdrawn and _any(withdrawn, row) else "given"
        if state == "given" and not _all(given, row):
            return "import.no_consent"
        purpose = purpose_of(row) if purpose_of else columns.purpose
        channel = channel_of(row) if channel_of else columns.channel
        if purpose is None or channel is None:
            return "import.purpose" if purpose is None else "import.channel"
        text = _first(row, left + since if state == "withdrawn" else since)
        moment = _moment(text, columns.time_format) if text else None
        if moment is None and state == "withdrawn":
            moment = NOW  # a no is never lost for want of a date
        if moment is None:
            return "import.date" if text else "import.no_date"
        return Told(ref, purpose, channel, state, moment, None if address is None else row[address].strip())

    return read


# Loops, because a generator for every row costs more than most of the tests.
def _any(tests: Sequence[Test], row: Sequence[str]) -> bool:
    """Tell whether one of `tests` is true of a row."""
    for test in tests:  # noqa: SIM110 a generator
        if test(row):
            return True
    return False


def _all(tests: Sequence[Test], row: Sequence[str]) -> bool:
    """Tell whether all of `tests` are true of a row."""
    for test in tests:  # noqa: SIM110 a generator
        if not test(row):
            return False
    return True


def _first(row: Sequence[str], order: Sequence[int]) -> str:
    """Return the first cell of `order` that is not blank, else an empty text."""
    for place in order:
        if text := row[place].strip():
            return text
    return ""


class _Places(dict[str, int]):
    """Where each column stands; one that stands twice cannot be asked for (`import.column_twice`)."""

    def __init__(self, header: Sequence[str]) -> None:
        names = [name.strip() for name in header]
        super().__init__({name: place for place, name in enumerate(names)})
        self._twice = {name for name in names if names.count(name) > 1}

    def __getitem__(self, name: str) -> int:
        if name in self._twice:
            raise InputError("import.column_twice", column=name)
        return super().__getitem__(name)


def _test(condition: Condition, places: dict[str, int]) -> Test:
    place = _place(condition.column, places)
    if condition.filled is not None:
        return lambda row: bool(row[place].strip()) is condition.filled
    if condition.has is not None:
        wanted = condition.has.casefold()
        return lambda row: wanted in {part.strip().casefold() for part in row[place].split(";")}
    values = {value.casefold() for value in condition.is_}
    return lambda row: row[place].strip().casefold() in values


def _code(
    fixed: str | None, column: str | None, table: dict[str, str], places: dict[str, int]
) -> Callable[[Sequence[str]], str | None] | None:
    """Return what reads the code from a row, or None where it is fixed."""
    if column is None:
        if fixed is None:
            raise InputError("import.mapping", problem="purpose or channel is missing")
        return None
    place = _place(column, places)
    known = {value.casefold(): code for value, code in table.items()}
    return lambda row: known.get(row[place].strip().casefold(), fixed)


def _place(column: str, places: dict[str, int]) -> int:
    if column not in places:
        raise InputError("import.no_column", column=column)
    return places[column]


def _moment(text: str, form: str | None) -> int | None:
    """Return seconds since 1970; a time without a zone is read as UTC."""
    try:
        at = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((at - (_EPOCH if at.tzinfo else _EPOCH_UTC)).total_seconds())
