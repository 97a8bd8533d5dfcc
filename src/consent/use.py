"""Recording a contact before it is made: the decision first, then the use in the log, then the mail.

A use is one row of a batch, so a list of 100,000 is one event and one leaf like a single letter.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from ..encoding import format_time, jcs
from ..records import Actor, Batch, Digest, EventHash, Matter, UseBatch, row_entry
from .decide import decide
from .decision import Decision
from .ledger import Ledger
from .moments import seconds
from .own import CompanyKeys, deliver, sign_own
from .terms import Basis

__all__ = ["UseRow", "record_use", "record_uses"]


class UseRow(msgspec.Struct, frozen=True):
    """One contact: whom, relying on which event, on which legal basis."""

    customer: str
    relies_on: str | None
    basis: Basis


def record_use(
    ledger: Ledger,
    keys: CompanyKeys,
    *,
    customer: str,
    purpose: str,
    channel: str,
    campaign: str,
    address: str | None = None,
    actor: Actor | None = None,
    random: Callable[[int], bytes] = os.urandom,
    now: datetime,
) -> tuple[str | None, Decision]:
    """Decide, and only if allowed record the use; return its id (to put into the message), and the decision.

    The use lies in the log when this returns: make the contact afterwards.
    """
    decision = decide(
        ledger,
        customer=customer,
        purpose=purpose,
        channel=channel,
        address=address,
        cite=True,
        now=now,
    )
    if not decision or decision.basis is None:
        return None, decision
    row = UseRow(customer, decision.evidence.event, decision.basis)
    use = record_uses(
        ledger,
        keys,
        [row],
        purpose=purpose,
        channel=channel,
        campaign=campaign,
        actor=actor,
        random=random,
        now=now,
    )
    return use, decision


def record_uses(
    ledger: Ledger,
    keys: CompanyKeys,
    rows: Sequence[UseRow],
    *,
    purpose: str,
    channel: str,
    campaign: str,
    actor: Actor | None = None,
    random: Callable[[int], bytes] = os.urandom,
    now: datetime,
) -> str:
    """Record that these customers are about to be contacted, as one event; return the use's id.

    The caller has decided each of them. The checkpoint relied on is the newest one, or size 0.
    """
    ledger.check_log()
    use, salts = random(16).hex(), random(32 * len(rows))
    bodies = [
        {
            "use": use,
            "customer": row.customer,
            "purpose": purpose,
            "channel": channel,
            "campaign": campaign,
            "basis": row.basis,
            "relies_on": row.relies_on,
            "at": format_time(now),
        }
        for row in rows
    ]
    pairs = [(salts[32 * n : 32 * n + 32], body) for n, body in enumerate(bodies)]
    batch = Batch(row_entry(salt, body) for salt, body in pairs)
    checkpoint = ledger.logs.home.checkpoint()
    alone = rows[0] if len(rows) == 1 else None
    content = UseBatch(
        count=batch.count,
        root=Digest(batch.root.hex()),
        campaign=campaign,
        purpose=purpose,
        channel=channel,
        basis=alone.basis if alone else "consent",
        relies_on=EventHash(alone.relies_on) if alone and alone.relies_on else None,
        origin=ledger.origin,
        size=checkpoint.checkpoint.size if checkpoint else 0,
    )
    with ledger.book.write() as db:
        own = Matter(controller=ledger.did)
        signed = sign_own(ledger, keys, own, "used", content, at=now, actor=actor)
        about, at = (purpose, channel, campaign), (seconds(now), signed.event_hash)
        uses = (
            (use, line, row.customer, *about, row.basis, *at, row.relies_on, salt + jcs(body))
            for line, (row, (salt, body)) in enumerate(zip(rows, pairs, strict=True))
        )
        db.executemany("INSERT INTO contact_use VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", uses)
    deliver(ledger, now=now)
    return use
