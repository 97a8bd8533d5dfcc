"""Events: one act of one party, signed, and linked to the event before and to the seal that it opens.

>>> from datetime import UTC, datetime
>>> from konsens.did import LocalSigner, PrivateKey, did_key, kid_of
>>> from konsens.records import Empty, Matter, Seal
>>> key = PrivateKey.ed25519(bytes(32))
>>> me = did_key(key.public)
>>> event = Event(
...     type="opened",
...     matter=Matter(customer=me, controller="did:web:muster.example"),
...     seq=0,
...     prev=None,
...     seal=Seal("11" * 32),
...     next=Seal("22" * 32),
...     logs=("log.muster.example",),
...     at=datetime(2026, 11, 22, 10, tzinfo=UTC),
...     target=None,
...     content=Empty(),
... )
>>> signed = sign_event(event, signer=LocalSigner(key, kid_of(me)))
>>> parse_event(signed.text) == signed
True
>>> check_event_signature(signed, key.public)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from .. import strict_json
from ..did import PublicKey, Resolver, Signer, check_jws, key_of, parse_jws, sign_jws
from ..encoding import jcs, sha256
from ..errors import InputError, VerificationError
from .content import (
    CONTENTS,
    COUNT,
    HEX,
    UTC_TIME,
    Content,
    Digest,
    EventHash,
    EventType,
    Name,
    Origin,
    Role,
    Seal,
)
from .matter import Matter

__all__ = [
    "EVENT_TYP",
    "Actor",
    "Event",
    "SignedEvent",
    "check_event_signature",
    "did_of",
    "parse_event",
    "render_event",
    "sign_event",
]

EVENT_TYP: Final = "konsens-event+jws"
MAX_EVENT_BYTES: Final = 1 << 16
MAX_LOGS: Final = 3


class Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The person whose hand it was, where a company acts."""

    name: Name
    role: Name


def _version() -> Literal[1]:
    return 1  # from a function, for `omit_defaults` leaves out what equals a plain default


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One act of one party (docs/formats.md, "Event"). `at` is the signer's claim.

    A value of this type in memory is checked when it is signed or parsed, not before:

    - `v` is 1 and every member is known;
    - the type belongs to the shape of the matter and to the role of the signer, and fixes the content;
    - `prev` is null exactly when `seq` is 0; `next` is null exactly for `invalidated`, and is not `seal`;
    - a customer's relation lane begins with `opened`, and nothing else is `opened`;
    - `logs` names one to three different origins, the first is home;
    - times are in UTC and have whole seconds.
    """

    type: EventType
    matter: Matter
    seq: Annotated[int, COUNT]
    prev: Annotated[EventHash, HEX] | None
    seal: Annotated[Seal, HEX]
    next: Annotated[Seal, HEX] | None
    logs: tuple[Origin, ...]
    at: Annotated[datetime, UTC_TIME]
    target: Annotated[Digest, HEX] | None
    content: Content
    v: Literal[1] = msgspec.field(default_factory=_version)
    actor: Actor | None = None


class SignedEvent(msgspec.Struct, frozen=True):
    """An event with its compact JWS; whoever parsed it still has to check the signature."""

    text: str
    event_hash: EventHash
    event: Event
    kid: str

    @property
    def did(self) -> str:
        """The DID of the signer."""
        return did_of(self.kid)

    @property
    def role(self) -> Role:
        """As what the signer acts here."""
        return _role(self.event.type, self.event.matter, self.did)


class _Version(msgspec.Struct):
    v: int


class _Head(msgspec.Struct):
    """The members that decide how the rest of an event is read."""

    type: str
    matter: Matter
    content: object


def sign_event(event: Event, *, signer: Signer) -> SignedEvent:
    """Return `event` signed, after every check that `parse_event` makes."""
    payload = render_event(event)
    checked = _read(payload, did_of(signer.kid))
    text = sign_jws(payload, typ=EVENT_TYP, signer=signer)
    if len(text) > MAX_EVENT_BYTES:
        raise InputError("input.too_large", limit=MAX_EVENT_BYTES)
    return SignedEvent(text, _hash_of(text), checked, signer.kid)


def parse_event(text: str) -> SignedEvent:
    """Return the event behind a compact JWS, checked in all but its signature.

    Refused: what `parse_jws` and the strict JSON door refuse, `input.version`, `input.unknown_member`,
    `input.format`, `input.not_canonical`, `event.type`, `event.matter`, `event.signer`, and `event.…` for
    each rule of `Event`.
    """
    jws = parse_jws(text, typ=EVENT_TYP, max_bytes=MAX_EVENT_BYTES)
    event = _read(jws.unverified_payload, did_of(jws.kid))
    return SignedEvent(text, _hash_of(text), event, jws.kid)


def check_event_signature(signed: SignedEvent, signer: PublicKey | Resolver) -> None:
    """Raise unless the event is signed by this key, or by the key that its `kid` names.

    With a resolver the key must serve as `assertionMethod` of the signer's DID. `event.signature` for a
    signature that does not fit; other failures keep the code of the DID or the key.
    """
    jws = parse_jws(signed.text, typ=EVENT_TYP, max_bytes=MAX_EVENT_BYTES)
    key = signer if isinstance(signer, PublicKey) else key_of(signer.resolve(signed.did), jws.kid)
    try:
        check_jws(jws, key)
    except VerificationError as error:
        if error.code != "signature.invalid":
            raise
        raise VerificationError("event.signature", event=signed.event_hash[:12]) from error


def render_event(event: Event) -> bytes:
    """Return the payload: the canonical JSON form of `event`."""
    return jcs(msgspec.to_builtins(event))


def did_of(kid: str) -> str:
    """Return the DID before the `#` of a DID URL."""
    return kid.partition("#")[0]


def _hash_of(text: str) -> EventHash:
    return EventHash(sha256(text.encode("ascii")).hex())


def _read(payload: bytes, did: str) -> Event:
    """Return the event in `payload`, signed by `did`; the one door for events."""
    members = strict_json.parse(payload, max_bytes=MAX_EVENT_BYTES)
    version = strict_json.convert(members, _Version).v
    if version != 1:
        raise InputError("input.version", version=version)
    head = strict_json.convert(members, _Head)
    role = _role(head.type, head.matter, did)
    content = strict_json.convert(head.content, CONTENTS[head.type][head.matter.kind, role])
    event = strict_json.convert({**members, "content": content}, Event)
    _check_rules(event, role)
    if render_event(event) != payload:
        raise InputError("input.not_canonical")
    return event


def _role(event_type: str, matter: Matter, did: str) -> Role:
    """Return the role in which `did` may sign such an event, or raise why not."""
    if event_type not in CONTENTS:
        raise InputError("event.type", type=event_type)
    signers = [role for lane, role in CONTENTS[event_type] if lane == matter.kind]
    if not signers:
        raise InputError("event.wrong_lane", type=event_type, lane=matter.kind)
    for role in matter.roles_of(did):
        if role in signers:
            return role
    raise VerificationError("event.signer", type=event_type, signer=did)


def _check_rules(event: Event, role: Role) -> None:
    if (event.prev is None) != (event.seq == 0):
        raise InputError("event.prev", seq=event.seq)
    if (event.next is None) != (event.type == "invalidated") or event.next == event.seal:
        raise InputError("event.next", type=event.type)
    if not 1 <= len(set(event.logs)) == len(event.logs) <= MAX_LOGS:
        raise InputError("event.logs", limit=MAX_LOGS)
    stop_lane = event.matter.kind == "relation" and role == "customer"
    if stop_lane and (event.type == "opened") != (event.seq == 0):
        raise InputError("event.opened", type=event.type, seq=event.seq)
    for moment in (event.at, *_moments(event.content)):
        if moment.utcoffset() != timedelta(0) or moment.microsecond:
            raise InputError("event.time")


def _moments(content: Content) -> list[datetime]:
    values = (getattr(content, name) for name in getattr(content, "__struct_fields__", ()))
    return [value for value in values if isinstance(value, datetime)]
