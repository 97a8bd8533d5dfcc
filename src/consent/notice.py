"""Notices: the exact words a customer is shown, as a typed record, a hash and a signed document.

A notice is written in TOML (`docs/formats.md`, "Notice"). `draft_notice` reads it, `problems_of` names what
Art. 13 GDPR and a fair reader would miss, and `sign_notice` adds what only the publisher knows.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from ..did import Signer, parse_jws, sign_jws
from ..encoding import format_time, jcs, sha256
from ..errors import InputError
from ..strict_json import convert, parse
from .terms import Basis, Code, Hex64, Language

__all__ = [
    "Controller",
    "DataItem",
    "Notice",
    "Purpose",
    "Recipient",
    "SignedNotice",
    "draft_notice",
    "parse_notice",
    "read_notice",
    "sign_notice",
]

TYP = "konsens-notice+jws"
Texts = Annotated[dict[Language, str], msgspec.Meta(min_length=1, max_length=32)]


class Controller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is responsible (Art. 13(1)(a), (b) GDPR)."""

    name: str
    address: str
    contact: str
    authority: str
    did: str | None = None
    dpo: str | None = None


class DataItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of personal data, and whether the purpose can do without it."""

    code: Code
    dpv: str
    necessary: bool


class Recipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who else gets the data, by name (Art. 13(1)(e), (f) GDPR)."""

    name: str
    role: str
    country: str
    did: str | None = None
    safeguard: str | None = None


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why data is processed, as the customer is told."""

    code: Code
    label: Texts
    dpv: str
    channels: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=16)]
    legal_basis: Basis
    retention: str
    data: tuple[DataItem, ...]
    recipients: tuple[Recipient, ...] = ()
    double_opt_in: bool = False
    minimum_age: Annotated[int, msgspec.Meta(ge=0, le=150)] | None = None
    profiling: bool = False
    automated_decisions: bool = False
    processing: tuple[str, ...] = ()


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer was told; equal bytes, equal hash.

    `replaces` is the hash of the notice before; `in_substance` says that a consent to that one no longer
    covers what is done now (SUPERSEDED).
    """

    id: Code
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    jurisdiction: str
    controller: Controller
    text: Texts
    purpose: Annotated[tuple[Purpose, ...], msgspec.Meta(min_length=1, max_length=64)]
    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    hash: Hex64 | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    replaces: Hex64 | None = None
    in_substance: bool = False
    withdrawal: dict[Language, str] | None = None
    rights: dict[Language, str] | None = None

    def purpose_named(self, code: str) -> Purpose | None:
        """Return the purpose `code`, or None."""
        return next((purpose for purpose in self.purpose if purpose.code == code), None)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages in which the notice has a text."""
        return tuple(sorted(self.text))


class SignedNotice(msgspec.Struct, frozen=True):
    """A notice with the bytes that were signed; `digest` (32 bytes) is what its public leaf holds."""

    notice: Notice
    body: bytes
    jws: str

    @property
    def digest(self) -> bytes:
        """SHA-256 over the JCS bytes."""
        return sha256(self.body)

    @property
    def hash(self) -> str:
        """The digest in hex, as requests and events name the notice."""
        return self.digest.hex()


def draft_notice(toml: str) -> Notice:
    """Return the notice that a TOML file describes, not yet published (`notice.toml`)."""
    return convert(_tree(toml), Notice)


def sign_notice(toml: str, *, did: str, signer: Signer, at: datetime) -> SignedNotice:
    """Return the notice of a TOML file, completed and signed.

    Adds `v`, the controller's `did`, `hash` (SHA-256 over the JCS bytes of `text`) and, where it is
    missing, `valid_from`. A file that names another DID or hash is refused (`notice.other_controller`,
    `notice.text_hash`): it was written for somebody else, or its text was changed afterwards. Whether it
    is complete, `publish` asks.
    """
    tree = _tree(toml)
    notice = convert(tree, Notice)
    if notice.controller.did not in (None, did):
        raise InputError("notice.other_controller", did=notice.controller.did)
    text_hash = sha256(jcs(tree["text"])).hex()
    if notice.hash not in (None, text_hash):
        raise InputError("notice.text_hash")
    tree |= {"v": 1, "hash": text_hash, "controller": tree["controller"] | {"did": did}}
    tree.setdefault("valid_from", format_time(at))
    body = jcs(tree)
    return SignedNotice(notice=convert(tree, Notice), body=body, jws=sign_jws(body, typ=TYP, signer=signer))


def parse_notice(body: bytes) -> Notice:
    """Return the notice behind its JCS bytes."""
    return convert(parse(body), Notice)


def read_notice(jws: str, payload: bytes) -> SignedNotice:
    """Return a signed notice whose `payload` the caller has checked against the signer's key.

    Raises `notice.text_hash` when the text is not the one whose hash the notice names.
    """
    notice = parse_notice(payload)
    if notice.hash != sha256(jcs(dict(notice.text))).hex():
        raise InputError("notice.text_hash")
    if parse_jws(jws, typ=TYP).kid.partition("#")[0] != notice.controller.did:
        raise InputError("notice.other_controller", did=notice.controller.did)
    return SignedNotice(notice=notice, body=payload, jws=jws)


def _tree(toml: str) -> dict[str, Any]:
    if len(toml) > 1 << 18:
        raise InputError("notice.too_large")
    import tomllib  # here, and not above: only who drafts a notice reads one

    try:
        return {name: _plain(value) for name, value in tomllib.loads(toml).items()}
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError("notice.toml", problem=str(error)) from error


def _plain(value: Any) -> Any:
    """Return a TOML value as JSON; TOML knows dates, JSON does not."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InputError("input.time")
        return format_time(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, date) or not isinstance(value, str | int | bool):
        raise InputError("notice.toml", problem="only text, whole numbers, booleans, tables and times")
    return value
