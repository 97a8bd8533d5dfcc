"""Small types shared by notices, requests and events: codes, languages, channels, legal bases."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

__all__ = ["CHANNELS", "MARKETING_BASES", "Assurance", "Basis", "Code", "Hex64", "Id", "Language", "Offer"]

Code = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9-]{0,63}\Z")]
Language = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})?\Z")]
Hex64 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]

Basis = Literal["consent", "contract", "existing_customer", "legitimate_interest", "legal"]

Assurance = Literal["customer_signed", "courier", "attested"]

# What an objection can stop (Art. 21 GDPR; UWG §7(3)); contract and law go on.
MARKETING_BASES = frozenset({"consent", "existing_customer", "legitimate_interest"})

CHANNELS = frozenset(
    {
        "email",
        "phone",
        "sms",
        "post",
        "push",
        "messenger",
        "social",
        "onsite",
        "in-person",
        "location",
    }
)


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A purpose and the channels it is offered on."""

    purpose: Code
    channels: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=16)]
