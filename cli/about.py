"""`version` and `schema`: what this program is, and what its answers look like."""

from __future__ import annotations

import json
import platform
from typing import Annotated

import msgspec

from konsens import __version__
from konsens.errors import NotFound

from .answers import ANSWERS, Version
from .frame import Frame, Outcome, command
from .line import Argument
from .screen import Screen

__all__ = ["FORMATS", "schema", "version"]

# The version of each format that this program writes; it reads no other.
FORMATS = {
    "event": 1,
    "notice": 1,
    "request": 1,
    "receipt": 1,
    "bundle": 1,
    "trust": 1,
    "leaf": 1,
    "wallet": 1,
}


@command()
def version(frame: Frame) -> Outcome:
    """Say which konsens this is, and which formats it writes."""
    data = Version(version=__version__, python=platform.python_version(), formats=FORMATS)

    def show(screen: Screen) -> None:
        screen.line(f"konsens {data.version} (Python {data.python})")
        screen.line(
            f"{frame.pick(de='Formate', en='Formats')}: " + ", ".join(f"{n} {v}" for n, v in FORMATS.items())
        )

    return Outcome(data, show=show)


@command()
def schema(
    _: Frame,
    name: Annotated[list[str], Argument(metavar="COMMAND", help="A command, like `company check`.")],
) -> Outcome:
    """Print the JSON Schema of a command's answer: of `data`, without the envelope."""
    wanted = " ".join(name)
    if wanted not in ANSWERS:
        raise NotFound("usage.no_schema", name=wanted)
    text = json.dumps(msgspec.json.schema(ANSWERS[wanted]), indent=2, ensure_ascii=False)
    return Outcome(bare=text.encode())
