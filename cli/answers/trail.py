"""Answers of a privacy officer's commands."""

from __future__ import annotations

from typing import Literal

from .customer import EventLine
from .shared import Answer, Checkpoint, Code, Count, Decision, Hash, Time


class FoundEvent(EventLine, frozen=True):
    customer: str | None
    received_at: Time | None


class Found(Answer, frozen=True):
    events: list[FoundEvent]


class Proven(Answer, frozen=True):
    decision: Decision
    out: str | None


class Wording(Answer, frozen=True):
    notice: Code
    version: str
    language: str
    text: str
    hash: Hash
    leaf_index: Count | None


class Exported(Answer, frozen=True):
    format: Literal["bundle", "csv", "jsonld", "html"]
    events: Count
    records: Count
    checkpoint: Checkpoint | None
    sha256: Hash
    out: str | None
