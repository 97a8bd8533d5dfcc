"""What more than one command answers with: letters, records, checks, decisions, checkpoints."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Time = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Code = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,63}$")]
Did = Annotated[str, Meta(pattern="^did:")]
Dotted = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")]
Count = Annotated[int, Meta(ge=0)]

State = Literal[
    "requested",
    "deferred",
    "refused",
    "pending",
    "given",
    "renewed",
    "withdrawn",
    "expired",
    "lapsed",
    "revoked",
    "superseded",
    "invalidated",
]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all answers. `dry_run` is there, and true, when nothing was signed or written."""

    dry_run: Literal[True] | UnsetType = UNSET


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The root of what answers are made of."""


class Record(Part, frozen=True):
    """One consent: who, what for, how, and whether it holds. `leaf_index` is null until it is sequenced.

    `record` is null for a seal that was broken without its text, in a home recovered from the words.
    """

    record: Id | None
    company: str | None
    purpose: Code | None
    channel: Code | None
    state: State
    since: Time | None
    until: Time | None
    event: Hash | None
    seal: Hash | None
    next: Hash | None
    leaf_index: Count | None


class Check(Part, frozen=True):
    """One thing that was checked. `name` is stable and dotted."""

    name: str
    ok: bool
    detail: str


class Sentences(Part, frozen=True):
    """One sentence in both languages."""

    de: str
    en: str


class Evidence(Part, frozen=True):
    """What a decision rests on."""

    record: Id | None
    event: Hash | None
    notice: Hash | None
    leaf_index: Count | None
    checkpoint_size: Count | None
    seal: Hash | None


class Decision(Answer, frozen=True):
    """Whether somebody may be contacted, and why."""

    allowed: bool
    code: str
    reason: Sentences
    customer: str
    purpose: str
    channel: str
    as_of: Time
    known_at: Time
    valid_until: Time | None
    basis: Literal["consent", "contract", "existing_customer", "legitimate_interest", "legal"] | None
    assurance: Literal["customer_signed", "courier", "attested"] | None
    checks: list[Check]
    evidence: Evidence


class Checkpoint(Answer, frozen=True):
    """A state of a log; `size` to `at` are null before the first. `acknowledged`: the leaf just written."""

    origin: str
    size: Count | None
    root: Hash | None
    map_root: Hash | None
    at: Time | None
    acknowledged: Literal["sequenced", "checkpointed", "witnessed"] | None


class Registry(Part, frozen=True):
    """A log by its name and its key."""

    origin: str
    vkey: str
