"""What a person reads: lines, fields and tables that fit the terminal, without surprises from outside.

Whatever came from somebody else is stripped of control and direction characters before it is shown, so a
company's name can neither move the cursor nor reverse a sentence. Colour is for terminals only and never the
only sign of a state.
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

__all__ = ["Screen", "clean", "width_of"]

BOLD, DIM, RED, GREEN, YELLOW, RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
NARROWEST = 6  # letters that a column keeps, however small the terminal


def clean(text: object, *, lines: bool = False) -> str:
    """Return `text` without control, direction and unassigned characters; line ends only with `lines`."""
    kept = []
    for letter in str(text):
        if letter.isprintable() or (lines and letter == "\n"):
            kept.append(letter)
        elif letter in "\t\n\r" or unicodedata.category(letter) in {"Zs", "Zl", "Zp"}:
            kept.append(" ")
    return "".join(kept)


def width_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


class Screen:
    """One stream for people: stdout for what was asked, stderr for talk."""

    def __init__(self, stream: TextIO | None = None, *, plain: bool = False) -> None:
        self.stream = stream or sys.stdout
        self.plain = plain
        self.is_terminal = self.stream.isatty()
        self.colour = (
            self.is_terminal
            and not plain
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM", "") != "dumb"
        )
        encoding = (getattr(self.stream, "encoding", None) or "ascii").lower().replace("-", "")
        self.unicode = encoding.startswith("utf")
        # A pipe gets whole lines: there is nothing to fit.
        self.width = shutil.get_terminal_size().columns if self.is_terminal else 10_000

    def paint(self, text: str, colour: str) -> str:
        """Return `text` in a colour, where colours are shown."""
        return f"{colour}{text}{RESET}" if self.colour else text

    def line(self, text: object = "", *, colour: str = "") -> None:
        """Write one paragraph, its lines folded at the edge of a terminal."""
        cleaned = "\n".join(fold(clean(text, lines=True), self.width))
        self._write(self.paint(cleaned, colour) if colour and cleaned else cleaned)

    def tagged(self, tag: str, text: object, *, colour: str) -> None:
        """Write `tag text`, the tag in a colour: `hint: …`."""
        lines = fold(f"{clean(tag)} {clean(text, lines=True)}", self.width)
        self._write("\n".join(lines).replace(clean(tag), self.paint(clean(tag), colour), 1))

    def heading(self, text: object) -> None:
        """Write a heading, with an empty line before it."""
        self.line()
        self.line(text, colour=BOLD)

    def fields(self, pairs: Mapping[str, object] | Iterable[tuple[str, object]]) -> None:
        """Write names and values, a pair a line, the values below one another."""
        rows = [
            (name, shown(value)) for name, value in (pairs.items() if isinstance(pairs, Mapping) else pairs)
        ]
        indent = 0 if self.plain else max((width_of(name) for name, _ in rows), default=0) + 2
        for name, value in rows:
            gap = " " if self.plain else " " * (indent - width_of(name) - 1)
            first, *rest = fold(clean(value, lines=True), self.width - indent)
            self._write(self.paint(f"{clean(name)}:", DIM) + gap + first)
            for more in rest:
                self.line(" " * indent + more)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table that fits; `--plain` writes each row as its fields, for a screen reader."""
        cells = [[clean(shown(cell)) for cell in row] for row in rows]
        if self.plain:
            for row in cells:
                self.fields(zip(headers, row, strict=True))
                self.line()
            return
        widths = self._widths([list(headers), *cells])
        for number, row in enumerate([list(headers), *cells]):
            folded = [fold(cell, width) for cell, width in zip(row, widths, strict=True)]
            for n in range(max(map(len, folded), default=1)):
                parts = [column[n] if n < len(column) else "" for column in folded]
                padded = [
                    part + " " * (width - width_of(part)) for part, width in zip(parts, widths, strict=True)
                ]
                self.line("  ".join(padded).rstrip(), colour="" if number else BOLD)

    def check(self, ok: bool | None, name: str, detail: str = "") -> None:
        """Write the outcome of one check: passed, failed, or (None) not known."""
        sign, word, colour = {
            True: ("✔", "ok", GREEN),
            False: ("✖", "failed", RED),
            None: ("⏳", "unknown", YELLOW),
        }[ok]
        mark = word if self.plain or not self.unicode else sign
        self.tagged(mark, f"{name}: {detail}" if detail else name, colour=colour)

    def _write(self, text: str) -> None:
        if not self.unicode:
            text = text.encode("ascii", "replace").decode("ascii")
        print(text, file=self.stream)

    def _widths(self, rows: list[list[str]]) -> list[int]:
        widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
        room = self.width - 2 * (len(widths) - 1)
        while sum(widths) > room and max(widths) > NARROWEST:
            widths[widths.index(max(widths))] -= 1
        return widths


def fold(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` columns; a word that is longer is cut."""
    width = max(width, NARROWEST)
    lines = []
    for paragraph in text.split("\n"):
        if width_of(paragraph) <= width:  # its spaces stay as they are
            lines.append(paragraph)
            continue
        lines.append("")
        for word in paragraph.split(" "):
            gap = " " if lines[-1] else ""
            if width_of(lines[-1]) + len(gap) + width_of(word) <= width:
                lines[-1] += gap + word
                continue
            if lines[-1]:
                lines.append("")
            for letter in word:
                if width_of(lines[-1]) + width_of(letter) > width:
                    lines.append("")
                lines[-1] += letter
    return lines


def spoken(value: Any, lang: str) -> Any:
    """Return the value of a claim with yes and no in the reader's words, at every level."""
    if isinstance(value, bool):
        return {"de": ("nein", "ja"), "en": ("no", "yes")}[lang][value]
    if isinstance(value, list | tuple):
        return [spoken(one, lang) for one in value]
    if isinstance(value, dict):
        return {name: spoken(member, lang) for name, member in value.items()}
    return value


def shown(value: Any) -> str:
    """Return a value as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(member)}" for name, member in value.items()) or "–"
    return str(value)
