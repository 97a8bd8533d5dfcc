"""Questions that a company asked: kept in its book, and each answered once.

- A question is in the book before it leaves.
- Its nonce is spent in the same transaction in which the answer was verified: of two answers one wins, and a
  crash spends nothing.
- Of the answer the book keeps who issued and who showed it, never a claim.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ..credentials import (
    AnswerMessage,
    Question,
    QuestionMessage,
    VerifiedAnswer,
    ask,
    check_question,
    parse_question,
    render_message,
    verify_answer,
)
from ..did import KeyHistory, key_of, render_document
from ..encoding import jcs
from ..errors import Conflict, VerificationError
from .ledger import Ledger
from .moments import seconds
from .own import CompanyKeys

__all__ = ["answer_to", "question"]


class _Nonces:
    """The nonces of the book, inside `book.write()`."""

    def __init__(self, db: sqlite3.Connection, *, now: int) -> None:
        self._db, self._now = db, now

    def issue(self, nonce: str) -> None:
        """Nothing is left to do: the nonce is in the row of its question."""

    def spend(self, nonce: str) -> None:
        """Spend it, or raise if that was done before."""
        changed = self._db.execute(
            "UPDATE question SET answered_at = ? WHERE nonce = ? AND answered_at IS NULL", (self._now, nonce)
        ).rowcount
        if changed != 1:
            raise Conflict("presentation.nonce_spent")


def question(
    ledger: Ledger,
    keys: CompanyKeys,
    dcql_query: Mapping[str, Any],
    *,
    expires_at: datetime,
    key_history: KeyHistory | None,
    reason: str | None,
    random: Callable[[int], bytes],
    now: datetime,
) -> tuple[Question, QuestionMessage]:
    """Return a new question and the file in which it travels; raises what `credentials.ask` raises."""
    asked, jws = ask(
        dcql_query, signer=keys.signer, at=now, expires_at=expires_at, entropy=random, reason=reason
    )
    message = QuestionMessage(
        question=jws,
        company=render_document(ledger.resolver.resolve(ledger.did)),
        key_history=None if key_history is None else msgspec.to_builtins(key_history),
    )
    with ledger.book.write() as db:
        db.execute(
            "INSERT INTO question VALUES (?, ?, ?, ?, ?, NULL, NULL)",
            (asked.id, asked.nonce, render_message(message), seconds(now), seconds(asked.expires_at)),
        )
    return asked, message


def answer_to(
    ledger: Ledger, message: AnswerMessage, *, trust: Mapping[str, Collection[str]], now: datetime
) -> VerifiedAnswer:
    """Verify an answer to a question of ours, and spend its nonce.

    `trust` says for each type who may issue it; what bears the company's own signature, it issued itself.
    Raises `question.unknown`, and what `verify_answer` raises.
    """
    with ledger.book.write() as db:
        row = db.execute("SELECT message FROM question WHERE id = ?", (message.question,)).fetchone()
        if row is None:
            raise VerificationError("question.unknown", question=message.question)
        unverified = parse_question(row[0])
        key = key_of(ledger.resolver.resolve(ledger.did), unverified.kid)
        asked = check_question(unverified, key=key, at=unverified.unverified.at)
        types = {name for query in asked.dcql.credentials for name in query.vct_values}
        verified = verify_answer(
            message,
            asked,
            trust={name: {*trust.get(name, ()), ledger.did} for name in types},
            resolve=ledger.resolver,
            at=now,
            nonces=_Nonces(db, now=seconds(now)),
        )
        db.execute("UPDATE question SET outcome = ? WHERE id = ?", (_outcome(verified), asked.id))
    return verified


def _outcome(verified: VerifiedAnswer) -> bytes:
    """Return what is kept: for each query the cards, their issuers and types."""
    return jcs(
        {
            query: [
                {"card": shown.card, "issuer": shown.issuer.did, "type": shown.type, "subject": shown.subject}
                for shown in credentials
            ]
            for query, credentials in verified.credentials.items()
        }
    )
