"""Records: where each matter of a customer stands, as answers show it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from ..errors import NotFound
from .asked import asked_of
from .contact import resolve_who
from .ledger import Ledger
from .moments import seconds, when
from .state import State
from .tables import Held

__all__ = ["Record", "records_of"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One matter: its state now, derived states included, and the event that made it so.

    `leaf_index` is None until that event's leaf is sequenced. A seal that broke without an event shows as
    `withdrawn`, like in a decision.
    """

    record: str
    company: str
    purpose: str
    channel: str
    state: State
    since: datetime
    until: datetime | None
    event: str | None
    seal: str | None
    next: str | None
    leaf_index: int | None
    customer: str
    assurance: str | None


def records_of(
    ledger: Ledger, who: str, *, among: Collection[tuple[str, str, str]] | None = None, now: datetime
) -> list[Record]:
    """Return the records of a customer, by DID or number, sorted by purpose and channel.

    With `among` only these, given by customer, purpose and channel, of those that were ever answered.
    """
    did, ref = resolve_who(ledger.db, who)
    found: list[Record] = []
    for customer in (did, ref):
        if customer is not None:
            found += [
                _record(ledger, purpose, channel, held, now)
                for purpose, channel, held in ledger.all_held(customer)
                if among is None or (customer, purpose, channel) in among
            ]
    if did is not None and among is None:
        found += _requested(ledger, did, {(record.purpose, record.channel) for record in found}, now)
    return sorted(found, key=lambda record: (record.purpose, record.channel, record.customer))


def _record(ledger: Ledger, purpose: str, channel: str, held: Held, now: datetime) -> Record:
    try:
        stored = ledger.book.event(held.event or "")
        seal: str | None = stored.seal
        index: int | None = stored.leaf_index
    except NotFound:  # an event of the company's own whose leaf is still on its way
        seal, index = None, None
    since = when(held.since) or now
    return Record(
        record=ledger.matter(held.customer, purpose, channel).record_id,
        company=ledger.did,
        purpose=purpose,
        channel=channel,
        state=_state(ledger, held, seconds(now)),
        since=since,
        until=when(held.until),
        event=held.event,
        seal=seal,
        next=held.seals[-1][1] if held.seals else None,
        leaf_index=index,
        customer=held.customer,
        assurance=held.assurance,
    )


def _state(ledger: Ledger, held: Held, moment: int) -> State:
    """Return the state with what time and the log add to what the book has written down."""
    if held.state not in (State.GIVEN, State.RENEWED, State.PENDING):
        return held.state
    if any((ledger.logs.broken_at(*open_seal) or -1) > held.index for open_seal in held.seals):
        return State.WITHDRAWN
    if held.until is not None and moment >= held.until:
        return State.EXPIRED
    if held.state is State.PENDING:
        lapsed = held.lapses_at is not None and moment >= held.lapses_at
        return State.LAPSED if lapsed else held.state
    superseded = held.superseded_from is not None and moment >= held.superseded_from
    return State.SUPERSEDED if superseded else held.state


def _requested(ledger: Ledger, did: str, known: set[tuple[str, str]], now: datetime) -> list[Record]:
    """Return a record for every offer of an addressed request that nothing has answered yet."""
    return [
        Record(
            record=ledger.matter(did, asked.purpose, asked.channel).record_id,
            company=ledger.did,
            purpose=asked.purpose,
            channel=asked.channel,
            state=asked.state_at(now),
            since=asked.at,
            until=asked.expires_at,
            event=None,
            seal=None,
            next=None,
            leaf_index=None,
            customer=did,
            assurance=None,
        )
        for asked in asked_of(ledger, [did], by=now)
        if (asked.purpose, asked.channel) not in known
    ]
