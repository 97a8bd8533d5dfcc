"""The company's own events: signed in its own lanes, stored before they leave, effective at once.

- An event, its leaf and its fact are durable in one transaction before anything is appended.
- `deliver` brings every leaf that is still on its way into the log; after a crash the next verb does it.
- Where the log has lost the event before one of them, it first gets that back: the index grows along a lane.
- A lane whose open seal broke without an event to show (a restored book) has ended; a new one begins.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..did import Signer, public_from_seed
from ..errors import KonsensError
from ..records import (
    Actor,
    AnchoredEvent,
    Content,
    Countersignature,
    Event,
    EventHash,
    EventType,
    Matter,
    Seal,
    Seed,
    SignedEvent,
    company_record_label,
    company_seal_label,
    event_salt,
    flush,
    prepare,
    sign_event,
)
from ..registry import seal_of
from .bring_back import bring_back, is_displaced
from .facts import own_fact
from .ledger import Ledger
from .moments import seconds
from .tables import PENDING_INDEX

__all__ = ["CompanyKeys", "countersign", "deliver", "sign_own"]


class CompanyKeys(msgspec.Struct, frozen=True):
    """What a company signs with: its signer, and the seed of its lanes. Reading needs neither."""

    signer: Signer
    seed: Seed

    def __repr__(self) -> str:
        return "CompanyKeys(***)"


def sign_own(
    ledger: Ledger,
    keys: CompanyKeys,
    matter: Matter,
    kind: EventType,
    content: Content,
    *,
    at: datetime,
    actor: Actor | None = None,
) -> SignedEvent:
    """Sign the next event of the company's lane in `matter` and put its leaf into the outbox.

    Inside `book.write()`. The event is a fact at once; its leaf follows with `deliver`.
    """
    record = matter.record_id
    lane, seq, prev = _place(ledger, keys, record)
    seal_key = keys.seed.derive(company_seal_label(lane, seq))
    following = seal_of(public_from_seed(keys.seed.derive(company_seal_label(lane, seq + 1)))).hex()
    event = Event(
        v=1,
        type=kind,
        matter=matter,
        seq=seq,
        prev=None if prev is None else EventHash(prev),
        seal=Seal(seal_of(public_from_seed(seal_key)).hex()),
        next=Seal(following),
        logs=(ledger.origin,),
        at=at.replace(microsecond=0),
        target=None,
        content=content,
        actor=actor,
    )
    signed = sign_event(event, signer=keys.signer)
    salt = event_salt(keys.seed.derive(company_record_label(lane)), seq, signed.event_hash)
    ledger.book.keep(prepare(signed, salt=salt, seal_key=seal_key))
    ledger.db.execute(
        "INSERT OR REPLACE INTO own_lane VALUES (?, ?, ?, ?, ?, ?, 0)",
        (lane, ledger.did, record, seq + 1, signed.event_hash, following),
    )
    fact = own_fact(signed, index=PENDING_INDEX, known=seconds(at))
    ledger.add_fact(fact, matter, received_at=seconds(at))
    return signed


def countersign(ledger: Ledger, keys: CompanyKeys, anchored: AnchoredEvent, *, at: datetime) -> None:
    """Answer a customer's event where it lies now, for its receipt; inside `book.write()`."""
    matter, event = anchored.event.event.matter, anchored.event.event_hash
    content = Countersignature(event=event, origin=anchored.origin, leaf_index=anchored.leaf_index)
    own = sign_own(ledger, keys, matter, "countersigned", content, at=at)
    row = (event, matter.customer, own.event_hash)
    ledger.db.execute("INSERT OR REPLACE INTO receipt VALUES (?, ?, ?, NULL, NULL)", row)


def deliver(ledger: Ledger, *, now: datetime) -> None:
    """Append every leaf that is still on its way, and note where it lies."""
    log = ledger.logs.home
    ledger.check_log()
    waiting = [item.event.event.prev for item in ledger.book.outstanding(log.origin) if item.event]
    if any(is_displaced(ledger, before) for before in waiting if before):
        bring_back(ledger)
    sent = flush(log, ledger.book)
    ledger.look_back()
    settled = ledger.db.execute(
        "SELECT f.event FROM fact f JOIN event e ON e.hash = f.event WHERE f.pending"
    ).fetchall()
    if not sent and not settled:
        return
    with ledger.book.write():
        ledger.note_size(log.size())
        for item in sent:
            if item.leaf_index is not None:
                ledger.db.execute(
                    "INSERT OR IGNORE INTO own_time VALUES (?, ?)", (item.leaf_index, seconds(now))
                )
        for (event,) in settled:
            _settle(ledger, event)


def _settle(ledger: Ledger, event: str) -> None:
    fact, stored = ledger.fact_of(event), ledger.book.event(event)
    if fact is None:
        return
    matter = stored.anchored.event.event.matter
    ledger.add_fact(
        msgspec.structs.replace(fact, index=stored.leaf_index), matter, received_at=stored.received_seconds
    )
    if matter.customer and matter.purpose and matter.channel:
        ledger.refold(matter.customer, matter.purpose, matter.channel)
    elif matter.customer:
        ledger.restand(matter.customer)


def _place(ledger: Ledger, keys: CompanyKeys, record: str) -> tuple[int, int, str | None]:
    """Return number, next seq and last event of the open lane in a matter, or a new lane's."""
    row = ledger.db.execute(
        "SELECT n, seq, prev, open FROM own_lane WHERE matter = ? AND NOT ended", (record,)
    ).fetchone()
    if row is not None:
        if not _broken(ledger, row[3]):
            return row[0], row[1], row[2]
        ledger.db.execute("UPDATE own_lane SET ended = 1 WHERE n = ?", (row[0],))
    (last,) = ledger.db.execute("SELECT coalesce(max(n), -1) FROM own_lane").fetchone()
    lane = last + 1
    while _broken(ledger, seal_of(public_from_seed(keys.seed.derive(company_seal_label(lane, 0)))).hex()):
        lane += 1
    return lane, 0, None


def _broken(ledger: Ledger, seal: str) -> bool:
    """Tell whether a seal of ours is broken; a log out of reach is asked when the leaf is appended."""
    try:
        return ledger.logs.home.find(bytes.fromhex(seal)) is not None
    except KonsensError:
        return False
