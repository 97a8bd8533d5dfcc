"""Tiles and entry bundles, byte for byte (C2SP tlog-tiles).

>>> render_bundle([b"abc", b""]).hex()
'00036162630000'
>>> parse_bundle(bytes.fromhex("00036162630000"), width=2, path="tile/entries/000.p/2")
[b'abc', b'']
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import Damaged, InputError

__all__ = ["parse_bundle", "parse_tile", "render_bundle", "render_tile"]

LONGEST_ENTRY = (1 << 16) - 1


def render_tile(hashes: Sequence[bytes]) -> bytes:
    """Return the bytes of a tile: its hashes, one after the other ("Merkle Tree")."""
    return b"".join(hashes)


def parse_tile(data: bytes, *, width: int, path: str) -> list[bytes]:
    """Return the `width` hashes of the tile at `path`, or raise `static.tile`. They are not checked."""
    if len(data) != 32 * width:
        raise Damaged("static.tile", path=path, width=width)
    return [data[place : place + 32] for place in range(0, len(data), 32)]


def render_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bytes of a bundle: each entry after its length in two bytes ("Log entries")."""
    if any(len(entry) > LONGEST_ENTRY for entry in entries):
        raise InputError("static.entry", limit=LONGEST_ENTRY)
    return b"".join([part for entry in entries for part in (len(entry).to_bytes(2, "big"), entry)])


def parse_bundle(data: bytes, *, width: int, path: str) -> list[bytes]:
    """Return the `width` entries of the bundle at `path`, or raise `static.bundle`. They are not checked."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at + 2 <= end and len(entries) < width:
        start = at + 2
        at = start + (data[at] << 8 | data[at + 1])
        entries.append(data[start:at])
    if at != end or len(entries) != width:
        raise Damaged("static.bundle", path=path, width=width)
    return entries
