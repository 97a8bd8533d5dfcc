"""The frame that every command runs in: common options, the home, questions, the clock, and the one exit.

A command is a function that takes a `Frame`, its own arguments, and returns an `Outcome`:

    @command()
    def id_show(frame: Frame, company: Annotated[str | None, Option("--for")] = None) -> Outcome:
        \"\"\"Show one identity.\"\"\"
        ...
        return Outcome(IdOne(did=did, company=company))

The frame turns the outcome into JSON or into text, and an error into its exit code. A command prints nothing
by itself and reads no clock, no environment and no terminal but through its frame.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from konsens.errors import Declined, InputError, KonsensError, Language, sentence

from .answers import Answer
from .files import check_free, read_input, write_new
from .home import Home
from .language import system_language
from .screen import Screen, clean
from .secret import from_descriptor, from_file
from .terminal import Terminal

if TYPE_CHECKING:
    from konsens.registry.log_place import LogPlace

__all__ = ["Command", "Common", "Frame", "Outcome", "command"]


@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command understands after its name."""

    json: bool = False
    jsonl: bool = False
    lang: Language | None = None  # None: nobody named one
    home: Path | None = None
    no_input: bool = False
    yes: bool = False
    plain: bool = False
    dry_run: bool = False
    force: bool = False
    passphrase_fd: int | None = None
    registry: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a command found or did.

    `show` writes it for a person; without it, every field is shown. `done` is the sentence of success, from
    `frame.text` or `frame.pick`. A command that has an answer although it failed, like a decision that says
    no, gives both `data` and `error`. `warnings` are codes with their facts. `bare` is printed as it is, with
    no envelope: for `schema` alone. `after` runs once all this is printed: a server, until it is ended.
    """

    data: Answer | None = None
    show: Callable[[Screen], None] | None = None
    done: str = ""
    error: KonsensError | None = None
    warnings: tuple[tuple[str, Mapping[str, object]], ...] = ()
    bare: bytes = b""
    after: Callable[[], None] | None = None


@dataclass
class Frame:
    """One run of one command."""

    command: str
    common: Common
    stdout_is_taken: bool = field(default=False, init=False)
    _passphrase: str | None = field(default=None, init=False, repr=False)

    @property
    def lang(self) -> Language:
        """The language for people; codes are never translated."""
        return self.common.lang or system_language()

    @property
    def dry_run(self) -> bool:
        """True if nothing may be signed, sent or written."""
        return self.common.dry_run

    @property
    def home(self) -> Home:
        """The home that `--home`, `KONSENS_HOME` or the system names; it need not exist."""
        return Home(self.common.home) if self.common.home else Home.default()

    @property
    def registries(self) -> tuple[LogPlace, ...]:
        """The folders and URLs named by `--registry`, else by `KONSENS_REGISTRY`; the first is home."""
        named, listed = self.common.registry, os.environ.get("KONSENS_REGISTRY", "")
        if not (named or listed):
            return ()
        from konsens.registry.log_place import parse_place, parse_places

        return tuple(map(parse_place, named)) or parse_places(listed)

    def now(self) -> datetime:
        """Return this moment in UTC, to the second: the only clock of the command line."""
        return datetime.now(UTC).replace(microsecond=0)

    def entropy(self, size: int) -> bytes:
        """Return random bytes of the system: the only source of chance of the command line."""
        return os.urandom(size)

    # Words

    def text(self, code: str, **facts: object) -> str:
        """Return the sentence behind a code of `src/texts`, in the person's language."""
        return sentence(code, self.lang, facts)

    def pick(self, *, de: str, en: str) -> str:
        """Return the right one of two spellings: for labels and lines that are no message of their own."""
        return de if self.lang == "de" else en

    def talk(self, text: str) -> None:
        """Say something beside the answer, on stderr; silent under `--json`."""
        if not (self.common.json or self.common.jsonl):
            Screen(sys.stderr, plain=self.common.plain).line(text)

    @property
    def page(self) -> Screen | None:
        """Where a person reads along while a command works; None under `--json`."""
        if self.common.json or self.common.jsonl:
            return None
        return Screen(sys.stdout, plain=self.common.plain)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show a bar on stderr while the block runs; what it yields is told how many are done, of how many.

        It appears with the first word, and only for a person who watches: nothing under `--json`, `--plain`,
        or where stderr is no terminal.
        """
        if self.common.json or self.common.jsonl or self.common.plain or not sys.stderr.isatty():
            yield lambda _done, _total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(clean(what), visible=False)
            yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)

    # Questions

    @property
    def terminal(self) -> Terminal:
        """Whoever sits there, unless `--no-input`."""
        return Terminal(self.lang, allowed=not self.common.no_input)

    def ask(self, question: str, *, option: str) -> str:
        """Return what the person types; with nobody there, `input.needed` names the option instead."""
        return self.terminal.ask(question, option=option)

    def agrees(self, question: str) -> bool:
        """Return whether the person says yes; `--yes` says yes to everything."""
        return self.common.yes or self.terminal.agrees(question)

    def confirm(self, question: str) -> None:
        """Raise `input.declined` unless the person says yes."""
        if not self.agrees(question):
            raise Declined("input.declined")

    def passphrase(self, *, new: bool = False) -> str:
        """Return the passphrase, asked once a run; empty means none. A `new` one is typed twice.

        From `--passphrase-fd`, else the first line of `KONSENS_PASSPHRASE_FILE`, else the person; with
        nobody there, `input.passphrase_needed`.
        """
        if self._passphrase is None:
            if self.common.passphrase_fd is not None:
                self._passphrase = from_descriptor(self.common.passphrase_fd)
            elif named := os.environ.get("KONSENS_PASSPHRASE_FILE"):
                self._passphrase = from_file(named)
            else:
                typed = self.terminal.secret("Passphrase:")
                if new and typed != self.terminal.secret(self.pick(de="Noch einmal:", en="Once more:")):
                    raise InputError("input.passphrase_differs")
                self._passphrase = typed
        return self._passphrase

    # Files

    def read(self, path: str | Path, *, max_bytes: int = 64 << 20) -> bytes:
        """Return what FILE holds, or stdin for `-`."""
        return read_input(path, max_bytes=max_bytes)

    def check_out(self, path: str | Path | None) -> None:
        """Raise unless `write` could write there. Call it before an act that cannot be taken back."""
        if path is None:
            return
        if str(path) == "-" and (self.common.json or self.common.jsonl):
            raise InputError("input.stdout_taken")
        check_free(path, force=self.common.force)

    def write(self, path: str | Path, data: bytes) -> None:
        """Write a new file (0600), or stdout for `-`; then the answer for people goes to stderr."""
        self.check_out(path)
        if not self.dry_run:
            self.stdout_is_taken |= str(path) == "-"
            write_new(path, data, force=self.common.force)


@dataclass(frozen=True)
class Command:
    """A command: its function, and which of the shared options make sense for it."""

    run: Callable[..., Outcome]
    lists: str = ""
    signs: bool = False
    writes: bool = False
    unlocks: bool = False
    logs: bool = False

    def takes(self, option: str) -> bool:
        """Return whether one of the shared options (`cli/line.py`) is for this command."""
        wanted = {
            "jsonl": bool(self.lists),
            "dry_run": self.signs,
            "force": self.writes,
            "passphrase_fd": self.unlocks,
            "registry": self.logs,
        }
        return wanted.get(option, True)


def command(
    *, lists: str = "", signs: bool = False, writes: bool = False, unlocks: bool = False, logs: bool = False
) -> Callable[[Callable[..., Outcome]], Command]:
    """Make a command of a function.

    `lists` names the list that `--jsonl` prints; `signs` adds `--dry-run`, `writes` `--force`, `unlocks`
    `--passphrase-fd` and `logs` `--registry`.
    """
    return lambda run: Command(run, lists=lists, signs=signs, writes=writes, unlocks=unlocks, logs=logs)
