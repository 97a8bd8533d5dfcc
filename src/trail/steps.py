"""Steps of a verification: every part runs, every failure is named, nothing is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..errors import Damaged, InputError, KonsensError, NotTrusted
from .result import Check

__all__ = ["NOT_CHECKED", "Part", "Steps", "fail"]

Part = tuple[tuple[str, ...], Callable[[], object]]
"""One thing to check, and the events that take no part in what follows if it fails."""

NOT_CHECKED = "not checked"
FAILURES_NAMED = 100  # of one step; the rest is counted


class Steps:
    """Collects what was checked and what failed; `drop` is told which events a failure spoils.

    What has not the form that its file must have was changed since it was made, so it counts as damage.
    """

    def __init__(self, drop: Callable[[Iterable[str]], None] | None = None) -> None:
        self.checks: list[Check] = []
        self.errors: list[KonsensError] = []
        self.warnings: list[str] = []
        self._drop = drop

    def run(self, name: str, parts: Iterable[Part]) -> bool:
        """Run every part; a part that cannot even be found counts as one that failed."""
        failed, count, several = 0, 0, iter(parts)
        while True:
            subject: tuple[str, ...] = ()
            try:
                subject, part = next(several)
                count += 1
                part()
            except StopIteration:
                break
            except KonsensError as error:
                count = max(count, failed + 1)
                failed += 1
                if self._drop:
                    self._drop(subject)
                if failed <= FAILURES_NAMED and not self._said(error):
                    self.errors.append(_as_damage(error))
        self.checks.append(Check(name, ok=not failed, detail=f"{count - failed} of {count}"))
        return not failed

    def unchecked(self, name: str) -> None:
        """Note a step whose outcome would say nothing."""
        self.checks.append(Check(name, ok=False, detail=NOT_CHECKED))

    @property
    def untrusted(self) -> bool:
        """Whether somebody turned up whom the verifier does not trust."""
        return any(isinstance(error, NotTrusted) for error in self.errors)

    def _said(self, error: KonsensError) -> bool:
        """Tell whether it was named before that somebody is not trusted; once is enough."""
        known = [(one.code, one.facts) for one in self.errors if isinstance(one, NotTrusted)]
        return (error.code, error.facts) in known

    def one(self, name: str, part: Callable[[], object]) -> bool:
        """Run a single part."""
        return self.run(name, [((), part)])


def fail(error: KonsensError) -> None:
    """Raise what was found before; a part of a step."""
    raise error


def _as_damage(error: KonsensError) -> KonsensError:
    if not isinstance(error, InputError):
        return error
    damage = Damaged("trail.form", problem=error.code)
    damage.__cause__ = error
    return damage
