"""A log as static files (C2SP tlog-tiles): exported to any store, read by anybody, trusting none.

>>> objects = MemoryObjects()
>>> objects.put([(bundle_path(0, 1), render_bundle([b"entry"]))])
>>> parse_bundle(objects.get("tile/entries/000.p/1"), width=1, path="tile/entries/000.p/1")
[b'entry']
"""

from .bucket import Prefix, bucket_of, check_bucket, depth_for
from .export import export
from .folder import FolderObjects
from .map_files import NEWEST as NEWEST_MAP
from .map_files import MapName, bucket_path, export_map, find_broken, parse_map_name
from .objects import MemoryObjects, ObjectStore
from .paths import CHECKPOINT, WIDTH, BundleName, TileName, bundle_path, parse_path, tile_path
from .prune import prune
from .reader import Fetch, FetchedCheckpoint, StaticLog, fetch_from
from .repair import repair, repair_map
from .s3 import S3Objects
from .tile import parse_bundle, parse_tile, render_bundle, render_tile
from .verify import check_files

__all__ = [
    "CHECKPOINT",
    "NEWEST_MAP",
    "WIDTH",
    "BundleName",
    "Fetch",
    "FetchedCheckpoint",
    "FolderObjects",
    "MapName",
    "MemoryObjects",
    "ObjectStore",
    "Prefix",
    "S3Objects",
    "StaticLog",
    "TileName",
    "bucket_of",
    "bucket_path",
    "bundle_path",
    "check_bucket",
    "check_files",
    "depth_for",
    "export",
    "export_map",
    "fetch_from",
    "find_broken",
    "parse_bundle",
    "parse_map_name",
    "parse_path",
    "parse_tile",
    "prune",
    "render_bundle",
    "render_tile",
    "repair",
    "repair_map",
    "tile_path",
]
