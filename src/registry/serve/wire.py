"""What travels between a log and those who append to it: JSON through the strict door, and RFC 9457 problems.

>>> leaf = PublicLeaf(bytes(32))
>>> parse_append(render_append([leaf])).leaves == (leaf,)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from ...encoding import b64u_decode, b64u_encode
from ...errors import (
    Conflict,
    Damaged,
    InputError,
    KonsensError,
    Locked,
    NotFound,
    NotTrusted,
    RefusedByPolicy,
    Unavailable,
    VerificationError,
)
from ...strict_json import decode
from ..leaf import HeadLeaf, PublicLeaf, SealLeaf, parse_leaf
from .told import error_told

__all__ = [
    "MOST_BYTES",
    "MOST_LEAVES",
    "MOST_VOUCHERS",
    "Append",
    "Appended",
    "Vouchers",
    "parse_append",
    "parse_appended",
    "parse_vouchers",
    "problem_of",
    "raise_problem",
    "render_append",
    "render_appended",
    "render_http_problem",
    "render_vouchers",
    "status_of",
]

MOST_LEAVES = 1000
MOST_VOUCHERS = 10_000
MOST_BYTES = 1 << 20  # a thousand leaves and as many vouchers take a fifth of it

Hash = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Voucher = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{43}\Z")]


class Append(msgspec.Struct, frozen=True):
    """What one request asks to append, parsed; nothing of it is checked against the log yet."""

    leaves: tuple[SealLeaf | PublicLeaf, ...]
    vouchers: tuple[bytes, ...] = ()


class AppendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /append`: leaves as the bytes of their entries, vouchers as they were handed out."""

    leaves: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MOST_LEAVES)]
    vouchers: Annotated[tuple[Voucher, ...], msgspec.Meta(max_length=MOST_LEAVES)] = ()
    v: Literal[1] = 1


class Appended(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer: the index of each leaf, in the order asked, and the log's signed word for it."""

    indices: tuple[Annotated[int, msgspec.Meta(ge=0)], ...]
    acknowledgements: tuple[str, ...]
    v: Literal[1] = 1


class Vouchers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /vouchers`: SHA-256 of each voucher that a member wants to hand out."""

    hashes: Annotated[tuple[Hash, ...], msgspec.Meta(min_length=1, max_length=MOST_VOUCHERS)]
    v: Literal[1] = 1


class Problem(msgspec.Struct, frozen=True):
    """An error for machines and people (RFC 9457, section 3); `code` is konsens' own."""

    title: str
    status: int
    code: str
    facts: dict[str, str | int | float | bool | None] = {}
    type: str = "about:blank"


def render_append(leaves: Sequence[SealLeaf | PublicLeaf], vouchers: Sequence[bytes] = ()) -> bytes:
    """Return the body that asks to append `leaves`, spending `vouchers`."""
    return msgspec.json.encode(
        AppendBody(
            leaves=tuple(b64u_encode(leaf.entry) for leaf in leaves),
            vouchers=tuple(b64u_encode(voucher) for voucher in vouchers),
        )
    )


def parse_append(body: bytes) -> Append:
    """Return what a body asks for; `registry.head_leaf` for a leaf that only the operator writes."""
    asked = decode(body, AppendBody, max_bytes=MOST_BYTES)
    leaves: list[SealLeaf | PublicLeaf] = []
    for text in asked.leaves:
        leaf = parse_leaf(b64u_decode(text))
        if isinstance(leaf, HeadLeaf):
            raise InputError("registry.head_leaf")
        leaves.append(leaf)
    return Append(tuple(leaves), tuple(b64u_decode(voucher) for voucher in asked.vouchers))


def render_appended(indices: Sequence[int], acknowledgements: Sequence[str]) -> bytes:
    """Return the answer to an append."""
    return msgspec.json.encode(Appended(tuple(indices), tuple(acknowledgements)))


def parse_appended(body: bytes) -> Appended:
    """Return a log's answer; what it says is not checked yet."""
    return decode(body, Appended)


def render_vouchers(hashes: Sequence[bytes]) -> bytes:
    """Return the body that registers vouchers by their hashes."""
    return msgspec.json.encode(Vouchers(tuple(digest.hex() for digest in hashes)))


def parse_vouchers(body: bytes) -> list[bytes]:
    """Return the hashes that a member registers."""
    return [bytes.fromhex(digest) for digest in decode(body, Vouchers, max_bytes=MOST_BYTES).hashes]


_STATUS: dict[type[KonsensError], int] = {
    InputError: 400,
    NotTrusted: 403,
    NotFound: 404,
    Conflict: 409,
    VerificationError: 422,
    RefusedByPolicy: 403,
    Damaged: 500,
    Locked: 503,
    Unavailable: 503,
}
_BY_CODE = {"input.too_large": 413, "append.limit": 429, "append.unsigned": 401}


def status_of(error: KonsensError) -> int:
    """Return the HTTP status for an error, by its cause (RFC 9110, section 15; RFC 6585, section 4)."""
    return _BY_CODE.get(error.code) or _STATUS.get(type(error), 500)


def problem_of(error: KonsensError) -> bytes:
    """Return the body for an error. What stands in a damaged file is no business of a stranger's."""
    facts = {} if isinstance(error, Damaged) else {name: _plain(value) for name, value in error.facts.items()}
    return msgspec.json.encode(Problem(error.message(), status_of(error), error.code, facts))


def render_http_problem(status: int, title: str) -> bytes:
    """Return the body for what HTTP itself refuses."""
    return msgspec.json.encode(Problem(title, status, f"http.{status}"))


def raise_problem(status: int, body: bytes) -> None:
    """Raise the error that a log's answer tells of, if it is one that this interface has (`error_told`).

    `remote.answer` for anything else: a proxy's page, a code or a fact that no log of ours would give, or one
    under another status than its own.
    """
    try:
        problem = decode(body, Problem)
    except InputError as error:
        raise Unavailable("remote.answer", status=status) from error
    told = error_told(status, problem.code, problem.facts)
    if told is None or status_of(told) != status:
        raise Unavailable("remote.answer", status=status)
    raise told


def _plain(value: object) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
