"""Every way in which a run can end badly, as one of our errors with its code and its exit code."""

from __future__ import annotations

import os
from difflib import get_close_matches

import click

from konsens.errors import Declined, InputError, KonsensError

__all__ = ["UnforeseenError", "translate"]


class UnforeseenError(KonsensError):
    """Something that we did not foresee: exit code 1, and nothing of its message, which may be personal."""

    exit_code = 1


def translate(error: BaseException) -> KonsensError:
    """Return `error` as ours."""
    if isinstance(error, KonsensError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Declined("input.cancelled")
    if isinstance(error, click.UsageError):
        return _usage(error)
    if os.environ.get("KONSENS_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        return InputError("file.system", path=error.filename or "", reason=error.strerror)
    return UnforeseenError("bug.unexpected", kind=type(error).__name__, place=_place(error))


def _usage(error: click.UsageError) -> InputError:
    """Return what click found wrong with the line, in our words."""
    from .group import Group
    from .line import label

    context = error.ctx
    start = context.command_path if context else "konsens"
    if isinstance(error, click.NoSuchOption):
        if context and isinstance(context.command, Group):
            return InputError("usage.options_first", option=error.option_name)
        known = [spelling for one in context.command.params for spelling in one.opts] if context else []
        for near in get_close_matches(error.option_name, known, n=1, cutoff=0.6):
            return InputError(
                "usage.option_did_you_mean", option=error.option_name, nearest=near, start=start
            )
        return InputError("usage.unknown_option", option=error.option_name, start=start)
    if isinstance(error, click.BadParameter) and error.param:
        if isinstance(error, click.MissingParameter):
            return InputError("usage.missing", name=label(error.param), start=start)
        if isinstance(error.param.type, click.Choice):
            choices = ", ".join(error.param.type.choices)
            return InputError("usage.bad_choice", name=label(error.param), choices=choices)
    return InputError("usage.no_command", start=start)


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
