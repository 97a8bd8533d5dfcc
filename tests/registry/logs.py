"""Leaves, signers and registries that the tests of the log share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

from konsens.registry import (
    Checkpoint,
    HeadLeaf,
    NoteSigner,
    Policy,
    PublicLeaf,
    Registry,
    SealLeaf,
    SignerHead,
    SqliteStore,
    leaf_hash,
    make_seal_leaf,
    parse_policy,
    render_checkpoint,
    render_vkey,
    root_of,
    sign_note,
)
from konsens.registry.tiles import TileBuilder

ORIGIN = "log.muster.example"
SIGNER = NoteSigner(ORIGIN, bytes(32))
VKEY = SIGNER.vkey
POLICY: Policy = parse_policy(f"log {render_vkey(VKEY)}\nquorum none\n")
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


@cache
def leaf(number: int, *, says: str = "", origin: str = ORIGIN) -> SealLeaf:
    """Return a seal leaf by the one-time key of `number`; `says` makes another one by the same key."""
    return make_seal_leaf(digest(f"key {number}"), digest(f"commitment {number}{says}"), origin=origin)


def leaves(start: int, stop: int) -> list[SealLeaf]:
    return [leaf(number) for number in range(start, stop)]


def public(number: int) -> PublicLeaf:
    return PublicLeaf(digest(f"document {number}"))


def later(minutes: int) -> datetime:
    return AT + timedelta(minutes=minutes)


def memory_of(folder: Path) -> SignerHead:
    """Return the operator's own file about the registry in `folder`, beside it."""
    return SignerHead(folder.with_name(folder.name + ".signed"), wait=0.2)


def make(folder: Path, *, seals: int = 0, checkpoint: bool = True) -> None:
    """Make a registry of some seal leaves, with a checkpoint over them."""
    with Registry.create(folder, origin=ORIGIN, signer=SIGNER) as registry:
        registry.append(leaves(0, seals))
        if checkpoint:
            registry.publish(SIGNER, at=AT, remembered=memory_of(folder))


@contextmanager
def by_hand(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the log as a hostile hand does, past the triggers (which are put back) and the checks."""
    with closing(sqlite3.connect(folder / "log.sqlite", isolation_level=None)) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        db.execute("PRAGMA ignore_check_constraints = ON")
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        yield db
        for _, sql in triggers:
            db.execute(sql)


def head(map_root: bytes, before: bytes | None, *, minutes: int = 0) -> bytes:
    """Return the entry of a head leaf that follows the head leaf entry `before`."""
    previous = leaf_hash(before) if before else bytes(32)
    return HeadLeaf(map_root, previous, int(later(minutes).timestamp())).entry


def rows_of(entries: Sequence[bytes]) -> list[tuple[bytes, int]]:
    """Return the rows that follow from entries; of a key that serves twice, the first."""
    rows: dict[bytes, int] = {}
    for index, entry in enumerate(entries):
        if len(entry) == 129:
            rows.setdefault(sha256(entry[1:33]).digest(), index)
    return list(rows.items())


def sign(entries: Sequence[bytes], *, origin: str = ORIGIN, signer: NoteSigner = SIGNER) -> str:
    """Return a checkpoint over entries, as the log's own key signs it unless another one is given."""
    text = render_checkpoint(Checkpoint(origin, len(entries), root_of(map(leaf_hash, entries))))
    return sign_note(text, signer)


def forge(folder: Path, entries: Sequence[bytes], *, notes: Mapping[int, str] | None = None) -> None:
    """Make a registry as an operator who holds the key could: any entries, consistent in themselves.

    The checkpoints are `notes`, by size; without any, one over all entries.
    """
    folder.mkdir()
    (folder / "vkey").write_text(render_vkey(VKEY) + "\n")
    notes = {len(entries): sign(entries)} if notes is None else notes
    with closing(SqliteStore.create(folder / "log.sqlite", vkey=render_vkey(VKEY))) as store, store.writing():
        store.add_entries(entries)
        store.add_rows(rows_of(entries))
        store.add_tiles(TileBuilder().extend(map(leaf_hash, entries)))
        for size, note in notes.items():
            store.add_checkpoint(size, note)
    if notes:
        (folder / "checkpoint").write_text(notes[max(notes)])
