"""Comparing what is published with the log, file by file, and writing again what is missing or wrong.

An export writes only what is new: a tile that was lost or damaged later stays so. This reads everything.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import Unavailable
from ..checkpoint import check_checkpoint
from ..note import VerifierKey
from ..seal_map import RowSource, SealMap
from ..store import Store
from ..tiles import TileBuilder
from .bucket import Prefix, bucket_of
from .export import check_goes_on
from .files import Edge, full_files
from .map_files import bucket_path
from .objects import ObjectStore
from .paths import CHECKPOINT, MINIMUM, WIDTH, BundleName, parse_minimum, parse_path

__all__ = ["repair", "repair_map"]


def repair(store: Store, objects: ObjectStore, *, vkey: VerifierKey) -> list[str]:
    """Write again what the published checkpoint needs and is missing or wrong, and return its paths.

    The checkpoint itself stays as it is. What was pruned stays pruned. Raises `static.missing` where nothing
    is published, and otherwise what `export` raises if the log is not the one that is published.
    """
    note = objects.get(CHECKPOINT)
    if note is None:
        raise Unavailable("static.missing", path=CHECKPOINT)
    published = check_checkpoint(note, vkey)
    check_goes_on(store, published, published)
    pruned = parse_minimum(objects.get(MINIMUM))
    builder = TileBuilder.at(store, 0)
    written: list[str] = []
    for files in full_files(store, builder, 0, published.size):
        shown = [(path, data) for path, data in files if not _was_pruned(path, pruned, published.size)]
        written += _compare(objects, shown)
    sizes = [size for size, _ in store.checkpoints(0) if size <= published.size]
    return written + _compare(objects, Edge(store, builder, published).files(sizes))


def repair_map(
    seal_map: SealMap, rows: RowSource, objects: ObjectStore, *, size: int, depth: int
) -> list[str]:
    """Do the same for the buckets of the map of the checkpoint of `size` entries; see `export_map`."""
    prefixes = (Prefix(depth, bits) for bits in range(1 << depth))
    return _compare(
        objects, ((bucket_path(size, prefix), bucket_of(seal_map, prefix, rows)) for prefix in prefixes)
    )


def _compare(objects: ObjectStore, files: Iterable[tuple[str, bytes]]) -> list[str]:
    wrong = []
    for path, data in files:
        if objects.get(path) != data:
            objects.put([(path, data)])
            wrong.append(path)
    return wrong


def _was_pruned(path: str, minimum: int, size: int) -> bool:
    """Whether a bundle may be gone; see `prune`, which lets the last one stay."""
    name = parse_path(path)
    last = (size - 1) // WIDTH
    return isinstance(name, BundleName) and (name.index + 1) * WIDTH <= minimum and name.index < last
