"""What a notice lacks, as stable codes: Art. 13 GDPR, and what a customer needs to understand it.

Each code is a fact about the file, not legal advice. An empty answer means that nothing which konsens can
see is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..encoding import parse_time
from ..errors import InputError
from .notice import Notice, Purpose, Recipient
from .terms import CHANNELS

__all__ = ["problems_of"]

_DPV = re.compile(r"https://w3id\.org/dpv(/[a-z0-9-]+)*#[A-Za-z][A-Za-z0-9_-]*\Z")
_DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?\Z")
_ROLES = frozenset({"processor", "joint-controller", "controller", "third-party"})
# The European Economic Area and the countries with an adequacy decision (Art. 45) need no named safeguard.
_ADEQUATE = re.compile(
    r"(AT|BE|BG|CY|CZ|DE|DK|EE|ES|FI|FR|GR|HR|HU|IE|IS|IT|LI|LT|LU|LV|MT|NL|NO|PL|PT|RO|SE|SI|SK"
    r"|AD|AR|CA|CH|FO|GB|GG|IL|IM|JE|JP|KR|NZ|UY)\Z"
)


def problems_of(notice: Notice) -> tuple[str, ...]:
    """Return the codes of everything that the notice lacks, sorted, each once."""
    return tuple(sorted(set(_problems(notice))))


def _problems(notice: Notice) -> Iterator[str]:
    controller = notice.controller
    if not controller.name.strip() or not controller.address.strip():
        yield "notice.controller_missing"  # Art. 13(1)(a)
    if not controller.contact.strip():
        yield "notice.contact_missing"
    if not controller.authority.strip():
        yield "notice.authority_missing"  # Art. 13(2)(d)
    if not all(text.strip() for text in notice.text.values()):
        yield "notice.text_missing"
    if notice.in_substance and notice.replaces is None:
        yield "notice.replaces_missing"
    yield from _time_problems(notice)
    codes = [purpose.code for purpose in notice.purpose]
    if len(set(codes)) != len(codes):
        yield "notice.purpose_twice"
    for purpose in notice.purpose:
        yield from _purpose_problems(purpose, set(notice.text))


def _time_problems(notice: Notice) -> Iterator[str]:
    try:
        start, end = (parse_time(t) if t else None for t in (notice.valid_from, notice.valid_until))
    except InputError:
        yield "notice.time"
        return
    if start and end and end <= start:
        yield "notice.time"


def _purpose_problems(purpose: Purpose, languages: set[str]) -> Iterator[str]:
    if not languages <= set(purpose.label) or not all(label.strip() for label in purpose.label.values()):
        yield "notice.label_missing"
    if not _DPV.match(purpose.dpv) or not all(_DPV.match(item.dpv) for item in purpose.data):
        yield "notice.dpv_iri"
    if not set(purpose.channels) <= CHANNELS:
        yield "notice.channel_unknown"
    if len(set(purpose.channels)) != len(purpose.channels):
        yield "notice.channel_twice"
    if not _DURATION.match(purpose.retention):
        yield "notice.retention"  # Art. 13(2)(a)
    if not purpose.data:
        yield "notice.data_missing"
    if len({item.code for item in purpose.data}) != len(purpose.data):
        yield "notice.data_twice"
    for recipient in purpose.recipients:
        yield from _recipient_problems(recipient)


def _recipient_problems(recipient: Recipient) -> Iterator[str]:
    if not recipient.name.strip() or recipient.role not in _ROLES:
        yield "notice.recipient"  # Art. 13(1)(e)
    if not _ADEQUATE.match(recipient.country) and not recipient.safeguard:
        yield "notice.safeguard_missing"  # Art. 13(1)(f)
