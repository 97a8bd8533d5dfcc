"""A log as static files (C2SP tlog-tiles): exported to any store, read by anybody, trusting none.

>>> objects = MemoryObjects()
>>> objects.put([(bundle_path(0, 1), render_bundle([b"entry"]))])
>>> parse_bundle(objects.get("tile/entries/000.p/1"), width=1, path="tile/entries/000.p/1")
[b'entry']
"""

from .export import export
from .folder import FolderObjects
from .objects import MemoryObjects, ObjectStore
from .paths import BundleName, TileName, bundle_path, parse_path, tile_path
from .reader import Fetch, FetchedCheckpoint, StaticLog, fetch_from
from .tile import parse_bundle, parse_tile, render_bundle, render_tile

__all__ = [
    "BundleName",
    "Fetch",
    "FetchedCheckpoint",
    "FolderObjects",
    "MemoryObjects",
    "ObjectStore",
    "StaticLog",
    "TileName",
    "bundle_path",
    "export",
    "fetch_from",
    "parse_bundle",
    "parse_path",
    "parse_tile",
    "render_bundle",
    "render_tile",
    "tile_path",
]
