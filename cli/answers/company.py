"""Answers of a company's commands."""

from __future__ import annotations

from typing import Any

from .shared import Answer, Check, Code, Count, Decision, Did, Hash, Id, Part, Record, Registry, Time


class CompanyRegistry(Registry, frozen=True):
    folder: str
    operator: bool


class CompanyInit(Answer, frozen=True):
    did: Did
    name: str
    home: str
    registry: CompanyRegistry | None


class PurposeLine(Part, frozen=True):
    code: Code
    channels: list[Code]


class NoticeLine(Part, frozen=True):
    id: Code
    version: str
    hash: Hash
    languages: list[str]
    purposes: list[PurposeLine]
    leaf_index: Count | None


class Notice(Answer, frozen=True):
    notice: NoticeLine | None
    problems: list[str]


class Notices(Notice, frozen=True):
    notices: list[NoticeLine]


class NoticeText(Notice, frozen=True):
    language: str
    text: str


class Offer(Part, frozen=True):
    purpose: Code
    channels: list[Code]


class Asked(Answer, frozen=True):
    request: Id
    notice: Hash
    offers: list[Offer]
    customer: Did | None
    nonce: str
    expires_at: Time
    out: str | None


class CustomerSeen(Part, frozen=True):
    did: Did | None
    ref: str | None


class Received(Answer, frozen=True):
    customer: CustomerSeen
    records: list[Record]
    receipts: list[Id]
    new: Count
    known: Count
    out: str | None


class Use(Answer, frozen=True):
    use: Id | None
    decision: Decision


class Filtered(Answer, frozen=True):
    rows: Count
    allowed: Count
    refused: dict[str, Count]
    invalid: Count
    as_of: Time
    valid_until: Time | None
    use: Id | None


class Imported(Answer, frozen=True):
    rows: Count
    accepted: Count
    rejected: Count
    duplicates: Count
    batch: Hash | None
    event: Hash | None
    leaf_index: Count | None
    rejects: str | None


class Issued(Answer, frozen=True):
    card: Id
    type: str
    subject: Did
    expires_at: Time | None
    concealable: list[str]
    out: str | None


class QuestionAsked(Answer, frozen=True):
    question: Id
    audience: str
    nonce: str
    expires_at: Time
    out: str | None


class AnswerChecked(Answer, frozen=True):
    question: Id
    issuer: str | None
    subject: str | None
    type: str | None
    claims: dict[str, Any]
    beyond_question: list[str]
    checks: list[Check]
