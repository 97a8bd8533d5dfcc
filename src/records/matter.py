"""Matters: what an event is about, and which part a DID has in it.

>>> matter = Matter(customer="ref:C-1001", controller="did:web:muster.example")
>>> matter.kind, matter.roles_of("did:web:muster.example")
('relation', ('company',))
"""

from __future__ import annotations

from typing import Annotated, NewType

import msgspec
from msgspec import Meta

from ..encoding import jcs, sha256
from ..errors import InputError
from .content import Code, LaneKind, Role

__all__ = ["Matter", "RecordId"]

RecordId = NewType("RecordId", str)
"""The name of a matter: the first 16 bytes of a SHA-256, 32 lower-case hex digits."""

# An imported customer has no DID: `ref:` and the company's number, in the company's own lanes only.
Customer = Annotated[str, Meta(pattern=r"\A(did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}|ref:\S(.{0,198}\S)?)\Z")]
Controller = Annotated[
    str, Meta(pattern=r"\Adid:(key:z[1-9A-HJ-NP-Za-km-z]{40,60}|web:[A-Za-z0-9._:%-]{1,255})\Z")
]


class Matter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What an event is about: a consent (all four), a customer relation, or the company's own doings."""

    controller: Controller
    customer: Customer | None = None
    purpose: Code | None = None
    channel: Code | None = None

    @property
    def kind(self) -> LaneKind:
        """Which of the three shapes this matter has; any other is `event.matter`."""
        match (self.customer is not None, self.purpose is not None, self.channel is not None):
            case (True, True, True):
                return "consent"
            case (True, False, False):
                return "relation"
            case (False, False, False):
                return "own"
        raise InputError("event.matter")

    @property
    def record_id(self) -> RecordId:
        """The name under which a book and a wallet file this matter (docs/formats.md, "Letters")."""
        return RecordId(sha256(b"konsens/record/v1\n", jcs(msgspec.to_builtins(self)))[:16].hex())

    def roles_of(self, did: str) -> tuple[Role, ...]:
        """Return the roles of `did` in this matter; somebody who is no party acts as an authority."""
        roles: list[Role] = []
        if did == self.customer:
            roles.append("customer")
        if did == self.controller:
            roles.append("company")
        return tuple(roles) or ("authority",)
