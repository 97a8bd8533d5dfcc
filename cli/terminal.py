"""Questions to the person at the terminal; data on stdin and stdout stays untouched."""

from __future__ import annotations

import os
import sys

from konsens.errors import Declined, InputError, Language

from .screen import clean
from .secret import normal

__all__ = ["Terminal"]

YES = {"y", "yes", "j", "ja"}
NO = {"n", "no", "nein"}


class Terminal:
    """Asks, if somebody is there to answer; else says which option would have answered."""

    def __init__(self, language: Language, *, allowed: bool) -> None:
        self.language = language
        # A terminal behind a script whose streams all go elsewhere would wait for ever, unseen.
        self.present = allowed and (sys.stdin.isatty() or sys.stderr.isatty())

    def ask(self, question: str, *, option: str) -> str:
        """Return what the person types; `input.needed` names the option when nobody can be asked."""
        if not self.present:
            raise InputError("input.needed", option=option)
        answer = self._read(f"{question} ")
        return clean(answer).strip()

    def agrees(self, question: str, *, option: str = "--yes") -> bool:
        """Return yes or no. Neither is the default: both take one letter and the enter key."""
        letters = "[j/n]" if self.language == "de" else "[y/n]"
        while True:
            answer = self.ask(f"{question} {letters}", option=option).lower()
            if answer in YES | NO:
                return answer in YES

    def show(self, text: str) -> None:
        """Write to the terminal itself what must not land in a pipe or a file, else raise `input.needed`."""
        if not self.present:
            raise InputError("input.needed", option="--words-file")
        cleaned = clean(text, lines=True)
        try:
            with open("/dev/tty", "w", encoding="utf-8", errors="replace") as tty:
                tty.write(cleaned + "\n")
        except OSError:
            stream = sys.stderr if sys.stderr.isatty() else sys.stdout
            if not stream.isatty():
                raise InputError("input.needed", option="--words-file") from None
            print(cleaned, file=stream)

    def secret(self, question: str) -> str:
        """Return what the person types unseen."""
        if not self.present:
            raise InputError("input.passphrase_needed")
        import getpass

        try:
            return normal(getpass.getpass(f"{clean(question)} "))
        except EOFError as error:
            raise Declined("input.cancelled") from error

    def _read(self, prompt: str) -> str:
        prompt = clean(prompt, lines=True)
        try:
            with open("/dev/tty", "r+b", buffering=0) as tty:
                tty.write(prompt.encode())
                line = bytearray()
                while (letter := tty.read(1)) not in (b"", b"\n", None):
                    line += letter
                if letter != b"\n" and not line:
                    raise Declined("input.cancelled")
                return line.decode("utf-8", "replace")
        except OSError:
            if not (sys.stdin.isatty() and os.isatty(2)):
                raise InputError("input.needed", option="--yes") from None
            print(prompt, end="", file=sys.stderr, flush=True)
            line_read = sys.stdin.readline()
            if not line_read:
                raise Declined("input.cancelled") from None
            return line_read.rstrip("\n")
