"""The command `konsens`: finds the command that was named, runs it, and ends with its exit code.

**How a command is added.** Three places, no more:

1. `cli/commands.py`: one line with where it lives and what `konsens --help` says of it.

       "id show": Entry("ids:id_show", "One identity."),

2. `cli/answers/`: the type of its `data`, entered in `ANSWERS` under the same name. This is the contract:
   `konsens schema id show` prints it, and a test holds the command to it.

3. `cli/ids.py`: the function. Its parameters are what may stand in the line (`cli/line.py`), its docstring is
   its help, whatever it needs from outside comes through the frame, and heavy imports stand inside it.

       @command(unlocks=True)
       def id_show(
           frame: Frame,
           company: Annotated[str | None, Option("--for", metavar="COMPANY", help="Which one.")] = None,
       ) -> Outcome:
           \"\"\"Show one identity.\"\"\"
           from konsens.wallet import Wallet

           wallet = Wallet.open(frame.home.folder, frame.passphrase())
           one = wallet.identity(company)
           return Outcome(
               IdOne(did=one.did, company=one.company),
               show=lambda screen: screen.fields({frame.pick(de="Kennung", en="Identity"): one.did}),
           )

   It raises `KonsensError`s and lets them pass; it never prints, exits or catches what it cannot mend. An
   answer that is also a failure, like a decision that says no, is `Outcome(data, error=NoConsent(code))`.
   Before an act that cannot be taken back it calls `frame.check_out(out)`, so that nothing is done in vain.

`cli/about.py` is a complete example.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, NoReturn

from .commands import COMMANDS, children

if TYPE_CHECKING:
    from konsens.errors import KonsensError, Language

__all__ = ["main", "run"]


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(argv: Sequence[str]) -> int:
    """Run `argv` and return the exit code. Every error of every command ends here."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = dispatch(list(argv))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read us has seen enough
        from .envelope import silence

        silence(sys.stdout)
        return 0
    except (KeyboardInterrupt, Exception) as error:
        return fail(error, argv)


def dispatch(argv: list[str]) -> int:
    """Find the command whose words `argv` begins with, and run it or show help."""
    if argv[:1] == ["help"]:
        argv = [*argv[1:], "--help"]
    if argv[:1] == ["--version"]:
        argv = ["version", *argv[1:]]
    words: list[str] = []
    while argv and argv[0] in children(" ".join(words)):
        words.append(argv.pop(0))
    path = " ".join(words)
    if path in COMMANDS:
        return run_command(path, argv)
    return no_command(path, argv)


def run_command(name: str, argv: list[str]) -> int:
    """Read the rest of the line as the command's parameters, and run it."""
    from .load import load

    command = load(name)
    if any(word in ("--help", "-h") for word in takewhile("--".__ne__, argv)):
        from .help import show_command_help

        show_command_help(name, command, sys.stdout)
        return 0
    from .envelope import finish
    from .frame import Common, Frame, system_language
    from .line import read_line

    given = read_line(argv, [*command.own, *command.shared], start=f"konsens {name}")
    common = {one.name: given.pop(one.name) for one in command.shared}
    common["lang"] = common["lang"] or system_language()
    common["registry"] = tuple(common.get("registry", ()))
    frame = Frame(name, Common(**common))
    return finish(command, frame, command(frame, **given))


def no_command(path: str, argv: list[str]) -> int:
    """Show the help of a group, or say that there is no such command."""
    from .help import show_help

    if any(word in ("--help", "-h") for word in argv):
        show_help(path, sys.stdout)
        return 0
    from konsens.errors import InputError

    known = children(path)
    if not argv:
        show_help(path, sys.stderr)
        raise InputError("usage.no_command", start=f"konsens {path}".strip())
    if argv[0].startswith("-"):
        raise InputError("usage.options_first", option=argv[0])
    from difflib import get_close_matches

    nearest = get_close_matches(argv[0], known, n=1, cutoff=0.5)
    if nearest:
        raise InputError(
            "usage.did_you_mean", word=argv[0], nearest=f"konsens {path} {nearest[0]}".replace("  ", " ")
        )
    raise InputError("usage.unknown_command", word=argv[0], start=f"konsens {path}".strip())


def fail(error: BaseException, argv: Sequence[str]) -> int:
    """Say what went wrong, as JSON where JSON was asked, and return the exit code."""
    from .envelope import print_error, print_json_error
    from .failure import language_of, translate

    ours: KonsensError = translate(error)
    lang: Language = language_of(argv)
    try:
        if "--json" in argv:
            print_json_error(ours, lang)
        else:
            print_error(ours, lang, plain="--plain" in argv)
    except OSError:
        pass
    return ours.exit_code
