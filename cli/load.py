"""From a command's name to its function, importing its module and nothing else."""

from __future__ import annotations

from importlib import import_module

from .commands import COMMANDS
from .frame import Command

__all__ = ["load"]


def load(name: str) -> Command:
    """Return the command of that name."""
    module, _, function = COMMANDS[name].target.partition(":")
    found: Command = getattr(import_module(f"konsens.cli.{module}"), function)
    return found
