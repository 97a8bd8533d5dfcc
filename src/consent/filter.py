"""Which rows of a list may be contacted, and why not the others: `decide` for a whole file at once.

The answers are those of `decide`, row by row; the book and the log are read once. A list carries the moment
until which it may be relied on, and with a campaign its use is in the log before the file is there.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from ..encoding import format_time
from ..errors import InputError, Unavailable
from ..records import Actor
from .import_file import Source, open_csv
from .judge import Verdict, judge_all
from .ledger import Ledger
from .moments import seconds, when
from .offered import check_offered
from .own import CompanyKeys
from .use import UseRow, record_uses

__all__ = ["Filtered", "filter_list"]

VALID_UNTIL, USE, CODE = "konsens_valid_until", "konsens_use", "konsens_code"
"""What an answer has beside the columns of the list."""

MAX_AGE = timedelta(hours=24)
"""How long a list may be relied on (`docs/registry.md`, freshness of a bulk run)."""


class Filtered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a list; of the `invalid` rows `empty` had no value, the rest an unusable one."""

    rows: int
    allowed: int
    refused: dict[str, int]
    invalid: int
    empty: int
    as_of: datetime
    valid_until: datetime
    use: str | None


def filter_list(
    ledger: Ledger,
    source: Source,
    *,
    purpose: str,
    channel: str,
    column: str,
    by: Literal["ref", "address"] = "ref",
    out: Path | None,
    refused: Path | None,
    campaign: str | None = None,
    keys: CompanyKeys | None = None,
    actor: Actor | None = None,
    random: Callable[[int], bytes] = os.urandom,
    now: datetime,
) -> Filtered:
    """Write the rows that may be contacted to `out`, the others with their codes to `refused`.

    Both files appear, or neither; without a place for both none is written. With `campaign` (and `keys`)
    one use event covers all allowed rows. Raises `registry.rolled_back` where the log is an older state, and
    `consent.purpose` or `consent.channel` for what no notice offers, and `filter.column_twice`.
    """
    check_offered(ledger, purpose, channel)
    with suppress(Unavailable):  # of a log out of reach every row says so
        ledger.check_log()
    with open_csv(source) as (header, lines):
        place = _place(column, header)
        rows = [row if len(row) >= len(header) else _padded(row, len(header)) for _, row in lines]
    values = [row[place].strip() for row in rows]
    verdicts = judge_all(ledger, values, purpose=purpose, channel=channel, by=by, now=now)
    yes = [n for n, verdict in enumerate(verdicts) if verdict.code == "ok"]
    until = _valid_until((verdicts[n] for n in yes), now)
    use = None
    if campaign is not None and keys is not None and yes:
        use = record_uses(
            ledger,
            keys,
            [UseRow(v.customer, v.event, v.basis or "consent") for v in (verdicts[n] for n in yes)],
            purpose=purpose,
            channel=channel,
            campaign=campaign,
            actor=actor,
            random=random,
            now=now,
        )
    if out is not None and refused is not None:
        tail = [format_time(until), use or ""]
        no = ([*row, v.code] for row, v in zip(rows, verdicts, strict=True) if v.code != "ok")
        _write_both(
            (out, [*header, VALID_UNTIL, USE], ([*rows[n], *tail] for n in yes)),
            (refused, [*header, CODE], no),
        )
    return _filtered(verdicts, empty=values.count(""), until=until, use=use, now=now)


def _place(column: str, header: Sequence[str]) -> int:
    """Return where a column stands; none may be there twice, neither this one nor those of the answer."""
    if column not in header:
        raise InputError("filter.no_column", column=column)
    for name in (column, VALID_UNTIL, USE, CODE):
        if header.count(name) > (name == column):
            raise InputError("filter.column_twice", column=name)
    return header.index(column)


def _padded(row: Sequence[str], width: int) -> list[str]:
    return [*row, *[""] * (width - len(row))]


def _filtered(
    verdicts: Sequence[Verdict], *, empty: int, until: datetime, use: str | None, now: datetime
) -> Filtered:
    codes = Counter(verdict.code for verdict in verdicts)
    return Filtered(
        rows=len(verdicts),
        allowed=codes.pop("ok", 0),
        invalid=codes.pop("filter.invalid", 0),
        empty=empty,
        refused=dict(sorted(codes.items())),
        as_of=now,
        valid_until=until,
        use=use,
    )


def _valid_until(verdicts: Iterable[Verdict], now: datetime) -> datetime:
    ends = [verdict.until for verdict in verdicts if verdict.until is not None]
    latest = seconds(now + MAX_AGE)
    return when(min([*ends, latest])) or now


def _write_both(*files: tuple[Path, Sequence[str], Iterable[Sequence[str]]]) -> None:
    """Write CSV files beside their places and move them there when all of them are whole."""
    fresh = [path.with_name(f".{path.name}.{os.getpid()}") for path, _, _ in files]
    try:
        for place, (_, header, rows) in zip(fresh, files, strict=True):
            with place.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(header)
                writer.writerows(rows)
                file.flush()
                os.fsync(file.fileno())
        for place, (path, _, _) in zip(fresh, files, strict=True):
            place.replace(path)
    except OSError as error:
        raise Unavailable("filter.cannot_write", problem=error.strerror or error) from error
    finally:
        for place in fresh:
            place.unlink(missing_ok=True)
