"""The files in which questions, answers and credentials travel, each with `"v": 1` and its `"type"`.

>>> render_message(CredentialMessage(credential="eyJ…~"))
b'{"credential":"eyJ\\xe2\\x80\\xa6~","type":"konsens/credential","v":1}'
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from ..encoding import jcs
from ..strict_json import decode_message

__all__ = ["AnswerMessage", "CredentialMessage", "QuestionMessage", "parse_message", "render_message"]

MAX_BYTES = 4 << 20
M = TypeVar("M", "QuestionMessage", "AnswerMessage", "CredentialMessage")

Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]


class QuestionMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A signed question, and who asks."""

    question: str
    company: dict[str, Any]
    key_history: dict[str, Any] | None
    type: Literal["konsens/question"] = "konsens/question"
    v: Literal[1] = 1


class AnswerMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The presentations, under the ids of the credential queries (OpenID4VP 1.0, section 8.1)."""

    question: Id
    vp_token: dict[str, Annotated[list[str], msgspec.Meta(max_length=100)]]
    type: Literal["konsens/answer"] = "konsens/answer"
    v: Literal[1] = 1


class CredentialMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A credential on its way to its holder."""

    credential: str
    type: Literal["konsens/credential"] = "konsens/credential"
    v: Literal[1] = 1


def parse_message(data: bytes | str, kind: type[M]) -> M:
    """Return a message of just the type `kind`: `input.wrong_type`, `input.version`."""
    return decode_message(data, kind, max_bytes=MAX_BYTES)


def render_message(message: QuestionMessage | AnswerMessage | CredentialMessage) -> bytes:
    """Return the bytes of a message: JCS, so that equal messages are equal files."""
    return jcs(msgspec.to_builtins(message))
