"""The command `konsens`: finds the command that was named, runs it, and ends with its exit code.

**How a command is added.** Three places, no more:

1. `cli/commands.py`: one line with where it lives and what `konsens --help` says of it. What help says in
   English anywhere, `cli/help.de.json` says in German.

       "id show": Entry("ids:id_show", "One identity."),

2. `cli/answers/`: the type of its `data`, entered in `ANSWERS` under the same name. This is the contract:
   `konsens schema id show` prints it, and a test holds the command to it.

3. `cli/ids.py`: the function. typer makes the line of its parameters (`cli/line.py`), its docstring is its
   help, whatever it needs from outside comes through the frame, and heavy imports stand inside it.

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

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from click.exceptions import Exit
from click.shell_completion import shell_complete

from .group import Group
from .language import language_of

if TYPE_CHECKING:
    from konsens.errors import KonsensError

__all__ = ["main", "run"]

COMPLETE = "_KONSENS_COMPLETE"  # set by the script that `konsens completion` prints
NEW_OBJECTS = 20_000  # between two looks for garbage: loading modules makes many objects, and no garbage


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(NEW_OBJECTS)
    if COMPLETE in os.environ:
        sys.exit(shell_complete(Group(), {}, "konsens", COMPLETE, os.environ[COMPLETE]))
    code = run(sys.argv[1:])
    gc.freeze()  # the process ends: to look through all that is left for garbage would take 20 ms
    sys.exit(code)


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
    """Let click find the command and run it. Its own `main` would end in texts and exit codes of its own."""
    if argv[:1] == ["help"]:
        argv = [*argv[1:], "--help"]
    if argv[:1] == ["--version"]:
        argv = ["version", *argv[1:]]
    colour = False if os.environ.get("NO_COLOR") else None
    try:
        with Group().make_context(
            "konsens", argv, color=colour, obj=language_of(argv), help_option_names=["--help", "-h"]
        ) as line:
            code: int = line.command.invoke(line)
            return code
    except Exit as done:  # after `--help`
        return done.exit_code


def fail(error: BaseException, argv: Sequence[str]) -> int:
    """Say what went wrong, as JSON where JSON was asked, and return the exit code."""
    from .envelope import print_error, print_json_error
    from .failure import translate

    ours: KonsensError = translate(error)
    lang = language_of(argv)
    try:
        if "--json" in argv:
            print_json_error(ours, lang)
        else:
            print_error(ours, lang, plain="--plain" in argv)
    except OSError:
        pass
    return ours.exit_code
