"""Answers of the commands about a log."""

from __future__ import annotations

from typing import Literal

from .shared import Answer, Check, Checkpoint, Count, Did, Hash, Part, Time


class RegistryFolder(Answer, frozen=True):
    origin: str
    vkey: str
    folder: str


class RegistryPolicy(Answer, frozen=True):
    origin: str
    vkey: str
    companies: list[Did]
    out: str | None


class RegistryProof(Answer, frozen=True):
    kind: Literal["inclusion", "open", "broken", "consistency"]
    checkpoint: Checkpoint
    proof: str
    leaf_index: Count | None


class RegistryReport(Answer, frozen=True):
    checkpoint: Checkpoint | None
    entries: Count
    checks: list[Check]
    failed: list[str]


class RegistryServing(Answer, frozen=True):
    origin: str
    vkey: str
    url: str
    static: str
    witnesses: list[str]


class RegistrySequencing(Answer, frozen=True):
    origin: str
    vkey: str
    schema: str
    static: str
    witnesses: list[str]


class WitnessKey(Answer, frozen=True):
    name: str
    vkey: str


class WitnessServing(Answer, frozen=True):
    name: str
    vkey: str
    url: str
    logs: list[str]


class Mirrored(Answer, frozen=True):
    origin: str
    vkey: str
    folder: str
    size: Count
    root: Hash
    added: Count
    cosigner: str | None


class Broken(Part, frozen=True):
    """A watched seal that was broken; `checkpoint_size` is null while no checkpoint covers its leaf."""

    seal: Hash
    leaf_index: Count
    checkpoint_size: Count | None
    since: Time | None


class LogProblem(Part, frozen=True):
    """What was wrong with a log, and since when that is known."""

    code: str
    message: str
    first: Time
    evidence: str | None


class Monitored(Answer, frozen=True):
    origin: str
    size: Count | None
    watched: Count
    broken: list[Broken]
    problems: list[LogProblem]


class StaticExported(Answer, frozen=True):
    origin: str
    size: Count
    to: str
    repaired: Count


class Moved(Answer, frozen=True):
    origin: str
    entries: Count
    schema: str
