"""What every page of help shares: the options that all commands take, and bold headings."""

from __future__ import annotations

import click

__all__ = ["COMMON", "Context"]

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
    """Help with bold headings; click takes the bold away where no terminal reads."""

    def write_heading(self, heading: str) -> None:
        self.write(f"{click.style(heading, bold=True)}\n")


class Context(click.Context):
    """One word of the line."""

    formatter_class = Page
