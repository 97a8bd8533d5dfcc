"""CSV in two forms: raw for machines, and safe for spreadsheets.

Escaping formula characters would break `+49…`, so the raw form never escapes; the safe form does, and adds
what a German spreadsheet program expects (BOM, semicolon).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from .view import EventLine, TrailView, UseLine
from .visible import visible

__all__ = ["EVENT_COLUMNS", "USE_COLUMNS", "render_csv", "render_events", "render_uses"]

EVENT_COLUMNS = EventLine.__struct_fields__
USE_COLUMNS = UseLine.__struct_fields__
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def render_csv(columns: Sequence[str], rows: Iterable[Sequence[object]], *, safe: bool) -> str:
    """Return a table as CSV (RFC 4180, CRLF); `safe` escapes what a spreadsheet would run.

    In the safe form a cell that begins with a formula character gets an apostrophe before it, and letters
    that nobody sees show as code points.
    """
    out = io.StringIO(newline="")
    if safe:
        out.write("\ufeff")
    writer = csv.writer(out, delimiter=";" if safe else ",", lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        cells = ("" if cell is None else str(cell) for cell in row)
        writer.writerow([_defuse(cell) for cell in cells] if safe else list(cells))
    return out.getvalue()


def render_events(view: TrailView, *, safe: bool) -> str:
    """Return one row for each event, in order of record and history."""
    events = (event for record in view.records for event in record.events)
    return render_csv(
        EVENT_COLUMNS, ([getattr(e, name) for name in EVENT_COLUMNS] for e in events), safe=safe
    )


def render_uses(view: TrailView, *, safe: bool) -> str:
    """Return one row for each use."""
    return render_csv(USE_COLUMNS, ([getattr(u, name) for name in USE_COLUMNS] for u in view.uses), safe=safe)


def _defuse(cell: str) -> str:
    cell = visible(cell)
    return "'" + cell if cell.lstrip(" \u00a0").startswith(_FORMULA) or cell.startswith(_FORMULA) else cell
