"""A company that asks, a wallet that answers, and the company that checks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from konsens.credentials import (
    AnswerMessage,
    HeldCredential,
    MemoryNonces,
    Question,
    QuestionMessage,
    VerifiedAnswer,
    answer,
    ask,
    choose,
    present,
    render_message,
    verify_answer,
)
from konsens.did import LocalSigner, PublicKey, document_of, render_document

from .people import AT, RESOLVER, VCT, did, entropy, held, key, signer
from .test_dcql import query

DAY = timedelta(days=1)


def asked(*queries: dict[str, Any], **members: Any) -> Question:
    """Return the shop's question; by itself it asks for the level."""
    dcql = {"credentials": list(queries) or [query(["level"])]} | members
    return ask(dcql, signer=signer("shop"), at=AT, expires_at=AT + DAY, entropy=entropy())[0]


def file_of(**changes: Any) -> bytes:
    """Return the question as it travels."""
    dcql = {"credentials": [query(["level"])]}
    given: dict[str, Any] = {"signer": signer("shop"), "at": AT, "expires_at": AT + DAY, "entropy": entropy()}
    _, jws = ask(dcql, reason="Discounts", **(given | changes))
    company = render_document(document_of(did("shop"), {did("shop")[8:]: key("shop").public}))
    return render_message(QuestionMessage(question=jws, company=company, key_history=None))


def find_signer(public: PublicKey) -> LocalSigner:
    """Return the signer of a key in the holder's wallet."""
    return next(one for one in (signer("holder"), signer("other holder")) if one.key.public == public)


def answered(question: Question, *cards: HeldCredential) -> AnswerMessage:
    """Return what the holder's wallet answers, an hour later."""
    choices = choose(question.dcql, cards or [held()], at=AT)
    return answer(question, choices, signer_for=find_signer, at=AT + timedelta(hours=1))


def shown_to(question: Question, card: HeldCredential, shown: list[str], **changes: Any) -> str:
    """Return a presentation of what somebody chose by hand."""
    given: dict[str, Any] = {"audience": question.client_id, "nonce": question.nonce, "at": AT}
    return present(card, shown, signer=signer("holder"), **(given | changes))


def checked(
    message: AnswerMessage, question: Question, *, nonces: MemoryNonces | None = None, **options: Any
) -> VerifiedAnswer:
    """Return the answer as the shop verified it, two hours after it asked."""
    if nonces is None:
        nonces = MemoryNonces()
        nonces.issue(question.nonce)
    given: dict[str, Any] = {
        "trust": {VCT: [did("issuer")]},
        "resolve": RESOLVER,
        "at": AT + timedelta(hours=2),
    }
    return verify_answer(message, question, nonces=nonces, **(given | options))
