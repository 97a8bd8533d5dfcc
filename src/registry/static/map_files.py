"""The whole seal map as static files, bucket by bucket, and looking up seals in it.

A map changes with every broken seal, and with it a sibling in each of its buckets. So a map is exported now
and then, as of some checkpoint, and who looks up a seal also reads the entries that came after: both together
say what holds at the newest checkpoint, and neither tells anybody which seal it was about.

    map/newest             "SIZE DEPTH\\n": the newest map that is complete, and how long its prefixes are
    map/SIZE/x001/234      one bucket (`bucket.py`); its prefix is written like the number of a tile
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from ...errors import Damaged, InputError, RefusedByPolicy, Unavailable
from ..leaf import SEAL_LEAF_SIZE, seal_of
from ..seal_map import RowSource, SealMap
from .bucket import Prefix, bucket_of, check_bucket, depth_for
from .objects import ObjectStore
from .paths import number_path
from .reader import Fetch, StaticLog

__all__ = ["MapName", "bucket_path", "export_map", "find_broken", "parse_map_name"]

NEWEST = "map/newest"
ENTRIES_AT_ONCE = 1 << 14
DEEPEST = 32
_NAME = re.compile(rb"(0|[1-9][0-9]{0,18}) (0|[1-9][0-9]?)\n")


class MapName(msgspec.Struct, frozen=True):
    """A map that was exported: of the checkpoint of `size` entries, in 2^depth buckets."""

    size: int
    depth: int

    def render(self) -> bytes:
        """Return the bytes of `map/newest`."""
        return b"%d %d\n" % (self.size, self.depth)


def parse_map_name(data: bytes) -> MapName:
    """Return what `map/newest` names, or raise `static.map_name`. Nobody has signed it: it is only a hint."""
    found = _NAME.fullmatch(data)
    if found is None or not int(found[1]) or int(found[2]) > DEEPEST:
        raise Damaged("static.map_name")
    return MapName(int(found[1]), int(found[2]))


def bucket_path(size: int, prefix: Prefix) -> str:
    """Return where a bucket of the map of a checkpoint lies."""
    return f"map/{size}/{number_path(prefix.bits)}"


def export_map(seal_map: SealMap, rows: RowSource, objects: ObjectStore, *, size: int, depth: int) -> MapName:
    """Export the map of the checkpoint of `size` entries, and return its name.

    `seal_map` is the map that the head leaf of that checkpoint states, `rows` its source. The checkpoint is
    exported before. Complete maps take each other's place; of older ones the last stays for who is reading
    it. What an interrupted export left goes with the next. `static.overtaken` if a newer one is there.
    """
    before = objects.get(NEWEST)
    old = parse_map_name(before) if before is not None else None
    new = MapName(size, depth)
    if old == new:
        return new
    if old and old.size > size:
        raise InputError("static.older_map", size=size, seen=old.size)
    prefixes = (Prefix(depth, bits) for bits in range(1 << depth))
    objects.put((bucket_path(size, prefix), bucket_of(seal_map, prefix, rows)) for prefix in prefixes)
    objects.swap(NEWEST, before, new.render())
    stay = tuple(f"map/{kept.size}/" for kept in (old, new) if kept)
    objects.delete(key for key in objects.list("map/") if key != NEWEST and not key.startswith(stay))
    return new


def find_broken(log: StaticLog, fetch: Fetch, seals: Sequence[bytes]) -> dict[bytes, int]:
    """Return those of `seals` that are broken at the log's newest checkpoint, each with its index.

    Whole buckets are fetched, and whole entry bundles from the map on: those who show the files learn no more
    than the first bits of the seals. Raises `static.map_name`, `static.map_depth` if those would be too
    many, `bucket.map`, `static.missing` and what reading the log raises.
    """
    (data,) = fetch([NEWEST])
    name = parse_map_name(data or b"")
    if name.size > log.size:
        raise Unavailable("static.older", size=log.size, seen=name.size)
    # There are no more rows than entries. Who cuts finer than that wants to know which seal is asked for.
    if name.depth > depth_for(name.size):
        raise RefusedByPolicy("static.map_depth", depth=name.depth)
    root = log.head_of(name.size).map_root
    prefixes = sorted({Prefix.of(seal, name.depth) for seal in seals}, key=lambda prefix: prefix.bits)
    paths = [bucket_path(name.size, prefix) for prefix in prefixes]
    found: dict[bytes, int] = {}
    for prefix, path, bucket in zip(prefixes, paths, fetch(paths), strict=True):
        if bucket is None:
            raise Unavailable("static.missing", path=path)
        found.update(check_bucket(bucket, root=root, size=name.size - 1, prefix=prefix))
    for seal, index in _broken_since(log, name.size):
        found.setdefault(seal, index)
    return {seal: found[seal] for seal in seals if seal in found}


def _broken_since(log: StaticLog, start: int) -> Iterator[tuple[bytes, int]]:
    for first in range(start, log.size, ENTRIES_AT_ONCE):
        for index, entry in enumerate(log.entries(first, first + ENTRIES_AT_ONCE), first):
            if len(entry) == SEAL_LEAF_SIZE:
                yield seal_of(entry[1:33]), index
