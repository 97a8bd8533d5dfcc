"""From a command's name to its function, importing its module and nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .commands import COMMANDS
from .envelope import finish
from .frame import Command, Common, Frame
from .line import SHARED, Line, line_of

__all__ = ["load", "runnable"]


def load(name: str) -> Command:
    """Return the command of that name."""
    module, _, function = COMMANDS[name].target.partition(":")
    found: Command = getattr(import_module(f"konsens.cli.{module}"), function)
    return found


def runnable(name: str) -> Line:
    """Return the command as click runs it: with its line read, in its frame, to its exit code."""
    command = load(name)

    def act(**given: Any) -> int:
        common = {option: given.pop(option) for option in SHARED if option in given}
        common["registry"] = tuple(common.get("registry", ()))
        frame = Frame(name, Common(**common))
        return finish(command, frame, command.run(frame, **given))

    return line_of(name, command, act)
