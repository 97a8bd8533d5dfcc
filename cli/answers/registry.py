"""Answers of the commands about a log."""

from __future__ import annotations

from typing import Literal

from .shared import Answer, Check, Checkpoint, Count, Did


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


class WitnessKey(Answer, frozen=True):
    name: str
    vkey: str


class WitnessServing(Answer, frozen=True):
    name: str
    vkey: str
    url: str
    logs: list[str]
