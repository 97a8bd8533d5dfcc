"""Parties that sign, and a log that they append to, for the tests of the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from konsens.did import LocalSigner, PrivateKey, did_key, kid_of, public_from_seed
from konsens.errors import Conflict
from konsens.records import (
    AnchoredEvent,
    Confirmation,
    Content,
    Countersignature,
    CourierObjection,
    CourierWithdrawal,
    Digest,
    Empty,
    Event,
    EventHash,
    EventType,
    Grant,
    ImportBatch,
    Invalidation,
    Matter,
    Objection,
    Outgoing,
    Refusal,
    Revocation,
    Seal,
    Seed,
    Sent,
    SignedEvent,
    UseBatch,
    event_salt,
    prepare,
    sign_event,
)
from konsens.registry import SealLeaf, check_seal_leaf, seal_of

WORDS = "abandon " * 23 + "art"
ORIGIN = "log.muster.example"
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
HASH = "ab" * 32


def signer_of(seed32: bytes) -> LocalSigner:
    """Return a signer whose DID is that of its key."""
    key = PrivateKey.ed25519(seed32)
    return LocalSigner(key, kid_of(did_key(key.public)))


CUSTOMER, COMPANY, AUTHORITY = (signer_of(bytes([number]) * 32) for number in (1, 2, 3))
ME, SHOP, COURT = (signer.kid.partition("#")[0] for signer in (CUSTOMER, COMPANY, AUTHORITY))

CONSENT = Matter(customer=ME, controller=SHOP, purpose="newsletter", channel="email")
RELATION = Matter(customer=ME, controller=SHOP)
OWN = Matter(controller=SHOP)
REF = Matter(customer="ref:C-1001", controller=SHOP, purpose="newsletter", channel="email")

GRANT = Grant(
    request=Digest(HASH),
    notice=Digest(HASH),
    language="de",
    data=("email",),
    recipients=("Versand GmbH",),
    until=None,
)
COURIER = CourierWithdrawal(ends=EventHash(HASH), method="letter", received_at=AT)

EXAMPLES: list[tuple[EventType, Matter, LocalSigner, Content]] = [
    ("given", CONSENT, CUSTOMER, GRANT),
    ("renewed", CONSENT, CUSTOMER, msgspec.structs.replace(GRANT, request=None, until=AT)),
    ("refused", CONSENT, CUSTOMER, Refusal(request=Digest(HASH), notice=Digest(HASH))),
    ("deferred", CONSENT, CUSTOMER, Refusal(request=Digest(HASH), notice=Digest(HASH))),
    ("confirmed", CONSENT, CUSTOMER, Confirmation(request=Digest(HASH))),
    ("withdrawn", CONSENT, CUSTOMER, Empty()),
    ("withdrawn", CONSENT, COMPANY, COURIER),
    ("withdrawn", REF, COMPANY, COURIER),
    ("countersigned", CONSENT, COMPANY, Countersignature(event=EventHash(HASH), origin=ORIGIN, leaf_index=7)),
    ("revoked", CONSENT, COMPANY, Revocation(ends=EventHash(HASH), reason="Versand eingestellt")),
    ("invalidated", CONSENT, AUTHORITY, Invalidation(ends=EventHash(HASH), since=AT, reason="Az. 1 O 2/26")),
    ("opened", RELATION, CUSTOMER, Empty()),
    ("objected", RELATION, CUSTOMER, Objection(scope=None)),
    ("objected", RELATION, COMPANY, CourierObjection(scope="newsletter", method="phone", received_at=AT)),
    ("restored", RELATION, CUSTOMER, Objection(scope="newsletter")),
    ("imported", OWN, COMPANY, ImportBatch(count=3, root=Digest(HASH), mapping="mailchimp")),
    (
        "used",
        OWN,
        COMPANY,
        UseBatch(
            count=3,
            root=Digest(HASH),
            campaign="herbst-2026",
            purpose="newsletter",
            channel="email",
            basis="consent",
            relies_on=EventHash(HASH),
            origin=ORIGIN,
            size=12,
        ),
    ),
]
"""One event of each kind that the table in docs/formats.md allows."""


def event_of(
    kind: EventType = "given", matter: Matter = CONSENT, content: Content = GRANT, **other: Any
) -> Event:
    """Return an event that may be signed; `other` replaces members."""
    first = kind not in ("objected", "restored") or isinstance(content, CourierObjection)
    members: dict[str, Any] = {
        "seq": 0 if first else 1,
        "prev": None if first else HASH,
        "seal": "11" * 32,
        "next": None if kind == "invalidated" else "22" * 32,
        "logs": (ORIGIN,),
        "at": AT,
        "target": None,
    }
    return Event(type=kind, matter=matter, content=content, **{**members, **other})


class Writer:
    """One lane in the making: derives seals, signs, anchors."""

    def __init__(
        self, matter: Matter = CONSENT, signer: LocalSigner = CUSTOMER, *, seed: bytes = bytes(64)
    ) -> None:
        self.matter, self.signer, self.seed = matter, signer, Seed.from_bytes(seed)
        self.events: list[AnchoredEvent] = []

    def key(self, seq: int) -> bytes:
        """Return the one-time key of event `seq`."""
        return self.seed.derive(f"seal/0/0/{seq}")

    def seal(self, seq: int) -> Seal:
        """Return the seal of event `seq`."""
        return Seal(seal_of(public_from_seed(self.key(seq))).hex())

    def sign(self, kind: EventType, content: Content = GRANT, **other: Any) -> SignedEvent:
        """Return the next event of the lane."""
        seq = len(self.events)
        members = {
            "seq": seq,
            "prev": self.events[-1].event.event_hash if self.events else None,
            "seal": self.seal(seq),
            "next": None if kind == "invalidated" else self.seal(seq + 1),
        }
        event = event_of(kind, self.matter, content, **{**members, **other})
        return sign_event(event, signer=self.signer)

    def outgoing(self, kind: EventType, content: Content = GRANT, **other: Any) -> Outgoing:
        """Return the next event with its leaf."""
        signed = self.sign(kind, content, **other)
        return self.leaf_for(signed)

    def leaf_for(self, signed: SignedEvent) -> Outgoing:
        """Return an event of this lane with its leaf."""
        salt = event_salt(self.seed.derive("record/0/0"), signed.event.seq, signed.event_hash)
        return prepare(signed, salt=salt, seal_key=self.key(signed.event.seq))

    def add(
        self, kind: EventType, content: Content = GRANT, *, index: int | None = None, **other: Any
    ) -> AnchoredEvent:
        """Add the next event, whose leaf is said to lie at `index`."""
        place = 10 * len(self.events) if index is None else index
        anchored = self.outgoing(kind, content, **other).anchored_at(place)
        self.events.append(anchored)
        return anchored


class MemoryLog:
    """A log of seal leaves with the rules of order that anchoring rests on; `fail` makes it unreachable."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.entries: list[bytes] = []
        self.appends: list[int] = []
        self.broken: dict[bytes, int] = {}

    def entry(self, index: int) -> bytes:
        """Return an entry."""
        return self.entries[index]

    def find(self, seal: bytes) -> int | None:
        """Return where a seal was broken."""
        return self.broken.get(seal)

    def append(self, leaves: Sequence[SealLeaf]) -> list[int]:
        """Append all or none; like a public log, sort the leaves of one append."""
        for leaf in leaves:
            check_seal_leaf(leaf, origin=self.origin)
            found = self.find(leaf.seal)
            if found is not None and self.entries[found] != leaf.entry:
                raise Conflict("seal.already_broken", seal=leaf.seal.hex())
        for leaf in sorted(leaves, key=lambda leaf: leaf.entry):
            if leaf.seal not in self.broken:
                self.broken[leaf.seal] = len(self.entries)
                self.entries.append(leaf.entry)
        self.appends.append(len(leaves))
        return [self.broken[leaf.seal] for leaf in leaves]


class MemoryOutbox:
    """An outbox in memory."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Outgoing] = {}
        self.settled: list[Sent] = []
        self.writing = False

    @contextmanager
    def write(self) -> Iterator[None]:
        """Note that somebody writes."""
        assert not self.writing
        self.writing = True
        yield
        self.writing = False

    def keep(self, outgoing: Outgoing) -> None:
        """Keep a leaf."""
        assert self.writing
        self.kept.setdefault(outgoing.leaf, outgoing)

    def outstanding(self, origin: str) -> list[Outgoing]:
        """Return what is not settled."""
        return [item for item in self.kept.values() if item.origin == origin]

    def settle(self, sent: Sent) -> None:
        """Take note of an answer."""
        assert self.writing
        del self.kept[sent.outgoing.leaf]
        self.settled.append(sent)
