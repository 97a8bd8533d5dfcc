"""Answers of the commands for everyone."""

from __future__ import annotations

from typing import Literal

from .shared import Answer, Check, Checkpoint, Count, Did, Part, Registry, Sentences, Time


class RegistryUsed(Registry, frozen=True):
    """A log in a folder of this machine."""

    folder: str


class Init(Answer, frozen=True):
    home: str
    did: Did | None
    registry: RegistryUsed | None
    words_file: str | None


class CheckWithFix(Check, frozen=True):
    """A check of this machine, and the command that mends it."""

    fix: str | None


class Doctor(Answer, frozen=True):
    checks: list[CheckWithFix]


class Step(Part, frozen=True):
    command: str
    exit: int
    code: str


class Demo(Answer, frozen=True):
    folder: str
    steps: list[Step]
    bundle: str | None
    report: str | None


class Answered(Part, frozen=True):
    """What a bundle about one question answers to it, in this verifier's own words for the code."""

    allowed: bool
    code: str
    reason: Sentences


class GuiltShown(Part, frozen=True):
    """What an operator was proven to have done; `where` is an index, for a fork the smaller size."""

    rule: str
    origin: str
    where: Count


class Verify(Answer, frozen=True):
    """`answer` and `guilt` are null where anything failed, and in files that are not about that."""

    kind: Literal["bundle", "proof", "receipt", "credential", "message", "fraud"]
    as_of: Time | None
    signer: str | None
    origin: str | None
    checkpoint: Checkpoint | None
    checks: list[Check]
    failed: list[str]
    warnings: list[str]
    counts: dict[str, int]
    answer: Answered | None
    guilt: GuiltShown | None


class Trust(Answer, frozen=True):
    logs: list[Registry]
    companies: list[Did]
    issuers: dict[str, list[Did]]


class Version(Answer, frozen=True):
    version: str
    python: str
    formats: dict[str, int]
