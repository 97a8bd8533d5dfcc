"""What a bundle says about itself: the manifest and the lists beside it.

Shapes, in canonical JSON:

- `manifest.json`: `Manifest`; its bytes are the payload of `manifest.jws`;
- `events.json`: a list of `EventEntry`, sorted by origin and index;
- `decisions.json`: a list of `DecisionEntry`, sorted by record and customer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec

from ..consent import Check, Decision, Evidence
from ..consent.terms import Assurance, Basis
from ..encoding import format_time, jcs
from ..errors import Damaged, InputError
from ..strict_json import convert, parse

__all__ = [
    "MANIFEST",
    "MANIFEST_TYP",
    "SIGNATURE",
    "BreakEntry",
    "DecisionEntry",
    "EventEntry",
    "Manifest",
    "Population",
    "Reason",
    "RowEntry",
    "Told",
    "read_json",
    "render_json",
    "told_of",
]

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.jws"
MANIFEST_TYP: Final = "konsens-manifest+jws"
MAX_JSON_BYTES: Final = 1 << 30

Hex32 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
DecisionCode = Annotated[str, msgspec.Meta(pattern=r"\A(ok|[a-z_]{1,32}\.[a-z0-9_.]{1,64})\Z")]
T = TypeVar("T")


class Population(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much the book held when the question was asked, and so how much the bundle leaves out."""

    events: int
    records: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was asked, of whom, when, and the SHA-256 of every file but `manifest.*`."""

    v: int
    at: str
    as_of: str
    known_at: str
    query: dict[str, str]
    population: Population
    redaction: str
    signer: str
    files: dict[str, Hex32]


class RowEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a batch: `path` proves it alone; it is null where the bundle holds the whole batch."""

    row: dict[str, Any]
    salt: str
    index: int
    path: tuple[Hex32, ...] | None


class EventEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An event's place. `since` is when it counts from: the operator's claim where nothing is cosigned."""

    event: Hex32
    salt: str
    leaf: str
    origin: str
    leaf_index: int
    received_at: str
    since: str
    rows: tuple[RowEntry, ...] = ()


class BreakEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a seal that is broken counts as broken, and since when that could be known."""

    seal: Hex32
    since: str
    known: str


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a code says, in both languages: for reading, never a claim."""

    de: str
    en: str


class _Check(Check, frozen=True, forbid_unknown_fields=True): ...


class _Evidence(Evidence, frozen=True, kw_only=True, forbid_unknown_fields=True): ...


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision as a bundle tells it: the members of `Decision` in `docs/formats.md`.

    `code` and the facts are its claims; `reason` and `checks` render the code.
    """

    allowed: bool
    code: DecisionCode
    reason: Reason
    customer: str
    purpose: str
    channel: str
    as_of: str
    known_at: str
    valid_until: str | None
    basis: Basis | None
    assurance: Assurance | None
    checks: tuple[_Check, ...]
    evidence: _Evidence


class DecisionEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a record stood, and what was decided about its person; `breaks` are the times the fold needs.

    `own` and `attested` are the names of that person: pairwise DID, and `ref:` with the company's number.
    That both are one person is the company's word. `state` is null where nothing had happened yet.
    """

    record: str
    state: str | None
    own: Annotated[str, msgspec.Meta(pattern=r"\Adid:")] | None
    attested: Annotated[str, msgspec.Meta(pattern=r"\Aref:")] | None
    decision: Told
    breaks: tuple[BreakEntry, ...] = ()


def told_of(decision: Decision) -> Told:
    """Return a decision as bundles tell it, times as the formats write them."""
    data = decision.as_data()
    times = {name: format_time(value) for name, value in data.items() if isinstance(value, datetime)}
    return msgspec.convert(data | times, Told)


def render_json(value: object) -> bytes:
    """Return a value of this module as canonical JSON."""
    return jcs(msgspec.json.decode(msgspec.json.encode(value)))  # lists for tuples: five times as fast


def read_json(data: bytes, kind: type[T], *, file: str) -> T:
    """Return a file of a bundle as a value of `kind`, or raise `bundle.file_format`."""
    try:
        return convert(parse(data, max_bytes=MAX_JSON_BYTES), kind)
    except InputError as error:
        raise Damaged("bundle.file_format", file=file, problem=error.code) from error
