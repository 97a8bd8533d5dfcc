"""Answers of the commands for everyone."""

from __future__ import annotations

from typing import Literal

from .shared import Answer, Check, Checkpoint, Did, Part, Registry, Time


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


class Verify(Answer, frozen=True):
    kind: Literal["bundle", "proof", "receipt", "credential", "message"]
    as_of: Time | None
    signer: str | None
    origin: str | None
    checkpoint: Checkpoint | None
    checks: list[Check]
    failed: list[str]
    warnings: list[str]
    counts: dict[str, int]


class Trust(Answer, frozen=True):
    logs: list[Registry]
    companies: list[Did]
    issuers: dict[str, list[Did]]


class Version(Answer, frozen=True):
    version: str
    python: str
    formats: dict[str, int]
