"""Questions: a company asks for claims, signed, with a nonce and an end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from ..did.jws import UnverifiedJws, check_jws, parse_jws, sign_jws
from ..did.keys import PublicKey
from ..did.signer import Signer
from ..encoding import b64u_encode, format_time, jcs, parse_time
from ..errors import InputError, RefusedByPolicy, VerificationError
from ..strict_json import decode
from .conceal import Entropy
from .dcql import Dcql, parse_dcql
from .message import Id, QuestionMessage, parse_message

__all__ = ["CLIENT_ID_PREFIX", "Question", "UnverifiedQuestion", "ask", "check_question", "parse_question"]

_TYP: Final = "konsens-question+jws"
CLIENT_ID_PREFIX: Final = "decentralized_identifier:"  # OpenID4VP 1.0, section 5.9.3


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is signed."""

    id: Id
    client_id: str
    dcql_query: dict[str, Any]
    nonce: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{22}\Z")]
    at: str
    expires_at: str
    reason: Annotated[str, msgspec.Meta(max_length=2000)] | None
    v: Literal[1] = 1


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a company asks, and how an answer is bound to it: `client_id` is the audience."""

    id: str
    client_id: str
    dcql: Dcql
    nonce: str
    at: datetime
    expires_at: datetime
    reason: str | None

    @property
    def company(self) -> str:
        """The DID of the company that asks."""
        return self.client_id.removeprefix(CLIENT_ID_PREFIX)


class UnverifiedQuestion(msgspec.Struct, frozen=True):
    """A well-formed question whose signature nobody has checked yet, with what its sender says of itself."""

    unverified: Question
    message: QuestionMessage
    jws: UnverifiedJws

    @property
    def kid(self) -> str:
        """The DID URL of the key that is said to have signed."""
        return self.jws.kid


def ask(
    dcql_query: Mapping[str, Any],
    *,
    signer: Signer,
    at: datetime,
    expires_at: datetime,
    entropy: Entropy,
    reason: str | None = None,
) -> tuple[Question, str]:
    """Return a new question and its JWS; whoever sends it remembers the question and issues its nonce.

    The query goes out as it is given, with members that we do not know. Raises what `parse_dcql` raises and
    `question.times`.
    """
    payload = _Payload(
        id=entropy(16).hex(),
        client_id=CLIENT_ID_PREFIX + signer.kid.partition("#")[0],
        dcql_query=dict(dcql_query),
        nonce=b64u_encode(entropy(16)),
        at=format_time(at),
        expires_at=format_time(expires_at),
        reason=reason,
    )
    text = jcs(msgspec.to_builtins(payload))
    return _question(decode(text, _Payload)), sign_jws(text, typ=_TYP, signer=signer)


def parse_question(data: bytes | str) -> UnverifiedQuestion:
    """Return the question in a `konsens/question` file.

    Who asks stands in it twice, as the audience and as the signer: raises `question.client_id` if they are
    not one DID, and what the doors of JWS, JSON and DCQL raise.
    """
    message = parse_message(data, QuestionMessage)
    jws = parse_jws(message.question, typ=_TYP)
    question = _question(decode(jws.unverified_payload, _Payload))
    if question.client_id != CLIENT_ID_PREFIX + jws.kid.partition("#")[0]:
        raise VerificationError("question.client_id", client_id=question.client_id)
    return UnverifiedQuestion(question, message, jws)


def check_question(unverified: UnverifiedQuestion, *, key: PublicKey, at: datetime) -> Question:
    """Return a question that is signed by `key`, the company's for `unverified.kid`, and still open at `at`.

    Raises `question.signature` and `question.expired`.
    """
    try:
        check_jws(unverified.jws, key)
    except VerificationError as error:
        raise VerificationError("question.signature") from error
    question = unverified.unverified
    if at >= question.expires_at:
        raise RefusedByPolicy("question.expired", expires_at=format_time(question.expires_at))
    return question


def _question(payload: _Payload) -> Question:
    at, expires_at = parse_time(payload.at), parse_time(payload.expires_at)
    if at >= expires_at:
        raise InputError("question.times")
    return Question(
        id=payload.id,
        client_id=payload.client_id,
        dcql=parse_dcql(payload.dcql_query),
        nonce=payload.nonce,
        at=at,
        expires_at=expires_at,
        reason=payload.reason,
    )
