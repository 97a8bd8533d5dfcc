"""Exporting a log as static files (C2SP tlog-tiles): only what is new, and the checkpoint last.

The order of steps is the safety. Whatever stops it between two of them, the next call goes on from the
checkpoint that is published; what lies beyond that one is written again.

1. The log still holds what is published, under the same key.
2. Bundles and tiles are written; from them the root of the new checkpoint was computed.
3. Partial ones that a full one replaces are removed ("MAY delete", "Partial Tiles").
4. Everything that the new checkpoint covers is durable; it takes the old one's place, if that is still there.
"""

from __future__ import annotations

from ...errors import Conflict, Damaged, NotFound
from ..checkpoint import Checkpoint, SignedCheckpoint, check_checkpoint
from ..note import VerifierKey, parse_note
from ..store import Store
from ..tiles import TileBuilder, nodes_of
from ..tree import EMPTY_ROOT, Frontier
from .files import Edge, full_files
from .objects import ObjectStore
from .paths import CHECKPOINT, WIDTH

__all__ = ["check_goes_on", "export"]


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
    check_goes_on(store, old, checkpoint)
    if published is not None and old.size == checkpoint.size and _adds_nothing(new.note, published):
        return SignedCheckpoint(old, published.decode())
    if old.size < checkpoint.size:
        # Whole bundles and tiles again from the last full one on.
        start = old.size - old.size % WIDTH
        builder = TileBuilder.at(store, start)
        for some in full_files(store, builder, start, checkpoint.size):
            objects.put(some)
        sizes = [size for size, _ in store.checkpoints(old.size + 1) if size < checkpoint.size]
        edge = Edge(store, builder, checkpoint)
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


def check_goes_on(store: Store, old: Checkpoint, new: Checkpoint) -> None:
    """Raise unless the log holds what `new` covers, and goes on from `old`."""
    if store.size() < new.size:
        raise Damaged("registry.rolled_back", size=store.size(), remembered=new.size)
    same_size = old.size == new.size
    if Frontier.at(old.size, nodes_of(store)).root() != old.root or (same_size and new.root != old.root):
        raise Damaged("registry.fork", size=old.size)


def _adds_nothing(note: str, published: bytes) -> bool:
    return set(parse_note(note).signatures) <= set(parse_note(published).signatures)
