"""What a company's book holds beside the events: notices, requests, contacts, and where each matter stands.

`fact` has what of each verified event decides; `standing` is the fold of a matter's facts, kept so that a
decision reads one row. It can be thrown away and made again from the facts (`stand.refold`), and the facts
from the events' bytes (`deep`).

An imported row is written once, in `attested`, with its address; a matter of which nothing else is known
needs no `standing`, which would say the same again (`attested_held`). The rows of a batch are numbered on
from its `batch`, and its claim codes follow from `claims` and the company's seed, so the book holds none.

Whoever is filed under an address of somebody else's stands in `shares_address`, so that the decision about
everybody else need not look for such.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from .state import Fact, OpenSeal, Standing, State, Terms
from .terms import Assurance

__all__ = [
    "ATTESTED",
    "MIGRATIONS",
    "PENDING_INDEX",
    "Attested",
    "Held",
    "Stops",
    "attested_held",
    "attested_row",
    "held_of",
]

MIGRATIONS: Final[dict[str, tuple[str, ...]]] = {
    "consent": (
        """
    CREATE TABLE notice (
        hash TEXT PRIMARY KEY, id TEXT NOT NULL, version TEXT NOT NULL, body BLOB NOT NULL, jws TEXT NOT NULL,
        published_at INTEGER NOT NULL, leaf_index INTEGER, UNIQUE (id, version)
    ) STRICT;
    CREATE TABLE request (
        hash TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, jws TEXT NOT NULL, notice TEXT NOT NULL,
        customer TEXT, many INTEGER NOT NULL, at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_by TEXT
    ) STRICT;
    CREATE INDEX request_customer ON request (customer) WHERE customer IS NOT NULL;
    CREATE TABLE person (
        customer TEXT PRIMARY KEY, ref TEXT NOT NULL UNIQUE, proof TEXT NOT NULL, at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE address (
        customer TEXT NOT NULL, channel TEXT NOT NULL, finder BLOB NOT NULL, target TEXT NOT NULL,
        body BLOB NOT NULL, proof TEXT NOT NULL, PRIMARY KEY (customer, channel, finder, target)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX address_finder ON address (finder);
    CREATE TABLE shares_address (customer TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE fact (
        event TEXT PRIMARY KEY, controller TEXT NOT NULL, customer TEXT NOT NULL, purpose TEXT NOT NULL,
        channel TEXT NOT NULL, received_at INTEGER NOT NULL, pending INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX fact_pending ON fact (event) WHERE pending;
    CREATE INDEX fact_matter ON fact (controller, customer, purpose, channel);
    CREATE TABLE import_batch (
        batch INTEGER PRIMARY KEY, count INTEGER NOT NULL, controller TEXT NOT NULL,
        event TEXT NOT NULL UNIQUE, known INTEGER NOT NULL, origin TEXT NOT NULL, claims BLOB NOT NULL
    ) STRICT;
    CREATE TABLE attested (
        id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, customer TEXT NOT NULL, purpose TEXT NOT NULL,
        channel TEXT NOT NULL, given INTEGER NOT NULL, since INTEGER NOT NULL, next BLOB NOT NULL,
        salt BLOB NOT NULL, target BLOB, finder BLOB, address BLOB
    ) STRICT;
    CREATE INDEX attested_customer ON attested (customer);
    CREATE INDEX attested_finder ON attested (finder) WHERE finder IS NOT NULL;
    CREATE TABLE standing (
        controller TEXT NOT NULL, purpose TEXT NOT NULL, channel TEXT NOT NULL, customer TEXT NOT NULL,
        body BLOB NOT NULL, PRIMARY KEY (controller, purpose, channel, customer)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX standing_customer ON standing (customer);
    CREATE VIEW matter AS
        SELECT controller, customer, purpose, channel FROM standing UNION ALL
        SELECT (SELECT controller FROM import_batch i WHERE i.batch = a.batch) AS controller, customer,
            purpose, channel FROM attested a
        WHERE NOT EXISTS (
            SELECT 1 FROM standing s
            JOIN import_batch i ON i.batch = a.batch AND i.controller = s.controller
            WHERE s.customer = a.customer AND s.purpose = a.purpose AND s.channel = a.channel
        );
    CREATE VIEW reachable AS
        SELECT customer, channel, finder, target, body FROM address UNION ALL
        SELECT customer, channel, finder, lower(hex(target)), address FROM attested WHERE finder IS NOT NULL;
    CREATE TABLE relation (
        controller TEXT NOT NULL, customer TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (controller, customer)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE own_lane (
        n INTEGER PRIMARY KEY, controller TEXT NOT NULL, matter TEXT NOT NULL, seq INTEGER NOT NULL,
        prev TEXT, open TEXT NOT NULL, ended INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX own_lane_matter ON own_lane (matter, ended);
    CREATE TABLE own_time (idx INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
    CREATE TABLE receipt (
        event TEXT PRIMARY KEY, customer TEXT NOT NULL, own_event TEXT, card TEXT, credential TEXT
    ) STRICT;
    CREATE TABLE note (event TEXT PRIMARY KEY, customer TEXT NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE contact_use (
        id TEXT NOT NULL, line INTEGER NOT NULL, customer TEXT NOT NULL, purpose TEXT NOT NULL,
        channel TEXT NOT NULL, campaign TEXT NOT NULL, basis TEXT NOT NULL, at INTEGER NOT NULL,
        event TEXT NOT NULL, relies_on TEXT, body BLOB NOT NULL, PRIMARY KEY (id, line)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX contact_use_customer ON contact_use (customer);
    """,
    ),
    "question": (
        """
    CREATE TABLE question (
        id TEXT PRIMARY KEY, nonce TEXT NOT NULL UNIQUE, message BLOB NOT NULL, at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, answered_at INTEGER, outcome BLOB
    ) STRICT;
    """,
    ),
}


ATTESTED: Final = "i.event, i.known, i.origin, a.given, a.since, a.next, a.target, a.salt"
"""The columns of an imported row, of `attested a` and `import_batch i`."""

PENDING_INDEX = 1 << 50
"""The position of an event of the company's own whose leaf is still on its way: after everything else."""


class Held(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a matter stands, as one row: what `decide` reads. Times are seconds since 1970.

    `index` is the leaf of the newest grant: a seal broken at or before it is an older story.
    """

    customer: str
    state: State
    since: int
    until: int | None = None
    superseded_from: int | None = None
    lapses_at: int | None = None
    event: str | None = None
    grant: str | None = None
    notice: str | None = None
    index: int = -1
    target: str | None = None
    data: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    assurance: Assurance | None = None
    ending: str | None = None
    seals: tuple[OpenSeal, ...] = ()
    leaf_index: int | None = None


class Stops(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The open stop seals of a customer, and the standing objections: scope (None: all) and leaf."""

    seals: tuple[OpenSeal, ...] = ()
    objections: tuple[tuple[str | None, int], ...] = ()


class Attested(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An imported row: what the company says it was told before konsens.

    Its leaf is that of the batch, so it has no index of its own: any break of its seal, and any stop seal
    ever broken, is newer than the company's word.
    """

    event: str
    known: int
    state: Literal["given", "withdrawn"]
    since: int
    next: str
    logs: tuple[str, ...]
    target: str | None
    salt: bytes

    @property
    def fact(self) -> Fact:
        """The row as the fold sees it; among rows the later import is the later word."""
        return Fact(
            event=self.event,
            type=self.state,
            by="customer",
            lane=self.next,
            seq=0,
            index=self.known - PENDING_INDEX,
            since=min(self.since, self.known),
            known=self.known,
            next=self.next,
            logs=self.logs,
            target=self.target,
            assurance="attested",
        )


def attested_held(customer: str, row: Attested) -> Held:
    """Return what the fold says of a matter with this one row; a test holds the two together."""
    given = row.state == "given"
    return Held(
        customer=customer,
        state=State.GIVEN if given else State.WITHDRAWN,
        since=min(row.since, row.known),
        event=row.event,
        grant=row.event if given else None,
        index=row.known - PENDING_INDEX if given else -1,
        target=row.target if given else None,
        assurance="attested",
        ending=None if given else "withdrawn",
        seals=((row.logs, row.next),),
    )


def attested_row(
    event: str,
    known: int,
    origin: str,
    given: int,
    since: int,
    following: bytes,
    target: bytes | None,
    salt: bytes,
) -> Attested:
    """Return an imported row from its columns, in the order of `ATTESTED`."""
    return Attested(
        event,
        known,
        "given" if given else "withdrawn",
        since,
        following.hex(),
        (origin,),
        None if target is None else target.hex(),
        salt,
    )


def held_of(standing: Standing, customer: str, terms: dict[str, Terms]) -> Held | None:
    """Return a standing as one row, or None where nothing ever happened."""
    if standing.state is None or standing.head is None:
        return None
    grant, head = standing.grant, standing.head
    found = terms.get(grant.event, _NO_TERMS) if grant else _NO_TERMS
    return Held(
        customer=customer,
        state=standing.state,
        since=standing.since,
        until=grant.until if grant else None,
        superseded_from=_finite(found.superseded_from),
        lapses_at=_finite(found.lapses_at),
        event=head.event,
        grant=grant.event if grant else None,
        notice=grant.notice if grant else head.notice,
        index=grant.index if grant else -1,
        target=grant.target if grant else None,
        data=grant.data if grant else (),
        recipients=grant.recipients if grant else (),
        assurance=_assurance(grant, head),
        ending=standing.ending,
        seals=standing.open_seals,
        leaf_index=head.index if 0 <= head.index < PENDING_INDEX else None,
    )


_NO_TERMS = Terms()


def _finite(moment: int) -> int | None:
    return None if moment >= PENDING_INDEX else moment


def _assurance(grant: Fact | None, head: Fact) -> Assurance:
    return "courier" if head.by == "company" else (grant or head).assurance
