"""What a verification found, whatever was verified."""

from __future__ import annotations

import msgspec

from ..errors import KonsensError

__all__ = ["Check", "Report"]


class Check(msgspec.Struct, frozen=True):
    """One thing that was checked, under a stable name."""

    name: str
    ok: bool
    detail: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome; `errors` are in the order of the checks, and the first decides the exit code."""

    kind: str
    checks: tuple[Check, ...]
    as_of: str | None = None
    signer: str | None = None
    origin: str | None = None
    size: int | None = None
    root: str | None = None
    witnessed: bool = False
    warnings: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    errors: tuple[KonsensError, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything held."""
        return not self.errors

    @property
    def failed(self) -> tuple[str, ...]:
        """The codes of everything that failed, each once, in order."""
        return tuple(dict.fromkeys(error.code for error in self.errors))
