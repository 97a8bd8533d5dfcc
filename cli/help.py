"""Help for `konsens` and its groups, written without loading a single command."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, TextIO

from .commands import GROUPS, PREFIXES, children

if TYPE_CHECKING:
    from .frame import Command

__all__ = ["show_command_help", "show_help"]

COMMON = {
    "--json": "One JSON object on stdout, also on failure.",
    "--home DIR": "The folder to work in (KONSENS_HOME).",
    "--lang de|en": "The language for people (KONSENS_LANG, else the locale).",
    "--no-input": "Never ask; end with 2 and name the option instead.",
    "--yes": "Answer every question with yes.",
    "--plain": "No colour, no columns: for screen readers.",
    "--help": "What one command does.",
}


ALSO = "Every command also takes --json, --home, --lang, --no-input, --yes and --plain: see konsens --help."


def show_help(path: str, stream: TextIO) -> None:
    """Print the help of a group, or with an empty path that of konsens."""
    say = Page(stream)
    if path:
        say.line(f"Usage: konsens {path} COMMAND [OPTIONS] …")
        say.line()
        say.line(PREFIXES[path])
        say.section("Commands", children(path))
    else:
        say.line("Usage: konsens COMMAND [OPTIONS] …")
        say.line()
        say.line("Consent that its owner can prove, take back and keep.")
        top = children("")
        for title, commands in GROUPS.items():
            words = dict.fromkeys(name.partition(" ")[0] for name in commands)
            say.section(title, {word: top[word] for word in words})
        say.section("Every command takes, after its name", COMMON)
    say.line()
    say.line(f"More: konsens {path} COMMAND --help".replace("  ", " "))


def show_command_help(name: str, command: Command, stream: TextIO) -> None:
    """Print the help of one command: its docstring, its arguments and its options."""
    from inspect import cleandoc

    from .line import Argument, Option

    arguments = [one for one in command.own if isinstance(one.mark, Argument)]
    options = [one for one in [*command.own, *command.shared] if isinstance(one.mark, Option)]
    words = [one.label if one.required else f"[{one.label}]" for one in arguments]
    words += [f"{one.label} {one.value_label}" for one in options if one.required]
    say = Page(stream)
    say.line(" ".join(["Usage: konsens", name, *words, "[OPTIONS]"]))
    for paragraph in cleandoc(command.run.__doc__ or "").split("\n\n"):
        say.line()
        for line in fold(paragraph, say.width):
            say.line(line)
    if any(one.mark.help for one in arguments):
        say.section("Arguments", {one.label: one.mark.help for one in arguments})
    listed = {
        f"{one.label} {one.value_label}".strip(): one.mark.help
        for one in options
        if isinstance(one.mark, Option) and not one.mark.hidden
    }
    if listed:
        say.section("Options", listed)
    say.line()
    for line in fold(ALSO, say.width):
        say.line(line)


class Page:
    """Lines and two columns, bold headings on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.bold = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.width = max(shutil.get_terminal_size().columns, 40)

    def line(self, text: str = "") -> None:
        print(text, file=self.stream)

    def section(self, title: str, rows: dict[str, str]) -> None:
        self.line()
        self.line(f"\x1b[1m{title}\x1b[0m" if self.bold else title)
        column = max(map(len, rows)) + 4
        for name, text in rows.items():
            first, *rest = fold(text, self.width - column)
            self.line(f"  {name:<{column - 2}}{first}")
            for more in rest:
                self.line(" " * column + more)


def fold(text: str, width: int) -> list[str]:
    """Return lines of at most `width` letters; textwrap would cost more than the whole page."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
