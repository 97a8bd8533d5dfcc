"""Every way in which a run can end badly, as one of our errors with its code and its exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence

from konsens.errors import Declined, InputError, KonsensError, Language

__all__ = ["UnforeseenError", "language_of", "translate"]


class UnforeseenError(KonsensError):
    """Something that we did not foresee: exit code 1, and nothing of its message, which may be personal."""

    exit_code = 1


def translate(error: BaseException) -> KonsensError:
    """Return `error` as ours."""
    if isinstance(error, KonsensError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Declined("input.cancelled")
    if os.environ.get("KONSENS_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        return InputError("file.system", path=error.filename or "", reason=error.strerror)
    return UnforeseenError("bug.unexpected", kind=type(error).__name__, place=_place(error))


def language_of(argv: Sequence[str]) -> Language:
    """Return the language that the line asks for, even if the rest of it could not be read."""
    from .frame import system_language

    for number, word in enumerate(argv):
        value = word.partition("=")[2] if word.startswith("--lang=") else ""
        if word == "--lang" and number + 1 < len(argv):
            value = argv[number + 1]
        if value == "de":
            return "de"
        if value == "en":
            return "en"
    return system_language()


def _place(error: BaseException) -> str:
    """Return file and line where it happened: enough for a report, and nothing personal."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if trace.tb_frame.f_globals.get("__name__", "").startswith("konsens."):
            place = f"{trace.tb_frame.f_globals['__name__']}:{trace.tb_lineno} ({code.co_name})"
        trace = trace.tb_next
    return place or "?"
