"""What every page of help shares: the options that all commands take, bold headings, the person's language.

Help is written in English, where its command is; `help.de.json` has each of its sentences in German.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from konsens.errors import Language

__all__ = ["COMMON", "Context", "Page"]

# What every command understands, as `konsens --help` explains it.
COMMON = {
    "--json": "One JSON object on stdout, also on failure.",
    "--home": "DIR: the folder to work in (KONSENS_HOME).",
    "--lang": "de or en: the language for people (KONSENS_LANG, else the locale).",
    "--no-input": "Never ask; end with 2 and name the option instead.",
    "--yes": "Answer every question with yes.",
    "--plain": "No colour, no columns: for screen readers.",
    "--help": "What one command does.",
}


class Page(click.HelpFormatter):
    """Help with bold headings, in one language; click takes the bold away where no terminal reads."""

    language: Language = "en"

    def said(self, text: str) -> str:
        """Return a sentence of help in the language of the page."""
        return _german().get(text, text) if self.language == "de" else text

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or f"{self.said('Usage')}: ")

    def write_heading(self, heading: str) -> None:
        self.write(f"{click.style(self.said(heading), bold=True)}\n")

    def write_text(self, text: str) -> None:
        paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
        super().write_text("\n\n".join(map(self.said, paragraphs)))

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **more: Any) -> None:
        super().write_dl([(name, self._described(text)) for name, text in rows], *args, **more)

    def _described(self, text: str) -> str:
        """Return what an option is for; click puts `[required]` and `[default: …]` behind it."""
        text, gap, remark = text.partition("  [")
        word, *value = remark.removesuffix("]").split(": ", 1)
        return self.said(text) + (gap and f"{gap}{': '.join([self.said(word), *value])}]")


class Context(click.Context):
    """One word of the line. Its `obj` is the language for people."""

    formatter_class = Page

    def make_formatter(self) -> Page:
        page: Any = super().make_formatter()
        page.language = self.obj
        found: Page = page
        return found


@cache
def _german() -> dict[str, str]:
    import json  # here, and not above: English needs none. Read faster than TOML: start-up time counts

    table: dict[str, str] = json.loads(Path(__file__).with_name("help.de.json").read_bytes())
    return table
