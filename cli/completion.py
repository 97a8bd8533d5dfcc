"""`completion`: a script that completes command names and options in bash, zsh or fish.

The script is written once and knows everything by itself, so that no key press starts konsens.
"""

from __future__ import annotations

from typing import Annotated, Literal

from .commands import COMMANDS, PREFIXES, children
from .frame import Frame, Outcome, command
from .line import Argument
from .load import load

__all__ = ["completion"]


@command()
def completion(
    _: Frame,
    shell: Annotated[Literal["bash", "zsh", "fish"], Argument("SHELL", "bash, zsh or fish.")],
) -> Outcome:
    """Print a script that completes commands and options.

    bash and zsh: eval "$(konsens completion bash)" in the shell's start file. fish: konsens completion fish >
    ~/.config/fish/completions/konsens.fish
    """
    words = {path: sorted(children(path)) for path in ["", *PREFIXES]}
    words |= {name: options_of(name) for name in COMMANDS}
    return Outcome(bare=(fish(words) if shell == "fish" else bash(words, zsh=shell == "zsh")).encode())


def options_of(name: str) -> list[str]:
    """Return the options of a command."""
    found = load(name)
    return sorted(one.label for one in [*found.own, *found.shared] if one.label.startswith("--"))


def bash(words: dict[str, list[str]], *, zsh: bool) -> str:
    """Return a function for bash; zsh understands it by way of bashcompinit."""
    cases = [f"    {path!r}) words='{' '.join(after)}' ;;" for path, after in words.items()]
    lines = [
        "_konsens() {",
        "  local path='' words='' word",
        '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        '    case "$word" in -*) break ;; *) path="${path:+$path }$word" ;; esac',
        "  done",
        '  while :; do case "$path" in',
        *cases,
        '    *" "*) path="${path% *}"; continue ;;',
        "    *) path=''; continue ;;",
        "  esac; break; done",
        '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
        "}",
        "complete -o default -F _konsens konsens",
    ]
    start = ["autoload -U +X bashcompinit && bashcompinit"] if zsh else []
    return "\n".join([*start, *lines])


def fish(words: dict[str, list[str]]) -> str:
    """Return the completions for fish."""
    lines = ["complete -c konsens -n __fish_use_subcommand -f"]
    for path, after in words.items():
        seen = [f"__fish_seen_subcommand_from {word}" for word in path.split()]
        for word in after:
            text = PREFIXES.get(f"{path} {word}".strip()) or getattr(
                COMMANDS.get(f"{path} {word}".strip()), "help", ""
            )
            condition = "; and ".join(seen) if seen else "__fish_use_subcommand"
            shape = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
            note = " -d '" + text.replace("'", "\\'") + "'" if text else ""
            lines.append(f"complete -c konsens -n '{condition}' {shape}{note}")
    return "\n".join(lines)
