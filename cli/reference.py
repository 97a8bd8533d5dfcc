"""The page `docs/commands.md`, written from the commands themselves: `make reference`.

A test holds the page to what this module writes, so no command is without its place in the documentation.
"""

from __future__ import annotations

from inspect import cleandoc

import click

from .answers import ANSWERS
from .commands import GROUPS
from .line import label
from .load import load, runnable
from .page import COMMON

__all__ = ["reference"]

HEAD = """# Commands

This page is written from the program (`make reference`). Every answer has a JSON form whose fields never
change their name: `konsens schema COMMAND` prints its schema, and `--json` wraps it as
`{"ok", "code", "message", "hint", "data"}`, on failure too.

Exit codes: 0 done · 1 our bug · 2 usage, or input needed · 3 the person said no · 4 locked or wrong
passphrase · 5 not found · 6 a proof failed · 7 no valid consent · 8 not reachable or not yet provable,
so unknown · 9 damaged · 10 not trusted · 11 refused by policy · 12 conflict.

`FILE` may be `-` for stdin or stdout. `COMPANY` is a DID, or a name that the wallet knows once. `WHO` is a
customer's DID, or the company's own number for them. Times are `2026-11-22T10:00:00Z`, or a day.
"""


def reference() -> str:
    """Return the page in Markdown."""
    parts = [HEAD, "Every command takes, after its name:\n", table(COMMON)]
    for title, commands in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [chapter(name) for name in commands]
    return "\n".join(parts)


def chapter(name: str) -> str:
    """Return what there is to know about one command."""
    line = runnable(name)
    context = click.Context(line, info_name=name)
    text = [f"### konsens {name}\n", cleandoc(load(name).run.__doc__ or "") + "\n"]
    listed = {spelling(one, context): help_of(one) for one in line.params if label(one) not in COMMON}
    if listed:
        text.append(table(listed))
    if name in ANSWERS:
        fields = [field for field in ANSWERS[name].__struct_fields__ if field != "dry_run"]
        text.append("Answer: " + ", ".join(f"`{field}`" for field in fields) + "\n")
    return "\n".join(text)


def spelling(one: click.Parameter, context: click.Context) -> str:
    """Return a parameter as it is typed; what may be left out stands in brackets."""
    if not isinstance(one, click.Option):
        return one.make_metavar(context)
    text = label(one) if one.is_flag else f"{label(one)} {one.make_metavar(context)}"
    return text if one.required else f"[{text}]"


def help_of(one: click.Parameter) -> str:
    """Return what a parameter is for."""
    return getattr(one, "help", None) or ""


def table(rows: dict[str, str]) -> str:
    """Return two columns in Markdown."""
    lines = [f"| <code>{name.replace('|', '&#124;')}</code> | {text} |" for name, text in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines, ""])


if __name__ == "__main__":
    print(reference(), end="")
