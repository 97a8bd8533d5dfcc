"""What a trail shows: the read model that every export is rendered from.

Times are as in the formats: RFC 3339, UTC, whole seconds. `at` is what the signer claims; `counted_at` is the
log's own time (the head leaf that counts), or None while no checkpoint covers the leaf.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..consent import Break, Decision
from ..registry import Checkpoint

__all__ = ["EventLine", "Finding", "NoticeText", "RecordLine", "TrailView", "UseLine", "by_person"]


class EventLine(msgspec.Struct, frozen=True):
    """One act, as a line of a history."""

    record: str
    lane: str
    seq: int
    type: str
    signer: str  # customer | company
    customer: str
    purpose: str | None
    channel: str | None
    at: str
    received_at: str
    counted_at: str | None
    actor: str | None
    event: str
    origin: str
    leaf_index: int
    notice: str | None


class RecordLine(msgspec.Struct, frozen=True):
    """One consent: where it stands, and everything that led there.

    `names` are the person's pairwise DID and `ref:` number; `breaks` the broken seals that counted.
    """

    record: str
    customer: str
    ref: str | None
    purpose: str
    channel: str
    state: str | None  # None: nothing on file then
    since: str | None
    until: str | None
    assurance: str | None
    decision: Decision
    seal: str | None
    seal_broken_at: int | None
    notice: str | None
    events: tuple[EventLine, ...]
    names: tuple[str | None, str | None] = (None, None)
    breaks: Mapping[str, Break] = {}

    @property
    def allowed(self) -> bool:
        """Whether the person might be contacted."""
        return self.decision.allowed


class NoticeText(msgspec.Struct, frozen=True):
    """The exact words that people saw."""

    id: str
    version: str
    hash: str
    valid_from: str
    leaf_index: int | None
    text: dict[str, str]


class UseLine(msgspec.Struct, frozen=True):
    """One contact, or one mailing over many rows."""

    use: str
    campaign: str
    customer: str | None
    purpose: str
    channel: str
    at: str
    basis: str | None
    relies_on: str | None
    rows: int
    leaf_index: int | None


class Finding(msgspec.Struct, frozen=True):
    """Something that a privacy officer must look at, by its stable code."""

    code: str
    where: str
    facts: dict[str, str] = {}


class TrailView(msgspec.Struct, frozen=True):
    """Everything that one question to the trail found.

    `supporting` are records that were not asked for but decide with one that was: the imported word beside
    a person's own. `requested` are matters that the company asked about and nobody answered: they stand in
    its book alone, so no bundle proves them.
    """

    company: str
    company_name: str
    made_at: str
    as_of: str
    known_at: str
    query: dict[str, str]
    checkpoint: Checkpoint | None
    checkpoint_at: str | None
    witnessed: bool
    population: dict[str, int]
    records: tuple[RecordLine, ...]
    supporting: tuple[RecordLine, ...]
    notices: tuple[NoticeText, ...]
    uses: tuple[UseLine, ...]
    findings: tuple[Finding, ...]
    requested: tuple[RecordLine, ...] = ()

    @property
    def evidence(self) -> tuple[RecordLine, ...]:
        """Every record that a bundle must hold."""
        return self.records + self.supporting


def by_person(line: RecordLine) -> tuple[bool, str, str, str, str]:
    """Return what sorts records by the company's number, those without one last."""
    return line.ref is None, line.ref or "", line.customer, line.purpose, line.channel
