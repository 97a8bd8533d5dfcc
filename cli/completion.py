"""`completion`: the script with which bash, zsh or fish ask konsens what may come next."""

from __future__ import annotations

from typing import Annotated, Literal

from click.shell_completion import BashComplete, FishComplete, ZshComplete

from .app import COMPLETE
from .frame import Frame, Outcome, command
from .group import Group
from .line import Argument

__all__ = ["completion"]

SCRIPTS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@command()
def completion(
    _: Frame,
    shell: Annotated[
        Literal["bash", "zsh", "fish"], Argument(metavar="SHELL", help="bash (4.4 or newer), zsh or fish.")
    ],
) -> Outcome:
    """Print a script that completes commands, options and files.

    bash and zsh: eval "$(konsens completion bash)" in the shell's start file. fish: konsens completion fish >
    ~/.config/fish/completions/konsens.fish
    """
    script = SCRIPTS[shell](Group(), {}, "konsens", COMPLETE).source()
    return Outcome(bare=script.encode())
