"""Answers of a customer's commands."""

from __future__ import annotations

from .shared import Answer, Check, Checkpoint, Code, Count, Did, Hash, Id, Part, Record, Registry, Time


class Identity(Part, frozen=True):
    did: Did
    company: str | None
    created_at: Time | None


class Ids(Answer, frozen=True):
    ids: list[Identity]


class IdOne(Answer, frozen=True):
    did: Did
    company: str | None


class CompanySeen(Part, frozen=True):
    did: Did
    name: str
    known: bool


class NoticeShown(Part, frozen=True):
    id: Code
    version: str
    hash: Hash
    language: str
    text: str


class OfferShown(Part, frozen=True):
    purpose: Code
    label: str
    channels: list[Code]
    data: list[str]
    recipients: list[str]
    retention: str | None
    double_opt_in: bool


class RequestShow(Answer, frozen=True):
    request: Id
    company: CompanySeen
    registry: Registry | None
    notice: NoticeShown
    offers: list[OfferShown]
    expires_at: Time
    warnings: list[str]


class Granted(Answer, frozen=True):
    did: Did
    records: list[Record]
    out: str | None


class Withdrawn(Answer, frozen=True):
    records: list[Record]
    registry: Checkpoint | None
    out: str | None


class Records(Answer, frozen=True):
    records: list[Record]
    warnings: list[str]


class EventLine(Part, frozen=True):
    record: Id | None
    seq: Count
    type: str
    at: Time
    event: Hash
    actor: dict[str, str] | None
    leaf_index: Count | None
    notice: str | None


class History(Answer, frozen=True):
    events: list[EventLine]


class Card(Part, frozen=True):
    card: Id
    type: str
    issuer: str
    subject: str | None
    issued_at: Time | None
    expires_at: Time | None
    status: str | None
    claims: list[str]


class Cards(Answer, frozen=True):
    cards: list[Card]


class Shared(Answer, frozen=True):
    question: Id
    to: Did
    card: Id
    shown: list[str]
    withheld: list[str]
    out: str | None


class Backup(Answer, frozen=True):
    file: str
    created_at: Time
    records: Count
    cards: Count
    checks: list[Check]


class Recovered(Answer, frozen=True):
    dids: list[Did]
    seals_found: Count
    records_without_text: Count
