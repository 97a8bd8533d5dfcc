"""The notices in a bundle, and whether every grant is covered by the words that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..consent import SignedNotice, read_notice
from ..did import PublicKey, check_jws, parse_jws
from ..encoding import sha256
from ..errors import InputError, VerificationError
from ..records import AnchoredEvent, Grant

__all__ = ["NOTICE_TYP", "check_grant", "read_bundled_notice"]

NOTICE_TYP = "konsens-notice+jws"


def read_bundled_notice(
    digest: str, body: bytes, jws: bytes, key: Callable[[str], PublicKey]
) -> SignedNotice:
    """Return a notice whose hash is `digest` and whose signature is right; `key` finds keys by kid.

    Raises `bundle.notice`, and what `key` raises.
    """
    text = jws.decode("ascii", "replace")
    try:
        unverified = parse_jws(text, typ=NOTICE_TYP)
        right = sha256(body).hex() == digest
        if not right or check_jws(unverified, key(unverified.kid)) != body:
            raise VerificationError("bundle.notice", notice=digest[:12])
        return read_notice(text, body)
    except InputError as error:
        raise VerificationError("bundle.notice", notice=digest[:12]) from error


def check_grant(anchored: AnchoredEvent, notices: Mapping[str, SignedNotice]) -> None:
    """Raise unless the words that a grant names are there, and offer what it grants.

    `bundle.notice_missing`, `bundle.notice_other`.
    """
    event, name = anchored.event.event, anchored.event.event_hash[:12]
    if not isinstance(event.content, Grant):
        return
    signed = notices.get(event.content.notice)
    if signed is None:
        raise VerificationError("bundle.notice_missing", event=name, notice=event.content.notice[:12])
    offer = signed.notice.purpose_named(event.matter.purpose or "")
    if offer is None or event.matter.channel not in offer.channels:
        raise VerificationError("bundle.notice_other", event=name, notice=event.content.notice[:12])
