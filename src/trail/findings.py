"""Findings: what a privacy officer must look at, the worst first.

A contact is judged at its leaf: only what lay in the log before it, and what had been received by then,
could have allowed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ..consent import Ledger
from ..encoding import format_time
from .stand import Cases, finding_about
from .view import Finding

__all__ = ["ORDER", "findings"]

GAP = timedelta(hours=24)
ORDER = (
    "trail.contact_after_withdrawal",
    "trail.contact_without_consent",
    "trail.use_not_anchored",
    "trail.company_lane_broken",
    "trail.time_gap",
)


def findings(ledger: Ledger, *, people: frozenset[str] | None) -> list[Finding]:
    """Return the findings about some people (every name of theirs), or with None about everybody."""
    found = [*_contacts(ledger, people), *_own_lanes(ledger), *_gaps(ledger, people)]
    return sorted(found, key=lambda finding: ORDER.index(finding.code))


def _contacts(ledger: Ledger, people: frozenset[str] | None) -> Iterator[Finding]:
    """Name every contact without a consent in force at its leaf, or on another basis against an objection."""
    cases = Cases(ledger)
    rows = ledger.db.execute(
        "SELECT u.id, u.customer, u.purpose, u.channel, u.campaign, u.basis, u.at, e.leaf_index "
        "FROM contact_use u LEFT JOIN event e ON e.hash = u.event ORDER BY u.at, u.id, u.line"
    )
    for use, who, purpose, channel, campaign, basis, at, index in rows.fetchall():
        if people is not None and who not in people:
            continue
        told = {
            "person": ledger.ref_of(who) or who,
            "purpose": purpose,
            "channel": channel,
            "campaign": campaign,
            "at": format_time(datetime.fromtimestamp(at, UTC)),
        }
        if index is None:
            yield Finding("trail.use_not_anchored", use, told)
            continue
        own, attested = (case and case.below(index) for case in cases.both(who, purpose, channel))
        if code := finding_about(basis, own, attested, at=at):
            yield Finding(code, use, told)


def _own_lanes(ledger: Ledger) -> Iterator[Finding]:
    """Name every lane of the company whose open seal broke: an event of its own is missing in the book."""
    rows = ledger.db.execute(
        "SELECT open, matter FROM own_lane WHERE controller = ? AND NOT ended ORDER BY n", (ledger.did,)
    ).fetchall()
    broken = ledger.logs.home.broken_many([bytes.fromhex(seal) for seal, _ in rows])
    for seal, record in rows:
        index = broken.get(bytes.fromhex(seal))
        if index is not None:
            yield Finding("trail.company_lane_broken", record, {"index": str(index)})


def _gaps(ledger: Ledger, people: frozenset[str] | None) -> Iterator[Finding]:
    """Name every act of a customer whose stated time lies more than a day before its arrival."""
    rows = ledger.db.execute(
        "SELECT e.hash, e.signer, e.at, e.received_at FROM event e "
        "WHERE e.signer != ? AND abs(e.received_at - e.at) > ? ORDER BY e.leaf_index",
        (ledger.did, int(GAP.total_seconds())),
    )
    for event, signer, at, received in rows.fetchall():
        if people is None or signer in people:
            told = {
                "person": ledger.ref_of(signer) or signer,
                "at": format_time(datetime.fromtimestamp(at, UTC)),
                "received": format_time(datetime.fromtimestamp(received, UTC)),
            }
            yield Finding("trail.time_gap", event, told)
