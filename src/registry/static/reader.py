"""Reading a log from its static files, and believing none of them before its hash was checked.

The files may come from anywhere: a folder, an object store, a mirror, a cache in between. What is read is
what the checkpoint's signers signed, or an error says which file is not.

>>> from datetime import UTC, datetime
>>> from pathlib import Path
>>> from tempfile import mkdtemp
>>> from konsens.registry import MemoryStore, NoteSigner, PublicLeaf, SealLog, SignerHead
>>> from konsens.registry import parse_policy, render_vkey
>>> from konsens.registry.static import MemoryObjects, export, fetch_from
>>> signer, store, objects = NoteSigner("log.example", bytes(32)), MemoryStore(), MemoryObjects()
>>> log = SealLog(store, signer.vkey)
>>> _ = log.append([PublicLeaf(bytes(32))])
>>> noon, memory = datetime(2026, 11, 22, 12, tzinfo=UTC), SignerHead(Path(mkdtemp()) / "signed")
>>> _ = log.publish(signer, at=noon, remembered=memory)
>>> _ = export(store, objects, vkey=signer.vkey)
>>> policy = parse_policy(f"log {render_vkey(signer.vkey)}\\nquorum none\\n")
>>> copy = StaticLog(fetch_from(objects), policy, origin="log.example")
>>> copy.checkpoint().proven.size
2
>>> copy.entries(0, 1) == [PublicLeaf(bytes(32)).entry]
True
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from ...errors import Damaged, InputError, NotTrusted, Unavailable, VerificationError
from ..leaf import HeadLeaf, parse_leaf
from ..policy import ProvenCheckpoint
from ..proof import ConsistencyProof, InclusionProof, NoteChecker
from ..tree import Frontier, consistency_path, inclusion_path, leaf_hash, root_of
from .edge import edge_of, edge_root
from .objects import ObjectStore
from .paths import CHECKPOINT, MINIMUM, WIDTH, bundle_path, parse_minimum, tile_path
from .tile import parse_bundle, parse_tile

__all__ = ["Fetch", "FetchedCheckpoint", "StaticLog", "fetch_from"]

Fetch = Callable[[Sequence[str]], Sequence[bytes | None]]
"""Returns the bytes of every path (below the log's prefix), None for each that is not there.

It is asked for many at once so that it may fetch them side by side. It decodes what the transport encoded
(gzip), limits the size of an answer, and raises its own errors for what it cannot reach.
"""

TILES_TO_KEEP = 1024  # 8 MB


class FetchedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint that satisfies the policy, and the signed note that it came in."""

    proven: ProvenCheckpoint
    note: str


class StaticLog:
    """A log behind a `Fetch`, as of the newest checkpoint that was fetched.

    - A checkpoint is taken only if the policy accepts it and the log goes on from the one before: it is
      never smaller and never contradicts it.
    - A hash is used only once it was found to lead to the checkpoint's root; an entry, once its hash was.
    - Full tiles that were checked are kept, some thousand of them; everything else is fetched again.
    - It belongs to one thread; the fetcher may use as many as it likes.
    """

    def __init__(
        self, fetch: Fetch, policy: NoteChecker, *, origin: str, known: FetchedCheckpoint | None = None
    ) -> None:
        """Read the log `origin`; `known` is the newest checkpoint of an earlier run, for it to go on from."""
        self.origin = origin
        self._fetch, self._policy = fetch, policy
        self._newest, self._edge_is_here = known, False
        self._edge: dict[int, list[bytes]] = {}
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    @property
    def newest(self) -> FetchedCheckpoint:
        """The newest checkpoint that was taken; it is fetched if there is none yet."""
        return self._newest or self.checkpoint()

    @property
    def size(self) -> int:
        """How many entries the newest checkpoint that was taken covers."""
        return self.newest.proven.size

    def checkpoint(self) -> FetchedCheckpoint:
        """Fetch the checkpoint, and take it if it is good.

        Raises what `policy.check` raises; `checkpoint.other_origin` for another log; `static.older` if it
        is smaller than one that was taken; `static.fork` if it contradicts that one, with both notes as the
        facts `seen` and `served`; `static.missing`, `static.tile`, `static.edge` and so on where its tiles
        do not bear it out. Nothing is taken then.
        """
        served = self._get(CHECKPOINT)
        proven = self._policy.check(served)
        fetched, seen = FetchedCheckpoint(proven, served.decode()), self._newest
        if proven.origin != self.origin:
            raise NotTrusted("checkpoint.other_origin", origin=proven.origin, name=self.origin)
        if seen and proven.size < seen.proven.size:
            raise Unavailable("static.older", size=proven.size, seen=seen.proven.size)
        if seen and proven.size == seen.proven.size and proven.root != seen.proven.root:
            raise _fork(seen, fetched)
        before = self._newest, self._edge, self._edge_is_here
        self._edge_is_here &= seen is not None and proven.size == seen.proven.size
        self._newest = fetched
        try:
            if seen and self._root_at(seen.proven.size) != seen.proven.root:
                raise _fork(seen, fetched)
            self._load_edge()
        except BaseException:
            self._newest, self._edge, self._edge_is_here = before
            raise
        return fetched

    def entries(self, start: int, stop: int) -> list[bytes]:
        """Return the entries from `start` up to, not including, `stop`, or as far as the checkpoint goes.

        Whole bundles are fetched: multiples of 256 save traffic. Raises `static.missing`, `static.pruned`,
        `static.bundle` or `static.bundle_hash`.
        """
        stop = min(stop, self.size)
        if not 0 <= start < stop:
            return []
        first = start // WIDTH
        found: list[bytes] = []
        places = range(first, (stop - 1) // WIDTH + 1)
        for place, data in zip(places, self._get_bundles(places), strict=True):
            found += self._check_bundle(place, data)
        return found[start - first * WIDTH : stop - first * WIDTH]

    def node(self, level: int, index: int) -> bytes:
        """Return the hash over the entries i·2^level … (i+1)·2^level − 1, i being `index`.

        It is a `tree.NodeSource`: every proof can be made of it. Raises `proof.range` beyond the checkpoint.
        """
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise InputError("proof.range")
        height, levels = divmod(level, 8)
        first = index << levels
        hashes = self.tile(height, first // WIDTH)
        first %= WIDTH
        return root_of(hashes[first : first + (1 << levels)])

    def tile(self, level: int, index: int) -> list[bytes]:
        """Return the hashes of a tile as far as the checkpoint goes, or raise `proof.range`.

        Raises `static.missing`, `static.tile` or `static.tile_hash`; `static.edge` for the partial ones.
        """
        if level < 0 or index < 0 or (width := min((self.size >> 8 * level) - index * WIDTH, WIDTH)) <= 0:
            raise InputError("proof.range")
        if width < WIDTH:
            return self._load_edge()[level]
        path = tile_path(level, index)
        if (level, index) in self._tiles:
            self._tiles.move_to_end((level, index))
            return parse_tile(self._tiles[level, index], width=WIDTH, path=path)
        data = self._get(path)
        hashes = parse_tile(data, width=WIDTH, path=path)
        if root_of(hashes) != self.tile(level + 1, index // WIDTH)[index % WIDTH]:
            raise Damaged("static.tile_hash", path=path)
        self._tiles[level, index] = data
        if len(self._tiles) > TILES_TO_KEEP:
            self._tiles.popitem(last=False)
        return hashes

    def head_of(self, size: int) -> HeadLeaf:
        """Return the head leaf that a checkpoint of `size` entries ends with, or raise `static.no_head`."""
        (entry,) = self.entries(size - 1, size) or [b""]
        try:
            head = parse_leaf(entry)
        except InputError:
            head = None
        if not isinstance(head, HeadLeaf):
            raise VerificationError("static.no_head", size=size)
        return head

    def prove_inclusion(self, index: int) -> InclusionProof:
        """Return the proof that entry `index` is in the log of the newest checkpoint."""
        path = inclusion_path(index, self.size, self.node)
        return InclusionProof(index, tuple(path), self.newest.note)

    def prove_consistency(self, old_size: int) -> ConsistencyProof:
        """Return the proof that the log of the newest checkpoint begins with its first `old_size` entries."""
        path = consistency_path(old_size, self.size, self.node)
        return ConsistencyProof(old_size, tuple(path), self.newest.note)

    def _root_at(self, size: int) -> bytes:
        return Frontier.at(size, self.node).root()

    def _load_edge(self) -> dict[int, list[bytes]]:
        """Return the hashes of the partial tiles, which are fetched and checked once for a checkpoint."""
        if self._edge_is_here:
            return self._edge
        size, root = self.newest.proven.size, self.newest.proven.root
        tiles = list(edge_of(size))
        found = self._fetch([tile_path(tile.level, tile.index, tile.width) for tile in tiles])
        edge = {}
        for tile, data in zip(tiles, found, strict=True):
            path, full = tile_path(tile.level, tile.index, tile.width), tile_path(tile.level, tile.index)
            # The log may have dropped it since: "clients MAY fetch the full tile as a fallback".
            hashes = (
                parse_tile(data, width=tile.width, path=path)
                if data is not None
                else parse_tile(self._get(full, instead_of=path), width=WIDTH, path=full)
            )
            edge[tile.level] = hashes[: tile.width]
        if edge_root(size, edge) != root:
            raise Damaged("static.edge", size=size)
        self._edge, self._edge_is_here = edge, True
        return edge

    def _get_bundles(self, places: range) -> list[bytes | None]:
        last = self.size // WIDTH  # the partial one, if there is one
        return list(self._fetch([bundle_path(p, self.size % WIDTH if p == last else WIDTH) for p in places]))

    def _check_bundle(self, place: int, data: bytes | None) -> list[bytes]:
        """Return the entries of a bundle, once their hashes are those of the tree."""
        width = min(self.size - place * WIDTH, WIDTH)
        path, parsed_width = bundle_path(place, width), width
        if data is None and width < WIDTH:
            data, parsed_width = self._get(bundle_path(place), instead_of=path), WIDTH
        if data is None:
            raise self._gone(place, path)
        entries = parse_bundle(data, width=parsed_width, path=path)[:width]
        hashes = [leaf_hash(entry) for entry in entries]
        if width < WIDTH:
            good = hashes == self.tile(0, place)
        else:  # the hash above it says as much as the tile beside it, which need not be fetched
            good = root_of(hashes) == self.tile(1, place // WIDTH)[place % WIDTH]
        if not good:
            raise Damaged("static.bundle_hash", path=path)
        return entries

    def _gone(self, place: int, path: str) -> Unavailable:
        """Return why a bundle is not there; that it was pruned is only what the files say of themselves."""
        (minimum,) = self._fetch([MINIMUM])
        if parse_minimum(minimum) >= (place + 1) * WIDTH:
            return Unavailable("static.pruned", path=path)
        return Unavailable("static.missing", path=path)

    def _get(self, path: str, *, instead_of: str | None = None) -> bytes:
        (data,) = self._fetch([path])
        if data is None:
            raise Unavailable("static.missing", path=instead_of or path)
        return data


def fetch_from(objects: ObjectStore) -> Fetch:
    """Return the fetcher of a store of objects."""
    return lambda paths: [objects.get(path) for path in paths]


def _fork(seen: FetchedCheckpoint, served: FetchedCheckpoint) -> VerificationError:
    """Return the error that carries both signed notes: evidence that needs nobody's word."""
    return VerificationError("static.fork", size=seen.proven.size, seen=seen.note, served=served.note)
