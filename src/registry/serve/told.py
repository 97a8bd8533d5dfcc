"""Which errors a log can tell of, and with what facts: the rest of what it says is never repeated to anybody.

A log chooses what it answers. So an error of ours is made only of what this interface has, with the class
that the code has here and facts of known types; free text is not among them.

>>> error_told(429, "append.limit", {"seconds": 7})
RefusedByPolicy('append.limit')
>>> error_told(429, "append.limit", {"seconds": "pay here"}) is None
True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from ...errors import (
    Conflict,
    InputError,
    KonsensError,
    Locked,
    NotTrusted,
    RefusedByPolicy,
    Unavailable,
    VerificationError,
)
from ...strict_json import convert

__all__ = ["error_told"]

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Seal = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Did = Annotated[str, msgspec.Meta(pattern=r"\Adid:(key|jwk):[A-Za-z0-9_-]{1,1000}\Z")]
Cause = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_]{1,40}(\.[A-Za-z0-9_]{1,40})?\Z")]
Most = Annotated[str, msgspec.Meta(pattern=r"\A[0-9?]{1,12}\Z")]
Origin = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._:/-]{1,100}\Z")]

_CODES: dict[str, tuple[type[KonsensError], dict[str, Any]]] = {
    "append.busy": (Unavailable, {}),
    "append.limit": (RefusedByPolicy, {"seconds": Count}),
    "append.members_only": (RefusedByPolicy, {}),
    "append.not_a_member": (NotTrusted, {"did": Did}),
    "append.stopped": (Unavailable, {"problem": Cause}),
    "append.too_many": (RefusedByPolicy, {"limit": Count}),
    "append.unsigned": (NotTrusted, {}),
    "append.vouchers": (RefusedByPolicy, {"limit": Count}),
    "input.too_large": (InputError, {"limit": Count}),
    "leaf.format": (InputError, {}),
    "leaf.signature": (VerificationError, {"origin": Origin}),
    "postgres.not_sequenced": (Unavailable, {}),
    "postgres.too_many_waiting": (Unavailable, {"most": Most}),
    "postgres.unknown_outcome": (Unavailable, {"problem": None}),
    "registry.busy": (Locked, {}),
    "registry.cannot_write": (Unavailable, {"problem": None}),
    "registry.head_leaf": (InputError, {}),
    "seal.already_broken": (Conflict, {"seal": Seal}),
    "serve.behind": (Unavailable, {"seconds": Count}),
    "static.storage": (Unavailable, {"problem": None}),
}
"""Class and facts of each code; of a fact with None a log says what it likes, and only the status is told."""


def error_told(status: int, code: str, facts: Mapping[str, object]) -> KonsensError | None:
    """Return the error that an answer tells of, or None if no log of ours could have said so."""
    if code not in _CODES:
        return None
    kind, known = _CODES[code]
    try:
        told = {
            name: convert(facts.get(name), form) if form is not None else f"HTTP {status}"
            for name, form in known.items()
        }
    except InputError:
        return None
    return kind(code, **told)
