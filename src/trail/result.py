"""What a verification found, whatever was verified."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..encoding import format_time
from ..errors import KonsensError
from ..registry import HeadLeaf, ProvenCheckpoint

__all__ = ["Answer", "Check", "Guilt", "Kind", "Report", "Shown", "shown_checkpoint"]

Kind = Literal["bundle", "proof", "receipt", "credential", "message", "fraud"]


class Check(msgspec.Struct, frozen=True):
    """One thing that was checked, under a stable name."""

    name: str
    ok: bool
    detail: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A proven checkpoint; `map_root` and `at` are known where its head leaf was shown.

    `witnessed` says that somebody beside the operator has cosigned it, `map_cosigned` that somebody of them
    computed the seal map again.
    """

    origin: str
    size: int
    root: str
    map_root: str | None
    at: str | None
    witnessed: bool
    map_cosigned: bool = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """What rests on the operator's word: everything, or that a seal is not broken."""
        if not self.witnessed:
            return ("log.unwitnessed",)
        return ("log.map_unwitnessed",) if self.map_root is not None and not self.map_cosigned else ()


class Answer(msgspec.Struct, frozen=True):
    """What a bundle answers to its one question: a code, and this verifier's own sentences for it."""

    code: str
    reason: dict[str, str]

    @property
    def allowed(self) -> bool:
        """Whether the answer is yes."""
        return self.code == "ok"


class Guilt(msgspec.Struct, frozen=True):
    """What the operator of a log was proven to have done: the rule that is broken, and where.

    `rule` is that of `konsens.registry.mirror.Proven`; `where` is an index, for a fork the smaller size.
    """

    rule: str
    origin: str
    where: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome; `errors` are in the order of the checks, and the first decides the exit code.

    `answer` is there for a bundle that asks one question, `guilt` for evidence against an operator; both only
    where everything held.
    """

    kind: Kind
    checks: tuple[Check, ...]
    as_of: str | None = None
    known_at: str | None = None
    answer: Answer | None = None
    guilt: Guilt | None = None
    signer: str | None = None
    checkpoint: Shown | None = None
    warnings: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    errors: tuple[KonsensError, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything held."""
        return not self.errors

    @property
    def allowed(self) -> bool | None:
        """Yes, no, or None where there is no one answer."""
        return self.answer.allowed if self.answer else None

    @property
    def origin(self) -> str | None:
        """The log, where one was proven, or proven guilty."""
        found = self.checkpoint or self.guilt
        return found.origin if found else None

    @property
    def failed(self) -> tuple[str, ...]:
        """The codes of everything that failed, each once, in order."""
        return tuple(dict.fromkeys(error.code for error in self.errors))


def shown_checkpoint(proven: ProvenCheckpoint, head: HeadLeaf | None = None) -> Shown:
    """Return a proven checkpoint as answers show it."""
    return Shown(
        origin=proven.origin,
        size=proven.size,
        root=proven.root.hex(),
        map_root=head.map_root.hex() if head else None,
        at=format_time(head.at) if head else None,
        witnessed=not proven.unwitnessed,
        map_cosigned=proven.map_cosigned,
    )
