"""Answers: what the holder shows, and how the company checks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from ..did.keys import PublicKey
from ..did.resolver import Resolver
from ..did.signer import Signer
from ..errors import VerificationError
from .choose import Choice
from .enforce import check_presentations, check_query, check_sets
from .message import AnswerMessage
from .nonces import NonceStore
from .path import ClaimPath
from .policy import Between, KeyBinding, Policy, Trust, UnsafeAcceptWithoutKeyBinding, UnsafeIgnoreStatus
from .present import disclose, present
from .question import Question
from .result import VerifiedCredential
from .verify import verify

__all__ = ["SignerFor", "VerifiedAnswer", "answer", "verify_answer"]

SignerFor: TypeAlias = Callable[[PublicKey], Signer]
"""Finds the signer of a key that a credential is bound to."""


class VerifiedAnswer(msgspec.Struct, frozen=True):
    """An answer of which every presentation was verified and meets its query.

    Both are by the id of the credential query; `beyond` has, for each credential, the paths of what
    came without being asked for, uncovered by the holder or always shown: nobody needs to keep it.
    """

    question: str
    credentials: dict[str, tuple[VerifiedCredential, ...]]
    beyond: dict[str, tuple[tuple[ClaimPath, ...], ...]]


def answer(
    question: Question, choices: Iterable[Choice], *, signer_for: SignerFor, at: datetime
) -> AnswerMessage:
    """Return the answer that shows `choices`, each bound to the question by its holder's key.

    A credential that is bound to no key is shown without key binding; `choose` takes such a one only for a
    query that says so.
    """
    vp_token: dict[str, list[str]] = {}
    for choice in choices:
        held = choice.held
        if held.holder is None:
            text = disclose(held, choice.show)
        else:
            text = present(
                held,
                choice.show,
                audience=question.client_id,
                nonce=question.nonce,
                signer=signer_for(held.holder),
                at=at,
            )
        vp_token.setdefault(choice.query.id, []).append(text)
    return AnswerMessage(question=question.id, vp_token=vp_token)


def verify_answer(
    message: AnswerMessage,
    question: Question,
    *,
    trust: Trust,
    resolve: Resolver,
    at: datetime,
    nonces: NonceStore,
    maximum_age: timedelta | None = None,
    status: UnsafeIgnoreStatus | None = None,
) -> VerifiedAnswer:
    """Verify an answer to our own `question` by OpenID4VP 1.0, section 8.6, and spend its nonce.

    `trust` says for each type who may issue it, whatever the question named. The answer came as a file, so
    its key bindings were made between the question's beginning and end. One presentation that fails fails
    the whole answer, which is stricter than to discard it. Raises `question.other`, what `verify` raises,
    `dcql.…` by name, and `presentation.nonce_spent`.
    """
    if message.question != question.id:
        raise VerificationError("question.other", question=message.question)
    check_presentations(question.dcql, message.vp_token)
    key_binding = KeyBinding(question.client_id, question.nonce, Between(question.at, question.expires_at))
    bound = Policy(issuers=trust, key_binding=key_binding, maximum_age=maximum_age, status=status)
    unbound = msgspec.structs.replace(bound, key_binding=UnsafeAcceptWithoutKeyBinding())
    credentials: dict[str, tuple[VerifiedCredential, ...]] = {}
    beyond: dict[str, tuple[tuple[ClaimPath, ...], ...]] = {}
    for query in question.dcql.credentials:
        if query.id not in message.vp_token:
            continue
        texts = message.vp_token[query.id]
        # A key binding that comes without being asked for is checked all the same.
        free = not query.require_cryptographic_holder_binding
        shown = tuple(
            verify(text, unbound if free and text.endswith("~") else bound, resolve=resolve, at=at)
            for text in texts
        )
        if len({credential.card for credential in shown}) != len(shown):
            raise VerificationError("dcql.same_credential", query=query.id)
        credentials[query.id] = shown
        beyond[query.id] = tuple(check_query(query, credential) for credential in shown)
    check_sets(question.dcql, credentials)
    nonces.spend(question.nonce)
    return VerifiedAnswer(question.id, credentials, beyond)
