"""Moving a log from a folder into PostgreSQL, with everything that follows from its entries computed again.

What is compared: every entry with the folder's, and in what PostgreSQL then holds every tile, every row, the
map root of every head leaf and the tree root of every published checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from ...errors import Conflict, Damaged, NotFound, NotTrusted
from ..folder import LOG, Registry
from ..leaf import SEAL_LEAF_SIZE, seal_of
from ..note import VerifierKey, render_vkey
from ..seal_map import Row, SealMap
from ..sqlite import SqliteStore
from ..store import Store
from ..tiles import TileBuilder
from ..tree import leaf_hash
from ..walk import Walk
from .store import PostgresStore

__all__ = ["move_folder"]

ENTRIES_AT_ONCE = 4096


def move_folder(folder: Path, dsn: str, *, schema: str, told: Callable[[int], None] = lambda _: None) -> int:
    """Copy the log in `folder` into `schema`, which is made if need be, and return how many entries it has.

    - Interrupted, it goes on where it was: what is there already is compared, never written again.
    - A target that is not a beginning of the folder's log is left as it is: `registry.other_key`,
      `registry.fork`, `postgres.longer`.
    - What is wrong in either stops it by the name of the check (`registry.recheck`); the target then holds a
      beginning that is right.

    `told` gets the number of entries compared, now and then. From then on only one of the two may grow.
    """
    with Registry.open(folder) as registry:
        vkey = registry.vkey
    with (
        closing(SqliteStore(folder / LOG, read_only=True)) as source,
        closing(_target(dsn, schema, vkey)) as target,
        closing(SqliteStore.scratch()) as rows,
    ):
        if target.size() > source.size():
            raise Conflict("postgres.longer", size=target.size(), folder=source.size())
        walk = Walk(target, SealMap(rows.rows, size=0), origin=vkey.name, problem=_refuse)
        while entries := source.entries(walk.size, walk.size + ENTRIES_AT_ONCE):
            new = _new_rows(rows, walk.size, entries)
            rows.add_rows(new)
            with target.writing():  # what is wrong is not kept
                _copy(target, walk.size, entries, new)
                walk.feed(target.entries(walk.size, walk.size + len(entries)))
            told(walk.size)
        _finish(source, target, walk, vkey)
        return walk.size


def _target(dsn: str, schema: str, vkey: VerifierKey) -> PostgresStore:
    try:
        target = PostgresStore(dsn, schema=schema)
    except NotFound:
        target = PostgresStore.create(dsn, schema=schema, vkey=render_vkey(vkey))
    if target.vkey != render_vkey(vkey):
        target.close()
        raise NotTrusted("registry.other_key", origin=vkey.name)
    return target


def _refuse(check: str, index: int) -> None:
    raise Damaged("registry.recheck", check=check, index=index)


def _new_rows(known: Store, start: int, entries: Sequence[bytes]) -> list[Row]:
    """Return the rows of the seals that `entries` break; of a key that serves twice, the first only."""
    rows: dict[bytes, int] = {}
    for index, entry in enumerate(entries, start):
        if len(entry) == SEAL_LEAF_SIZE:
            rows.setdefault(seal_of(entry[1:33]), index)
    for seal in known.broken_many(list(rows)):
        del rows[seal]  # the walk names it
    return list(rows.items())


def _copy(target: Store, start: int, entries: Sequence[bytes], rows: Sequence[Row]) -> None:
    """Compare `entries` with those that are there, and add the others, with what follows from them."""
    there = target.entries(start, start + len(entries))
    begin = start + len(there)
    if there != list(entries[: len(there)]):
        raise Damaged("registry.fork", size=begin)
    if new := entries[len(there) :]:
        target.add_entries(new)
        target.add_rows([(seal, index) for seal, index in rows if index >= begin])
        target.add_tiles(TileBuilder.at(target, begin).extend([leaf_hash(entry) for entry in new]))


def _finish(source: Store, target: PostgresStore, walk: Walk, vkey: VerifierKey) -> None:
    """Compare what is not an entry, and copy the checkpoints, each of which the walk has the roots of."""
    if walk.size != source.size() or walk.size != target.size():
        _refuse("fsck.sequence", walk.size)
    if target.row_count(0) != walk.seal_count:
        _refuse("fsck.seals", walk.size)
    if target.tile_count() != walk.tile_count:
        _refuse("fsck.tiles", walk.size)
    published = source.checkpoints(0)
    for size, note in published:
        walk.check_published(size, note, vkey)
    with target.writing():
        for size, note in published:
            target.add_checkpoint(size, note)
        if target.checkpoints(0) != published:
            _refuse("fsck.checkpoint_root", published[-1][0] if published else 0)
