"""What a wallet keeps in its vault, one typed record per kind."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ..encoding import sha256
from ..records import Outgoing, Seed, SignedEvent, parse_event
from .kind import Kind

__all__ = [
    "ACT",
    "CARD",
    "COMPANY",
    "COMPANY_EVENT",
    "IDENTITY",
    "LOG",
    "NOTICE",
    "PROFILE",
    "REQUEST",
    "SEED",
    "SEEN",
    "USE",
    "VOUCHER",
    "Act",
    "Card",
    "Company",
    "CompanyEvent",
    "Identity",
    "KnownLog",
    "KnownNotice",
    "KnownRequest",
    "Profile",
    "SeenCheckpoint",
    "StoredSeed",
    "Use",
    "Voucher",
]


class StoredSeed(msgspec.Struct, frozen=True):
    """The 64 bytes from which every key follows."""

    raw: bytes

    @property
    def seed(self) -> Seed:
        """The seed itself."""
        return Seed.from_bytes(self.raw)

    def __repr__(self) -> str:
        return "StoredSeed(***)"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The wallet as a whole. `unscanned`: restored, and not yet compared with the logs: it may only read."""

    name: str | None
    created_at: str
    unscanned: bool = False


class KnownLog(msgspec.Struct, frozen=True):
    """A log with its pinned key, and where its folder lies on this machine, or the URL where it is served."""

    origin: str
    vkey: str
    folder: str
    place: dict[str, Any]  # `konsens.registry.Place`
    rank: int  # the home is the lowest
    url: str = ""

    @property
    def where(self) -> str:
        """The place as a user would type it."""
        return self.url or self.folder


class SeenCheckpoint(msgspec.Struct, frozen=True):
    """The newest checkpoint that a served log has shown: it never goes back behind this one."""

    note: str


class Voucher(msgspec.Struct, frozen=True):
    """What opens a served log for one leaf, beyond its limits; `company` gave it."""

    origin: str
    company: str
    value: bytes

    @property
    def key(self) -> str:
        """The name in the vault: its hash, as the log knows it."""
        return sha256(self.value).hex()

    def __repr__(self) -> str:
        return f"Voucher({self.origin!r}, {self.company!r}, ***)"


class Identity(msgspec.Struct, frozen=True):
    """A pairwise DID: number `c` of the seed, and the company it is for, if it is for one already."""

    number: int
    did: str
    company: str | None
    created_at: str


class Company(msgspec.Struct, frozen=True):
    """A company as it introduced itself at first contact; whatever it shows later must follow from this."""

    did: str
    name: str
    document: dict[str, Any]
    key_history: dict[str, Any] | None
    first_contact_at: str


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf of this wallet: an event, or a bare break, which has neither `event` nor `salt`.

    `order` counts the leaves of this wallet, `company`, `lane` and `seq` say by which keys it was made.
    `leaf_index` is None until the log has told it. `address` is what `target` stands for.
    """

    order: int
    company: int
    lane: int
    seq: int
    origin: str
    leaf: bytes
    event: str | None = None
    salt: bytes | None = None
    address: tuple[str, str] | None = None
    leaf_index: int | None = None

    @property
    def key(self) -> str:
        """The name in the vault: a key serves once in a log."""
        return f"{self.company}/{self.lane}/{self.seq}/{self.origin}"

    @property
    def signed(self) -> SignedEvent | None:
        """The event, or None for a bare break."""
        return None if self.event is None else parse_event(self.event)

    @property
    def ends(self) -> bool:
        """Whether it takes something back: a withdrawal, an objection, a bare break."""
        signed = self.signed
        return signed is None or signed.event.type in ("withdrawn", "objected")

    @property
    def outgoing(self) -> Outgoing:
        """The leaf as it goes to the log."""
        return Outgoing(self.origin, self.leaf, self.signed, self.salt)


class CompanyEvent(msgspec.Struct, frozen=True):
    """An event of the company's, as a receipt brought it: the customer holds the company's next seal too."""

    event: str
    salt: bytes
    leaf: bytes
    origin: str
    leaf_index: int
    proof: str | None

    @property
    def signed(self) -> SignedEvent:
        """The event."""
        return parse_event(self.event)


class KnownNotice(msgspec.Struct, frozen=True):
    """The exact words that were shown, as the company signed them."""

    jws: str


class KnownRequest(msgspec.Struct, frozen=True):
    """A request that was answered, and how many seconds since 1970 it expires."""

    jws: str
    company: str
    expires_at: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A credential or receipt, for which pairwise DID it was issued, and which events a receipt confirms."""

    credential: str
    kind: Literal["credential", "receipt"]
    identity: int
    added_at: str
    events: tuple[str, ...] = ()


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What was shown to whom."""

    question: str
    to: str
    card: str
    shown: tuple[str, ...]
    at: str


SEED = Kind("seed", StoredSeed)
PROFILE = Kind("profile", Profile)
LOG = Kind("log", KnownLog)
IDENTITY = Kind("identity", Identity)
COMPANY = Kind("company", Company)
ACT = Kind("act", Act)
COMPANY_EVENT = Kind("company-event", CompanyEvent)
NOTICE = Kind("notice", KnownNotice)
REQUEST = Kind("request", KnownRequest)
CARD = Kind("card", Card)
USE = Kind("use", Use)
SEEN = Kind("seen", SeenCheckpoint)
VOUCHER = Kind("voucher", Voucher)
