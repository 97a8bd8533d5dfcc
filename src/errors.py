"""Every public exception of konsens: one class per cause, one stable code per failure.

The class says *what kind of thing went wrong* and fixes the exit code of the command line; the dotted
`code` says *which* failure it is and never changes. The sentences for people live beside the code, in
German and English, in `konsens/texts/<first part of the code>.toml`.

>>> error = NotFound("record.unknown", record="1a5ba4")
>>> error.code, error.exit_code
('record.unknown', 5)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import ClassVar, Literal

__all__ = [
    "Conflict",
    "Damaged",
    "Declined",
    "InputError",
    "KonsensError",
    "Language",
    "Locked",
    "NoConsent",
    "NotFound",
    "NotTrusted",
    "RefusedByPolicy",
    "Unavailable",
    "VerificationError",
    "sentence",
]

Language = Literal["de", "en"]


class KonsensError(Exception):
    """The root of every error that konsens raises on purpose.

    `facts` are the named values that the sentence mentions: numbers, codes, hashes, paths. Never a
    secret and never the value of a claim.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, /, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def message(self, language: Language = "en") -> str:
        """Return the sentence that says what is wrong."""
        return sentence(self.code, language, self.facts)

    def hint(self, language: Language = "en") -> str:
        """Return the sentence that says what helps."""
        return sentence(self.code, language, self.facts, hint=True)

    def __str__(self) -> str:
        return f"{self.code}: {self.message()}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.facts))


class InputError(KonsensError):
    """The request itself is wrong: usage, malformed or over-long input, a missing choice."""

    exit_code = 2


class Declined(KonsensError):
    """The person said no."""

    exit_code = 3


class Locked(KonsensError):
    """A passphrase is missing or wrong, or another process holds the store."""

    exit_code = 4


class NotFound(KonsensError):
    """The thing that was named does not exist here."""

    exit_code = 5


class VerificationError(KonsensError):
    """A signature, proof, commitment or binding is wrong."""

    exit_code = 6


class NoConsent(KonsensError):
    """There is no valid consent."""

    exit_code = 7


class Unavailable(KonsensError):
    """A log is not reachable, stale, a copy, or not yet provable: unknown, so no."""

    exit_code = 8


class Damaged(KonsensError):
    """Bytes differ from what was stored, or from what the container announced."""

    exit_code = 9


class NotTrusted(KonsensError):
    """A log, company or issuer is not trusted, or shows another key than the pinned one."""

    exit_code = 10


class RefusedByPolicy(KonsensError):
    """The act is well formed but a rule forbids it."""

    exit_code = 11


class Conflict(KonsensError):
    """The act collides with what exists: a spent nonce, a used key, an existing file."""

    exit_code = 12


def sentence(
    code: str, language: Language = "en", facts: Mapping[str, object] | None = None, *, hint: bool = False
) -> str:
    """Return the sentence for `code` in `language`, with `facts` filled in.

    A code without a text (a bug that the tests look for) gives the code itself, so that an error is
    never hidden by a missing sentence.
    """
    entry = _catalogue(code.partition(".")[0]).get(code, {})
    text = entry.get(f"hint_{language}" if hint else language, "" if hint else code)
    try:
        return text.format_map({key: _printable(value) for key, value in (facts or {}).items()})
    except (KeyError, IndexError, ValueError):
        return text


def _printable(value: object) -> str:
    """Strip what could steer a terminal or reverse the reading direction: facts may come from outside."""
    return "".join(c for c in str(value) if c.isprintable())[:300]


@cache
def _catalogue(topic: str) -> dict[str, dict[str, str]]:
    import tomllib  # here, and not above: most runs end without an error, and start-up time counts
    from pathlib import Path

    source = Path(__file__).with_name("texts") / f"{topic}.toml"
    if not topic.isidentifier() or not source.is_file():
        return {}
    catalogue: dict[str, dict[str, str]] = tomllib.loads(source.read_text("utf-8"))
    return catalogue


def _rebuild(kind: type[KonsensError], code: str, facts: dict[str, object]) -> KonsensError:
    return kind(code, **facts)
