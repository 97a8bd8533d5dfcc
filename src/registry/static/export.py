"""Exporting a log as static files (C2SP tlog-tiles): only what is new, and the checkpoint last.

The order of steps is the safety. Whatever stops it between two of them, the next call goes on from the
checkpoint that is published; what lies beyond that one is written again.

1. The log still holds what is published, under the same key.
2. Bundles and tiles are written; from them the root of the new checkpoint was computed.
3. Partial ones that a full one replaces are removed ("MAY delete", "Partial Tiles").
4. Everything that the new checkpoint covers is durable; it takes the old one's place, if that is still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...errors import Conflict, Damaged, NotFound
from ..checkpoint import Checkpoint, SignedCheckpoint, check_checkpoint
from ..note import VerifierKey, parse_note
from ..store import Store
from ..tiles import TileBuilder, nodes_of
from ..tree import EMPTY_ROOT, Frontier, leaf_hash
from .edge import edge_of, edge_root
from .objects import ObjectStore
from .paths import CHECKPOINT, WIDTH, bundle_path, partial_folder, tile_path
from .tile import render_bundle, render_tile

__all__ = ["export"]

BUNDLES_AT_ONCE = 64  # 2 MB


def export(
    store: Store, objects: ObjectStore, *, vkey: VerifierKey, note: str | None = None
) -> SignedCheckpoint:
    """Bring the static files of a log up to its newest checkpoint, and return that.

    `note` is the checkpoint to publish, when it bears more signatures than the one in the store. A published
    one of the same size stays as it is unless `note` has a signature that it lacks.

    Raises `static.no_checkpoint` if there is nothing to publish; `note.signature`, `note.unknown_signer` or
    `checkpoint.other_origin` if what is published is another log's; `registry.rolled_back` or
    `registry.fork` if the log is not the one that is published; `static.overtaken` if somebody else has
    published more meanwhile; `registry.damaged` if the entries are not those that were signed.
    """
    published = objects.get(CHECKPOINT)
    old = Checkpoint(vkey.name, 0, EMPTY_ROOT) if published is None else check_checkpoint(published, vkey)
    new = _newest(store, old, vkey, note)
    checkpoint = new.checkpoint
    _check_goes_on(store, old, checkpoint)
    if published is not None and old.size == checkpoint.size and _adds_nothing(new.note, published):
        return SignedCheckpoint(old, published.decode())
    if old.size < checkpoint.size:
        # Whole bundles and tiles again from the last full one on.
        start = old.size - old.size % WIDTH
        builder = TileBuilder.at(store, start)
        for some in _full_files(store, builder, start, checkpoint.size):
            objects.put(some)
        sizes = [size for size, _ in store.checkpoints(old.size + 1) if size < checkpoint.size]
        edge = _Edge(store, builder, checkpoint)
        objects.put(edge.files([*sizes, checkpoint.size]))
        objects.delete(edge.outgrown(objects, [old.size, *sizes]))
    if published != (data := new.note.encode()):
        objects.swap(CHECKPOINT, published, data)
    return new


def _newest(store: Store, old: Checkpoint, vkey: VerifierKey, note: str | None) -> SignedCheckpoint:
    """Return the checkpoint to publish; `store` is asked after the published one was read."""
    given = note is not None
    if note is None:
        newest = store.checkpoint()
        if newest is None:
            raise NotFound("static.no_checkpoint")
        note = newest[1]
    new = SignedCheckpoint(check_checkpoint(note, vkey), note)
    if new.checkpoint.size < old.size:
        if given:
            raise Conflict("static.overtaken", key=CHECKPOINT)
        raise Damaged("registry.rolled_back", size=new.checkpoint.size, remembered=old.size)
    return new


def _check_goes_on(store: Store, old: Checkpoint, new: Checkpoint) -> None:
    if store.size() < new.size:
        raise Damaged("registry.rolled_back", size=store.size(), remembered=new.size)
    same_size = old.size == new.size
    if Frontier.at(old.size, nodes_of(store)).root() != old.root or (same_size and new.root != old.root):
        raise Damaged("registry.fork", size=old.size)


def _adds_nothing(note: str, published: bytes) -> bool:
    return set(parse_note(note).signatures) <= set(parse_note(published).signatures)


def _full_files(
    store: Store, builder: TileBuilder, start: int, stop: int
) -> Iterator[list[tuple[str, bytes]]]:
    """Yield, some at a time, the full bundles and tiles that the entries from `start` to `stop` make."""
    while start < stop:
        until = min(start + BUNDLES_AT_ONCE * WIDTH, stop)
        entries = store.entries(start, until)
        if len(entries) != until - start:
            raise Damaged("registry.damaged", problem=f"entry {start + len(entries)} is missing")
        tiles = builder.extend(leaf_hash(entry) for entry in entries)
        bundles = [
            (bundle_path((start + at) // WIDTH), render_bundle(entries[at : at + WIDTH]))
            for at in range(0, len(entries) - WIDTH + 1, WIDTH)
        ]
        yield [*bundles, *((tile_path(tile.level, tile.index), tile.hashes) for tile in tiles)]
        start = until


class _Edge:
    """What is partial at the new size; shorter partial tiles of the same index are their beginnings."""

    def __init__(self, store: Store, builder: TileBuilder, new: Checkpoint) -> None:
        self._hashes = {tile.level: builder.rest(tile.level) for tile in edge_of(new.size)}
        if edge_root(new.size, self._hashes) != new.root:
            raise Damaged("registry.damaged", problem=f"checkpoint {new.size}")
        self._size = new.size
        self._entries = store.entries(new.size - new.size % WIDTH, new.size)

    def files(self, sizes: Iterable[int]) -> Iterator[tuple[str, bytes]]:
        """Yield the partial bundles and tiles of checkpoints of `sizes` that no full one replaces."""
        tiles = {tile for size in sizes for tile in edge_of(size)}
        wanted = {tile for tile in tiles if not self._is_full(tile.level, tile.index)}
        for tile in sorted(wanted, key=lambda tile: (tile.level, tile.width)):
            if tile.level == 0:
                yield bundle_path(tile.index, tile.width), render_bundle(self._entries[: tile.width])
            hashes = self._hashes[tile.level][: tile.width]
            yield tile_path(tile.level, tile.index, tile.width), render_tile(hashes)

    def outgrown(self, objects: ObjectStore, sizes: Iterable[int]) -> Iterator[str]:
        """Yield the partial bundles and tiles of checkpoints of `sizes` that a full one replaces."""
        places = {
            (level, tile.index)
            for size in sizes
            for tile in edge_of(size)
            if self._is_full(tile.level, tile.index)
            for level in ([None, 0] if tile.level == 0 else [tile.level])
        }
        for level, index in places:
            yield from objects.list(partial_folder(level, index))

    def _is_full(self, level: int, index: int) -> bool:
        return (index + 1) * WIDTH <= self._size >> 8 * level
