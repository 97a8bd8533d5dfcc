"""The names of a log's static files, below the URL prefix of the log (C2SP tlog-tiles, "APIs").

>>> tile_path(1, 1234067)
'tile/1/x001/x234/067'
>>> bundle_path(273, 112)
'tile/entries/273.p/112'
>>> parse_path("tile/0/x001/067.p/5")
TileName(level=0, index=1067, width=5)
"""

from __future__ import annotations

import re

import msgspec

from ...errors import InputError
from ..tree import MAX_SIZE

__all__ = [
    "CHECKPOINT",
    "MINIMUM",
    "WIDTH",
    "BundleName",
    "TileName",
    "bundle_path",
    "number_path",
    "parse_minimum",
    "parse_path",
    "partial_folder",
    "tile_path",
]

WIDTH = 256
"""Hashes in a full tile, and entries in a full bundle."""

CHECKPOINT = "checkpoint"
MINIMUM = "minimum-index"
"""Ours, while the specification has no place for it ("Pruning"): below which index bundles may be gone."""

HIGHEST_LEVEL = 63
_NUMBER = r"(?P<number>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
_PATH = re.compile(rf"tile/(?:(?P<entries>entries)|(?P<level>0|[1-9][0-9]?))/{_NUMBER}")


class TileName(msgspec.Struct, frozen=True):
    """Hashes of the tree: level, index within it, and how many (256 if it is full)."""

    level: int
    index: int
    width: int


class BundleName(msgspec.Struct, frozen=True):
    """Entries: the index of their bundle, and how many (256 if it is full)."""

    index: int
    width: int


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return where a tile lies ("Merkle Tree")."""
    return f"tile/{level}/{number_path(index)}{_suffix(width)}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Return where an entry bundle lies ("Log entries")."""
    return f"tile/entries/{number_path(index)}{_suffix(width)}"


def partial_folder(level: int | None, index: int) -> str:
    """Return what the partial tiles, or with None the partial bundles, of one index begin with."""
    full = bundle_path(index) if level is None else tile_path(level, index)
    return f"{full}.p/"


def parse_path(path: str) -> TileName | BundleName:
    """Return what a path names, if it is one that a log of any size can have, spelt as it has to be.

    Raises `static.path`.
    """
    found = _PATH.fullmatch(path)
    if found is None or not path.isascii():
        raise InputError("static.path")
    index = int(re.sub("[x/]", "", found["number"]))
    width = int(found["width"] or WIDTH)
    level = int(found["level"] or 0)
    # A number is spelt in one way only: no leading `x000`. And 256 of them are no partial tile.
    if number_path(index) != found["number"] or width > WIDTH or (found["width"] and width == WIDTH):
        raise InputError("static.path")
    if level > HIGHEST_LEVEL or index << 8 * level > MAX_SIZE:
        raise InputError("static.path")
    return BundleName(index, width) if found["entries"] else TileName(level, index, width)


def number_path(number: int) -> str:
    """Return a number in path elements of three digits, all but the last with an `x` before them."""
    last, elements = f"{number % 1000:03}", []
    while number := number // 1000:
        elements.append(f"x{number % 1000:03}/")
    return "".join(reversed(elements)) + last


def parse_minimum(data: bytes | None) -> int:
    """Return the minimum index behind the bytes of its file: a decimal line. Anything else says 0."""
    digits = (data or b"").removesuffix(b"\n")
    return int(digits) if len(digits) <= 19 and digits.isdigit() else 0


def _suffix(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
