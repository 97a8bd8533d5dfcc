"""How a line becomes the arguments of a function: the function's own signature says what may stand there.

    def ask(frame: Frame,
            who: str,                                                      # an argument that must be there
            purpose: Annotated[list[str], Option("--purpose", help="…")],  # an option, may be repeated
            out: Annotated[Path | None, Option("--out", metavar="FILE")] = None,
            many: Annotated[bool, Option("--many", help="…")] = False) -> Outcome: ...

Types: `str`, `int`, `Path`, `bool` (a flag), `datetime` (`2026-11-22T10:00:00Z`, or a day, which begins at
midnight UTC), `Literal["a", "b"]`, a `list` of one of them, and `… | None`. Rules:

- options may stand anywhere after the command, `--name value` or `--name=value`; `--` ends them;
- nothing is abbreviated, and one value is not given twice: a mistyped line does nothing;
- a value may be `-`, but what begins with `--` is never taken for one.

Why not a library: `docs/decisions/command-line.md`.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from konsens.encoding import parse_time
from konsens.errors import InputError

__all__ = ["Argument", "Option", "Parameter", "parameters_of", "read_line"]


@dataclass(frozen=True)
class Argument:
    """A word by its place: `metavar` is its name in the help."""

    metavar: str = ""
    help: str = ""


@dataclass(frozen=True, init=False)
class Option:
    """A word by its name. `hidden` ones are not in the command's own help."""

    name: str
    help: str
    metavar: str
    hidden: bool

    def __init__(self, name: str, *, help: str = "", metavar: str = "", hidden: bool = False) -> None:  # noqa: A002
        for key, value in {"name": name, "help": help, "metavar": metavar, "hidden": hidden}.items():
            object.__setattr__(self, key, value)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a command's function, as the line sees it."""

    name: str
    mark: Argument | Option
    kind: Any  # the type of one value
    many: bool
    default: Any

    @property
    def required(self) -> bool:
        """True if the line must give it."""
        return self.default is inspect.Parameter.empty

    @property
    def flag(self) -> bool:
        """True if it takes no value."""
        return self.kind is bool

    @property
    def label(self) -> str:
        """Its name for people: `--out`, `FILE`."""
        if isinstance(self.mark, Option):
            return self.mark.name
        return self.mark.metavar or self.name.rstrip("_").upper().replace("_", "-")

    @property
    def value_label(self) -> str:
        """What stands for its value in the help: `FILE`, `de|en`, nothing for a flag."""
        if self.flag:
            return ""
        if isinstance(self.mark, Option) and self.mark.metavar:
            return self.mark.metavar
        if get_origin(self.kind) is Literal:
            return "|".join(get_args(self.kind))
        return {int: "N", Path: "FILE", datetime: "TIME"}.get(self.kind, "TEXT")


def parameters_of(run: Callable[..., Any]) -> list[Parameter]:
    """Return the parameters of a command's function, its first one (the frame) left out."""
    hints = get_type_hints(run, include_extras=True)
    return [
        parameter(one.name, hints[one.name], one.default)
        for one in list(inspect.signature(run).parameters.values())[1:]
    ]


def parameter(name: str, annotation: Any, default: Any) -> Parameter:
    """Return what an annotation says."""
    mark: Argument | Option = Argument()
    if get_origin(annotation) is Annotated:
        annotation, mark = get_args(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = [kind for kind in get_args(annotation) if kind is not type(None)]
    many = get_origin(annotation) is list
    return Parameter(name, mark, get_args(annotation)[0] if many else annotation, many, default)


def read_line(words: Sequence[str], parameters: Sequence[Parameter], *, start: str) -> dict[str, Any]:
    """Return the value of every parameter by name, or raise what is wrong (`usage.…`).

    `start` is the command as it is typed, for the hints.
    """
    options = {one.mark.name: one for one in parameters if isinstance(one.mark, Option)}
    arguments = [one for one in parameters if isinstance(one.mark, Argument)]
    given: dict[str, list[Any]] = {}
    rest, ended = list(words), False
    while rest:
        word = rest.pop(0)
        if word == "--" and not ended:
            ended = True
        elif word.startswith("-") and word != "-" and not ended:
            _take_option(word, rest, options, given, start)
        elif not arguments:
            raise InputError("usage.too_many", word=word, start=start)
        else:
            one = arguments[0] if arguments[0].many else arguments.pop(0)
            given.setdefault(one.name, []).append(_value(one, word))
    return {one.name: _settle(one, given, start) for one in parameters}


def _take_option(
    word: str, rest: list[str], options: dict[str, Parameter], given: dict[str, list[Any]], start: str
) -> None:
    name, equals, value = word.partition("=")
    one = options.get(name)
    if one is None:
        raise _unknown(name, list(options), start)
    if one.flag:
        if equals:
            raise InputError("usage.flag_value", option=name, start=start)
        given[one.name] = [True]
        return
    if not equals:
        if not rest or rest[0].startswith("--"):
            raise InputError("usage.no_value", option=name, start=start)
        value = rest.pop(0)
    if one.name in given and not one.many:
        raise InputError("usage.twice", option=name, start=start)
    given.setdefault(one.name, []).append(_value(one, value))


def _settle(one: Parameter, given: dict[str, list[Any]], start: str) -> Any:
    if one.name in given:
        return given[one.name] if one.many else given[one.name][0]
    if one.required:
        raise InputError("usage.missing", name=one.label, start=start)
    return one.default


def _value(one: Parameter, word: str) -> Any:
    """Return a word as a value of the parameter's type."""
    if get_origin(one.kind) is Literal:
        if word not in get_args(one.kind):
            raise InputError("usage.bad_choice", name=one.label, choices=", ".join(get_args(one.kind)))
        return word
    if one.kind is int:
        if not (word.isascii() and word.isdecimal() and len(word) < 16):
            raise InputError("usage.bad_number", name=one.label)
        return int(word)
    if one.kind is datetime:
        try:
            return parse_time(word if "T" in word else f"{word}T00:00:00Z").astimezone(UTC)
        except InputError as error:
            raise InputError("usage.bad_time", name=one.label) from error
    return one.kind(word)


def _unknown(option: str, known: list[str], start: str) -> InputError:
    from difflib import get_close_matches

    nearest = get_close_matches(option, known, n=1, cutoff=0.6)
    if nearest:
        return InputError("usage.option_did_you_mean", option=option, nearest=nearest[0], start=start)
    return InputError("usage.unknown_option", option=option, start=start)
