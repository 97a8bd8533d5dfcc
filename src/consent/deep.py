"""Verifying again from the bytes what a decision took from the book's tables.

The tables are the book's own memory. Whoever can write the file can change them; the signatures, the
commitments and the log they cannot.
"""

from __future__ import annotations

import msgspec

from ..did import check_jws, key_of, parse_jws
from ..errors import Damaged
from ..records import (
    AnchoredEvent,
    Batch,
    Lane,
    check_anchored,
    check_event_signature,
    check_in_log,
    row_entry,
)
from .facts import customer_fact, own_fact
from .fold import fold
from .imports import row_of
from .ledger import Ledger
from .notice import TYP
from .state import Fact
from .tables import Held, held_of

__all__ = ["verify_again"]


def verify_again(ledger: Ledger, held: Held, *, purpose: str, channel: str) -> None:
    """Raise unless the row that was decided on follows from bytes that verify now.

    In this order: every event of the matter and of the relation lane (signature, commitment, leaf, place in
    its lane and in the log), the notice's signature, that no entry after the newest checkpoint breaks a seal
    which the log's list of breaks says is whole (`registry.damaged`; the entries before it are covered by
    that checkpoint's map and by `registry fsck`), and that the fold over them is the row in the table:
    `consent.standing_differs`.
    """
    matter = ledger.matter(held.customer, purpose, channel)
    if held.assurance == "attested":
        facts = [_attested_fact(ledger, held, purpose, channel)]
        facts += [fact for fact in _facts(ledger, matter.record_id) if fact.by == "company"]
    else:
        facts = _facts(ledger, matter.record_id)
    relation = _facts(ledger, ledger.matter(held.customer).record_id)
    if held.notice is not None:
        _check_notice(ledger, held.notice)
    terms = ledger.terms(facts, purpose)
    ledger.check_rows([*facts, *relation])
    breaks = ledger.breaks([*facts, *relation])
    standing = fold(facts, breaks=breaks, relation=relation, terms=terms, purpose=purpose)
    found = held_of(standing, held.customer, terms)
    if found is None or _timeless(found) != _timeless(held):
        raise Damaged("consent.standing_differs", record=matter.record_id)


def _timeless(held: Held) -> Held:
    """Return a row without its time of arrival, which only the book knows."""
    return msgspec.structs.replace(held, since=0)


def _facts(ledger: Ledger, record: str) -> list[Fact]:
    facts = []
    for lane in ledger.book.lanes(record):
        for anchored in lane.events:
            _check_event(ledger, anchored)
            facts.append(_fact(ledger, lane, anchored))
    return facts


def _check_event(ledger: Ledger, anchored: AnchoredEvent) -> None:
    check_event_signature(anchored.event, ledger.resolver)
    check_anchored(anchored)
    check_in_log(anchored, ledger.logs.named(anchored.origin))


def _fact(ledger: Ledger, lane: Lane, anchored: AnchoredEvent) -> Fact:
    known = ledger.book.event(anchored.event.event_hash).received_seconds
    if lane.signer == ledger.did:
        return own_fact(anchored.event, index=anchored.leaf_index, known=known)
    return customer_fact(ledger, anchored, known=known)


def _check_notice(ledger: Ledger, digest: str) -> None:
    signed = ledger.notice(digest)
    if signed is None or signed.hash != digest:
        raise Damaged("consent.standing_differs", record=digest[:12])
    jws = parse_jws(signed.jws, typ=TYP)
    if check_jws(jws, key_of(ledger.resolver.resolve(ledger.did), jws.kid)) != signed.body:
        raise Damaged("consent.standing_differs", record=digest[:12])


def _attested_fact(ledger: Ledger, held: Held, purpose: str, channel: str) -> Fact:
    """Return the fact of an imported row, after the whole batch was put together again."""
    event = ledger.book.event(held.event or "").anchored
    _check_event(ledger, event)
    rows = ledger.batch_rows(held.event or "")
    batch = Batch(
        row_entry(body.salt, row_of(customer, code, way, body)) for customer, code, way, body in rows
    )
    mine = [
        body
        for customer, code, way, body in rows
        if (customer, code, way) == (held.customer, purpose, channel)
    ]
    if batch.root.hex() != getattr(event.event.event.content, "root", None) or len(mine) != 1:
        raise Damaged("consent.standing_differs", record=held.customer)
    return mine[0].fact
