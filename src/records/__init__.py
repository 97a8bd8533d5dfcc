"""Signed events in lanes: what was said, by whom, and where in a log it lies.

>>> from datetime import UTC, datetime
>>> from konsens.did import LocalSigner, PrivateKey, did_key, kid_of, public_from_seed
>>> from konsens.registry import seal_of
>>> seed = Seed.from_words("abandon " * 23 + "art")
>>> key = PrivateKey.ed25519(seed.derive(did_label(0)))
>>> me = did_key(key.public)
>>> seals = [seal_of(public_from_seed(seed.derive(seal_label(0, 0, seq)))).hex() for seq in (0, 1)]
>>> event = Event(
...     type="opened",
...     matter=Matter(customer=me, controller="did:web:muster.example"),
...     seq=0,
...     prev=None,
...     seal=Seal(seals[0]),
...     next=Seal(seals[1]),
...     logs=("log.muster.example",),
...     at=datetime(2026, 11, 22, 10, tzinfo=UTC),
...     target=None,
...     content=Empty(),
... )
>>> signed = sign_event(event, signer=LocalSigner(key, kid_of(me)))
>>> salt = event_salt(seed.derive(record_label(0, 0)), 0, signed.event_hash)
>>> outgoing = prepare(signed, salt=salt, seal_key=seed.derive(seal_label(0, 0, 0)))
>>> check_anchored(outgoing.anchored_at(0))
>>> Lane((outgoing.anchored_at(0),)).open_seal == seals[1]
True
"""

from __future__ import annotations

from .anchor import (
    AnchoredEvent,
    LogReader,
    check_anchored,
    check_in_log,
    parse_anchored,
    render_anchored,
)
from .batch import Batch, check_row, row_entry
from .book import Book, Migrations
from .book_check import check_book
from .commitment import check_commitment, commitment
from .content import (
    Basis,
    Code,
    Confirmation,
    Content,
    Countersignature,
    CourierObjection,
    CourierWithdrawal,
    Digest,
    Empty,
    EventHash,
    EventType,
    Grant,
    ImportBatch,
    Invalidation,
    LaneKind,
    Objection,
    Origin,
    Refusal,
    Revocation,
    Role,
    Seal,
    UseBatch,
)
from .event import (
    Actor,
    Event,
    SignedEvent,
    check_event_signature,
    did_of,
    parse_event,
    render_event,
    sign_event,
)
from .lane import Lane, check_may_begin, check_successor
from .matter import Matter, RecordId
from .outbox import LogWriter, Outbox, Outgoing, Sent, anchor, break_seal, flush, prepare, prepare_break
from .seed import (
    GAP_LIMIT,
    LOG_LABEL,
    Seed,
    bare_label,
    claim_key,
    company_record_label,
    company_seal_label,
    did_label,
    event_salt,
    record_label,
    seal_label,
    sign_label,
    target_label,
    witness_label,
)
from .stored_event import StoredEvent

__all__ = [
    "GAP_LIMIT",
    "LOG_LABEL",
    "Actor",
    "AnchoredEvent",
    "Basis",
    "Batch",
    "Book",
    "Code",
    "Confirmation",
    "Content",
    "Countersignature",
    "CourierObjection",
    "CourierWithdrawal",
    "Digest",
    "Empty",
    "Event",
    "EventHash",
    "EventType",
    "Grant",
    "ImportBatch",
    "Invalidation",
    "Lane",
    "LaneKind",
    "LogReader",
    "LogWriter",
    "Matter",
    "Migrations",
    "Objection",
    "Origin",
    "Outbox",
    "Outgoing",
    "RecordId",
    "Refusal",
    "Revocation",
    "Role",
    "Seal",
    "Seed",
    "Sent",
    "SignedEvent",
    "StoredEvent",
    "UseBatch",
    "anchor",
    "bare_label",
    "break_seal",
    "check_anchored",
    "check_book",
    "check_commitment",
    "check_event_signature",
    "check_in_log",
    "check_may_begin",
    "check_row",
    "check_successor",
    "claim_key",
    "commitment",
    "company_record_label",
    "company_seal_label",
    "did_label",
    "did_of",
    "event_salt",
    "flush",
    "parse_anchored",
    "parse_event",
    "prepare",
    "prepare_break",
    "record_label",
    "render_anchored",
    "render_event",
    "row_entry",
    "seal_label",
    "sign_event",
    "sign_label",
    "target_label",
    "witness_label",
]
