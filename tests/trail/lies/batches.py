"""Rows that nobody signed."""

from __future__ import annotations

from ..forge import Files, entry_of, event_of, tell
from ..town import Town

__all__ = ["LIES"]


def change_a_row(files: Files, _: Town) -> None:
    event = event_of(files, "imported")
    rows = entry_of(files, event)["rows"]
    rows[2]["row"]["state"] = "given"
    tell(files, event, rows=rows)


def drop_a_row(files: Files, _: Town) -> None:
    event = event_of(files, "used", last=True)
    tell(files, event, rows=entry_of(files, event)["rows"][1:])


def rows_where_none_belong(files: Files, _: Town) -> None:
    tell(files, event_of(files, "given"), rows=entry_of(files, event_of(files, "imported"))["rows"])


LIES = [
    (change_a_row, "bundle.rows"),
    (drop_a_row, "bundle.rows"),
    (rows_where_none_belong, "bundle.rows"),
]
