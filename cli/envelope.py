"""The one way out: an outcome or an error becomes JSON or text, and an exit code.

With `--json`, stdout carries exactly one object, on failure too:
`{"ok", "code", "message", "hint", "data"}`; `ok` is true exactly when the exit code is 0.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any, TextIO

import msgspec

from konsens.errors import KonsensError, Language

from .frame import Command, Frame, Outcome
from .screen import BOLD, RED, YELLOW, Screen

__all__ = ["finish", "print_error", "print_json_error", "silence", "tell"]

DONE = {"de": "Erledigt.", "en": "Done."}
REHEARSED = {"de": "Nichts davon ist geschehen.", "en": "None of this has happened."}


def finish(command: Command, frame: Frame, outcome: Outcome) -> int:
    """Print the outcome as the options ask, and return the exit code."""
    common = frame.common
    if outcome.bare:
        write(sys.stdout, outcome.bare)
        return 0
    if common.dry_run and outcome.data is not None:
        data = msgspec.structs.replace(outcome.data, dry_run=True)
        outcome = replace(outcome, data=data, done=REHEARSED[frame.lang])
    if common.json:
        write(sys.stdout, envelope(outcome, frame.lang))
    elif common.jsonl:
        for item in getattr(outcome.data, command.lists, ()):
            write(sys.stdout, msgspec.json.encode(item))
    else:
        _show(frame, outcome)
    if not common.json:
        _talk(frame, outcome)
    if outcome.after is not None:
        sys.stdout.flush()
        outcome.after()
    return outcome.error.exit_code if outcome.error is not None else 0


def tell(frame: Frame, outcome: Outcome, line: str) -> None:
    """Print what a command that goes on has found meanwhile: an object with `--json`, else one line."""
    if frame.common.json:
        write(sys.stdout, envelope(outcome, frame.lang))
    else:
        Screen(sys.stdout, plain=frame.common.plain).line(line)
        sys.stdout.flush()


def _show(frame: Frame, outcome: Outcome) -> None:
    screen = Screen(sys.stderr if frame.stdout_is_taken else sys.stdout, plain=frame.common.plain)
    if outcome.show is not None:
        outcome.show(screen)
    elif outcome.data is not None:
        screen.fields(msgspec.to_builtins(outcome.data))


def _talk(frame: Frame, outcome: Outcome) -> None:
    screen = Screen(sys.stderr, plain=frame.common.plain)
    for code, facts in outcome.warnings:
        screen.tagged(f"warning[{code}]:", frame.text(code, **facts), colour=YELLOW)
    if outcome.error is not None:
        print_error(outcome.error, frame.lang, plain=frame.common.plain)
    elif outcome.done and not frame.common.jsonl:
        screen.line(outcome.done)


def envelope(outcome: Outcome, lang: Language) -> bytes:
    """Return the JSON object for programs."""
    error = outcome.error
    return msgspec.json.encode(
        {
            "ok": error is None,
            "code": "ok" if error is None else error.code,
            "message": (outcome.done or DONE[lang]) if error is None else error.message(lang),
            "hint": None if error is None else error.hint(lang) or None,
            "data": outcome.data,
        }
    )


def print_json_error(error: KonsensError, lang: Language) -> None:
    """Print the envelope of a run that ended before it had data."""
    write(sys.stdout, envelope(Outcome(None, error=error), lang))


def print_error(error: KonsensError, lang: Language, *, plain: bool = False) -> None:
    """Print `error[code]: …` and `hint: …` on stderr."""
    screen = Screen(sys.stderr, plain=plain)
    screen.tagged(f"error[{error.code}]:", error.message(lang), colour=RED)
    if hint := error.hint(lang):
        screen.tagged("hint:", hint, colour=BOLD)


def write(stream: TextIO, line: bytes) -> None:
    """Write UTF-8, whatever the terminal's letters are."""
    stream.flush()
    stream.buffer.write(line + b"\n")
    stream.buffer.flush()


def silence(stream: Any) -> None:
    """Let nothing more be written to a stream whose reader has gone away."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
