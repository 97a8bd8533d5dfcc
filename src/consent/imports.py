"""Importing consents taken before konsens: one event, one leaf, and a seal of its own for every row.

- Rows are marked `attested` everywhere: the company says so, nobody signed.
- All rows of a file or none; what is refused is reported with its line.
- Whoever holds a row's claim code can break its seal in the log, with no word to anybody.
- An imported yes never overrides a no that is on file, nor the customer's own word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import count
from json.encoder import encode_basestring

import msgspec

from ..encoding import format_time
from ..errors import Conflict
from ..records import Actor, Batch, Digest, ImportBatch, Matter
from .claims import CODE, Claims, claim_codes
from .contact import Address, ContactKeys
from .import_file import ReadFile, Reject, Source, read_file
from .ledger import Ledger
from .lists import attested_standing, linked_matters
from .mapping import Mapping, Told
from .moments import seconds, when
from .own import CompanyKeys, deliver, sign_own
from .state import State
from .tables import PENDING_INDEX, Attested, Held
from .target import target_digest

__all__ = ["Imported", "claims_of", "import_rows", "row_of"]

SALT, NONCE, IMPORT_NONCE = 32, 12, 32
_EPOCH = date(1970, 1, 1)

Progress = Callable[[int, int], None]
Random = Callable[[int], bytes]
Key = tuple[str, str, str]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file; `event` and `leaf_index` are None after a dry run or when nothing was taken.

    Of the addresses with a yes among its rows, `shared` are under another number with a no: none of them may
    be written to.
    """

    rows: int
    accepted: int
    duplicates: int
    rejects: tuple[Reject, ...]
    batch: str | None = None
    event: str | None = None
    leaf_index: int | None = None
    shared: int = 0


def import_rows(
    ledger: Ledger,
    keys: CompanyKeys | None,
    source: Source,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    actor: Actor | None = None,
    random: Random = os.urandom,
    progress: Progress | None = None,
    now: datetime,
) -> Imported:
    """Import the CSV file or stream `source`; nothing of it is in the book unless all of it is.

    A dry run needs no keys: it says what would become of each row, and changes nothing.
    """
    if dry_run or keys is None:
        found = read_file(ledger, source, mapping, latest=seconds(now))
        return _result(ledger, found, *_sort_out(ledger, found.told))
    ledger.check_log()  # a log that would refuse the leaf is named before anything is written
    nonce = random(IMPORT_NONCE)
    with Claims(claim_codes(keys.seed, nonce)) as claims:
        found = read_file(ledger, source, mapping, latest=seconds(now), ahead=claims.ahead)
        version = _version(ledger)
        fresh, known, rejects = _sort_out(ledger, found.told)
        result = _result(ledger, found, fresh, known, rejects)
        if not fresh:
            return result
        rows = _rows(ledger.contacts, fresh, random)
        with ledger.book.write():
            if _version(ledger) != version:  # what was sorted out may be old: a no must not be written over
                raise Conflict("import.book_changed")
            number, batch = _store(ledger, rows, claims, progress)
            content = ImportBatch(count=batch.count, root=Digest(batch.root.hex()), mapping=mapping.name)
            own = Matter(controller=ledger.did)
            event = sign_own(ledger, keys, own, "imported", content, at=now, actor=actor).event_hash
            ledger.db.execute(
                "INSERT INTO import_batch VALUES (?, ?, ?, ?, ?, ?, ?)",
                (number, batch.count, ledger.did, event, seconds(now), ledger.origin, nonce),
            )
            for ref, purpose, channel in known:  # more is known than the one row: it is folded
                ledger.refold(f"ref:{ref}", purpose, channel)
    deliver(ledger, now=now)
    fact = ledger.fact_of(event)
    index = fact.index if fact and fact.index < PENDING_INDEX else None
    return msgspec.structs.replace(result, batch=content.root, event=event, leaf_index=index)


def claims_of(ledger: Ledger, keys: CompanyKeys, event: str) -> list[tuple[str, bytes]]:
    """Return `(customer, claim code)` of every row of an import, for the slips; the book holds no code."""
    row = ledger.db.execute("SELECT claims FROM import_batch WHERE event = ?", (event,)).fetchone()
    rows = ledger.batch_rows(event)
    codes = claim_codes(keys.seed, row[0])(CODE * len(rows)) if row else b""
    return [(customer, codes[CODE * n : CODE * (n + 1)]) for n, (customer, *_) in enumerate(rows)]


def _result(
    ledger: Ledger, found: ReadFile, fresh: Sequence[Told], _known: object, rejects: Sequence[Reject]
) -> Imported:
    return Imported(
        shared=_shared(ledger, [item for _, item in found.told]),
        rows=found.rows,
        accepted=len(fresh),
        duplicates=len(found.told) - len(fresh) - len(rejects),
        rejects=tuple(sorted([*found.rejects, *rejects], key=lambda reject: reject.line)),
    )


def _shared(ledger: Ledger, told: Sequence[Told]) -> int:
    """Return how many addresses have a yes here, and under another number a no here or in the book."""
    noes: dict[tuple[str, str, bytes], set[str]] = {}
    for purpose, channel, finder, customer in ledger.db.execute(_NOES, (ledger.did,)).fetchall():
        noes.setdefault((purpose, channel, finder), set()).add(customer[4:])

    def place(item: Told) -> tuple[str, str, bytes]:
        return item.purpose, item.channel, ledger.contacts.finder(item.channel, item.address or "")

    for item in told:
        if item.state == "withdrawn" and item.address:
            noes.setdefault(place(item), set()).add(item.ref)
    yes = (item for item in told if noes and item.state == "given" and item.address)
    return len({at for item in yes if noes.get(at := place(item), set()) - {item.ref}})


_NOES = """
SELECT a.purpose, a.channel, a.finder, a.customer FROM attested a JOIN import_batch i USING (batch)
WHERE i.controller = ? AND NOT a.given AND a.finder NOT NULL
"""


def _version(ledger: Ledger) -> int:
    """Return a number that changes when another process has written to the book (SQLite, "data_version")."""
    return int(ledger.db.execute("PRAGMA data_version").fetchone()[0])


def row_of(customer: str, purpose: str, channel: str, attested: Attested) -> dict[str, str | None]:
    """Return a stored row as it stands in the batch (`docs/formats.md`, "Event")."""
    since = when(attested.since)
    return {
        "ref": customer.removeprefix("ref:"),
        "purpose": purpose,
        "channel": channel,
        "state": attested.state,
        "since": None if since is None else format_time(since),
        "target": attested.target,
        "next": attested.next,
    }


def row_json(told: Told, target: str | None) -> tuple[str, str]:
    """Return the JCS text of a row before and after its seal; a test compares them with RFC 8785."""
    bound = "null" if target is None else f'"{target}"'
    return (
        f'{{"channel":"{told.channel}","next":"',
        f'","purpose":"{told.purpose}","ref":{encode_basestring(told.ref)},"since":"{_time(told.since)}",'
        f'"state":"{told.state}","target":{bound}}}',
    )


def _time(moment: int) -> str:
    """Return what `format_time` does, for whole seconds; many rows share a day."""
    days, second = divmod(moment, 86400)
    clock = (second // 3600, second // 60 % 60, second % 60)
    return _day(days) + "T%02d:%02d:%02dZ" % clock  # noqa: UP031 a third quicker, for every row


@lru_cache(4096)
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()


def _sort_out(
    ledger: Ledger, told: Sequence[tuple[int, Told]]
) -> tuple[list[Told], dict[Key, Held], list[Reject]]:
    """Return the rows to take, what is on file already for any of them, and rows that must not be taken.

    Of two rows about one matter a withdrawal wins, else the first.
    """
    chosen: dict[Key, tuple[int, Told]] = {}
    for line, item in told:
        key = (item.ref, item.purpose, item.channel)
        if key not in chosen or (item.state == "withdrawn" and chosen[key][1].state == "given"):
            chosen[key] = line, item
    on_file, own = attested_standing(ledger), linked_matters(ledger)
    fresh, known, rejects = [], {}, []
    for key, (line, item) in chosen.items():
        held = on_file.get(key)
        said_no = held is not None and held.state is State.WITHDRAWN
        if said_no and item.state == "given":
            rejects.append(Reject(line, "import.withdrawn_here"))
        elif not said_no and (item.state == "withdrawn" or (held is None and key not in own)):
            fresh.append(item)
            if held is not None:
                known[key] = held
    return fresh, known, rejects


class _Row(msgspec.Struct, frozen=True, gc=False):
    """A row but for its seal: its columns, and the bytes of its leaf before and after."""

    before: bytes
    after: bytes
    columns: tuple[str, str, str, bool, int]
    bound: tuple[bytes, bytes | None, bytes | None, bytes | None]


def _rows(contacts: ContactKeys, told: Sequence[Told], random: Random) -> list[_Row]:
    """Return the rows, as far as they can be made while their seals are still derived."""
    customers = [f"ref:{item.ref}" for item in told]
    keys = contacts.make(customers)
    salts, secrets, nonces = (_pieces(random(size * len(told)), size) for size in (SALT, SALT, NONCE))
    made = []
    for item, customer, key, salt, secret, nonce in zip(
        told, customers, keys, salts, secrets, nonces, strict=True
    ):
        channel, address, target, finder, body = item.channel, item.address, None, None, None
        if address:
            target = target_digest(secret, channel, address)
            finder = contacts.finder(channel, address)
            body = contacts.seal(key, customer, Address(channel, address, secret), nonce=nonce)
        before, after = row_json(item, None if target is None else target.hex())
        made.append(
            _Row(
                b"\x00" + salt + before.encode(),
                after.encode(),
                (customer, item.purpose, channel, item.state == "given", item.since),
                (salt, target, finder, body),
            )
        )
    return made


def _pieces(joined: bytes, size: int) -> Iterator[bytes]:
    return (joined[at : at + size] for at in range(0, len(joined), size))


# Both owners of every address that has two. The first question is answered by an index alone.
_NOTE_SHARED = """
WITH shared (finder) AS (
    SELECT finder FROM attested WHERE finder NOT NULL GROUP BY finder HAVING count(*) > 1
    UNION SELECT a.finder FROM address a WHERE EXISTS (SELECT 1 FROM attested b WHERE b.finder = a.finder)
),
owner (finder, customer) AS (
    SELECT s.finder, a.customer FROM shared s CROSS JOIN attested a ON a.finder = s.finder
    UNION SELECT s.finder, a.customer FROM shared s CROSS JOIN address a ON a.finder = s.finder
)
INSERT OR IGNORE INTO shares_address SELECT customer FROM owner WHERE finder IN (
    SELECT finder FROM owner GROUP BY finder HAVING count(*) > 1
)
"""


def _store(
    ledger: Ledger, rows: Sequence[_Row], claims: Claims, progress: Progress | None
) -> tuple[int, Batch]:
    """Write the rows as their seals come, inside `book.write()`; return the batch's number and tree."""
    (number,) = ledger.db.execute("SELECT coalesce(max(id), 0) + 1 FROM attested").fetchone()
    leaves: list[bytes] = []
    for seals in claims.take(len(rows)):
        start = len(leaves)
        some = rows[start : start + len(seals)]
        leaves += [
            sha256(row.before + seal.hex().encode() + row.after).digest()
            for row, seal in zip(some, seals, strict=True)
        ]
        ledger.db.executemany(
            "INSERT INTO attested VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (n, number, *row.columns, seal, *row.bound)
                for n, row, seal in zip(count(number + start), some, seals, strict=False)
            ],
        )
        if progress:
            progress(len(leaves), len(rows))
    ledger.db.execute(_NOTE_SHARED)
    return number, Batch.of_leaves(leaves)
