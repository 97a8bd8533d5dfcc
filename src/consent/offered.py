"""What the company's notices offer: what none of them names was never asked of anybody."""

from __future__ import annotations

from ..errors import NotFound
from .ledger import Ledger
from .terms import Basis

__all__ = ["check_offered", "offered_basis"]


def offered_basis(ledger: Ledger, purpose: str, channel: str) -> tuple[str, Basis | None]:
    """Return the legal basis that the newest notice names, or the code if none names purpose or channel."""
    code = "consent.purpose"
    for signed, _ in reversed(ledger.notices()):
        offered = signed.notice.purpose_named(purpose)
        if offered is not None:
            if channel in offered.channels:
                return "ok", offered.legal_basis
            code = "consent.channel"
    return code, None


def check_offered(ledger: Ledger, purpose: str | None, channel: str | None) -> None:
    """Raise `consent.purpose` or `consent.channel` for what no notice ever named; None fits everything.

    A word with a typing mistake would else look like a clean answer with nothing in it.
    """
    offers = [offer for signed, _ in ledger.notices() for offer in signed.notice.purpose]
    named = [offer for offer in offers if purpose in (None, offer.code)]
    if purpose is not None and not named:
        raise NotFound("consent.purpose", purpose=purpose, channel=channel)
    if channel is not None and not any(channel in offer.channels for offer in named):
        raise NotFound("consent.channel", purpose=purpose or "*", channel=channel)
