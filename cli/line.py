"""What may stand in a command's line: typer makes it of the signature of the command's function.

    def ask(
        frame: Frame,
        who: Annotated[str, Argument(metavar="WHO", help="The customer.")],
        purpose: Annotated[list[str], Option("--purpose", help="May be repeated.")] = [],
        out: Annotated[Path | None, Option("--out", metavar="FILE", help="Where to.")] = None,
        many: Annotated[bool, Option("--many", help="For a poster.")] = False,
    ) -> Outcome: ...

`Argument` and `Option` are typer's own. Types: `str`, `int`, `Path`, `bool` (a flag, with its one name),
`datetime` (`2026-11-22T10:00:00Z`, or a day, which begins at midnight UTC), `Literal["a", "b"]`, a `list` of
one of them, and `… | None`. For a program that signs, three rules are stricter than the library's:

- one value is not given twice: the second would silently win;
- a value may be `-`, but what begins with `--` is never taken for one;
- a number is its digits and a time is UTC, and nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_type_hints

import click
from typer import Argument, Option, Typer
from typer.core import TyperCommand
from typer.main import get_command
from typer.models import TyperPath

from konsens.encoding import parse_time
from konsens.errors import InputError

from .page import COMMON, Context

if TYPE_CHECKING:
    from .frame import Command

__all__ = ["Argument", "FileName", "Line", "Option", "label", "line_of"]


class FileName(click.Path):
    """A path as it was typed, completed by the shell. Whether it can be read is for the command to say."""

    name = "FILE"

    def convert(self, value: Any, *_: object) -> Any:
        return value


# The options that commands share. Those of `COMMON` are understood by all.
SHARED: dict[str, tuple[Any, Any]] = {
    "dry_run": (Annotated[bool, Option("--dry-run", help="Show what would be signed, and stop.")], False),
    "force": (Annotated[bool, Option("--force", help="Write over a file that is there.")], False),
    "registry": (
        Annotated[
            list[str],
            Option(
                "--registry",
                metavar="DIR",
                click_type=FileName(),  # a Path would eat a slash of a URL
                help="A registry's folder, or its URL; may be repeated.",
            ),
        ],
        (),
    ),
    "jsonl": (Annotated[bool, Option("--jsonl", help="One item of the list a line, as JSON.")], False),
    "passphrase_fd": (
        Annotated[int | None, Option("--passphrase-fd", metavar="N", help="Read the passphrase from there.")],
        None,
    ),
    "json": (Annotated[bool, Option("--json")], False),
    "home": (Annotated[Path | None, Option("--home", metavar="DIR")], None),
    "lang": (Annotated[Literal["de", "en"] | None, Option("--lang")], None),
    "no_input": (Annotated[bool, Option("--no-input")], False),
    "yes": (Annotated[bool, Option("--yes")], False),
    "plain": (Annotated[bool, Option("--plain")], False),
}

ALSO = "Every command also takes --json, --home, --lang, --no-input, --yes and --plain: see konsens --help."


def line_of(name: str, command: Command, act: Callable[..., Any]) -> Line:
    """Return what typer makes of a command: its own parameters, then those that it shares.

    `act` is called with all of them by name.
    """
    hints = get_type_hints(command.run, include_extras=True)
    own = list(inspect.signature(command.run).parameters.values())[1:]  # the first is the frame
    typed = {one.name: (hints.get(one.name, str), one.default) for one in own}
    typed |= {shared: SHARED[shared] for shared in SHARED if command.takes(shared)}

    def call(**given: Any) -> Any:
        return act(**given)

    call.__doc__ = command.run.__doc__
    call.__annotations__ = {parameter: kind for parameter, (kind, _) in typed.items()}
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what `inspect.signature` looks for
        [
            inspect.Parameter(parameter, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for parameter, (kind, default) in typed.items()
        ]
    )
    app = Typer(add_completion=False, rich_markup_mode=None)
    app.command(name.rpartition(" ")[2], cls=Line, epilog=ALSO)(call)
    made = cast("Line", get_command(app))
    for one in made.params:
        one.type = STRICT.get(type(one.type), one.type)
    return made


class Line(TyperCommand):
    """A command as typer makes it, with the stricter rules above."""

    context_class = Context
    allow_extra_args = True  # refused below, with our own sentence

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # a shell completes what is not finished yet
            return super().parse_args(ctx, args)
        self._check(args, ctx.command_path)
        rest = super().parse_args(ctx, args)
        if rest:
            raise InputError("usage.too_many", word=rest[0], start=ctx.command_path)
        return rest

    def _check(self, args: list[str], start: str) -> None:
        options = {label(one): one for one in self.params if isinstance(one, click.Option)}
        seen = set()
        for word, after in zip(args, [*args[1:], "--"], strict=False):
            if word == "--":
                return
            name, equals, _ = word.partition("=")
            one = options.get(name)
            if one is None:
                continue  # a value, or an option that click does not find either
            if one.is_flag and equals:
                raise InputError("usage.flag_value", option=name, start=start)
            if not one.is_flag and not equals and after.startswith("--"):
                raise InputError("usage.no_value", option=name, start=start)
            if name in seen and not one.is_flag and not one.multiple:
                raise InputError("usage.twice", option=name, start=start)
            seen.add(name)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what is this command's own; what all commands take is explained once, by `konsens --help`."""
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for one in self.params:
            record = one.get_help_record(ctx)
            if record and label(one) not in COMMON:
                rows["Options" if isinstance(one, click.Option) else "Arguments"].append(record)
        for title, records in rows.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def label(one: click.Parameter) -> str:
    """Return a parameter's name for people: `--out`, `FILE`."""
    return one.opts[0] if isinstance(one, click.Option) else one.metavar or (one.name or "").upper()


class Number(click.ParamType[int]):
    """Digits: no sign, no underscore, no digits of other scripts."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, _: click.Context | None) -> Any:
        if isinstance(value, str):
            if not (value.isascii() and value.isdecimal() and len(value) < 16):
                raise InputError("usage.bad_number", name=label(param) if param else "")
            return int(value)
        return value


class Moment(click.ParamType[datetime]):
    """A time in UTC, or a day, which begins at midnight UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, _: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return parse_time(value if "T" in value else f"{value}T00:00:00Z").astimezone(UTC)
        except InputError as error:
            raise InputError("usage.bad_time", name=label(param) if param else "") from error


# What typer takes for a type, and what we take instead.
STRICT: dict[type[click.ParamType[Any]], click.ParamType[Any]] = {
    click.types.IntParamType: Number(),
    click.DateTime: Moment(),
    TyperPath: FileName(),
}
