"""One log on one store: append, find, publish, prove.

>>> from konsens.registry.memory import MemoryStore
>>> signer = NoteSigner("log.muster.example", bytes(32))
>>> log = SealLog(MemoryStore(), signer.vkey)
>>> log.append([PublicLeaf(bytes(32))])
[0]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from ..errors import Damaged, InputError, KonsensError, NotFound, NotTrusted
from . import prove
from .append import append
from .checkpoint import SignedCheckpoint, check_checkpoint
from .leaf import SEAL_LEAF_SIZE, HeadLeaf, Leaf, PublicLeaf, SealLeaf, parse_leaf, seal_of
from .map_cache import MapCache
from .note import NoteSigner, VerifierKey
from .publish import publish
from .seal_map import SealMap
from .signer_head import SignerHead
from .store import Store
from .tiles import nodes_of
from .tree import NodeSource, consistency_path

__all__ = ["SealLog"]

ENTRIES_AT_ONCE = 4096
SEALS_AT_ONCE = 1 << 14
LEAVES_TO_REMEMBER = 1 << 17  # until the next checkpoint: some 30 MB


class SealLog:
    """The verbs of a log.

    - Whoever may write the store appends; only the holder of the log key publishes.
    - A seal counts as broken from its entry on, also beyond the newest checkpoint (`find`).
    - Proofs and times end with the newest checkpoint: what comes after it nobody has vouched for yet.
    """

    def __init__(self, store: Store, vkey: VerifierKey, *, cache: MapCache | None = None) -> None:
        self.vkey = vkey
        self._store = store
        self._node = nodes_of(store)
        self._newest: SignedCheckpoint | None = None
        self._plain = ""  # the note of `_newest` as the log's key alone signed it
        self._seals: SealMap | None = None
        self._cache = cache
        self._checked: set[bytes] = set()

    @property
    def origin(self) -> str:
        """The name of the log, under which it signs."""
        return self.vkey.name

    @property
    def store(self) -> Store:
        """Where the entries are, for what copies them."""
        return self._store

    def size(self) -> int:
        """Return how many entries there are."""
        return self._store.size()

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> list[int]:
        """Add leaves in one durable step and return the index of each; see `append.append` for the rules."""
        if len(self._checked) > LEAVES_TO_REMEMBER:
            self._checked.clear()
        return append(self._store, leaves, origin=self.origin, checked=self._checked)

    def entry(self, index: int) -> bytes:
        """Return the bytes of one entry, or raise `registry.no_entry`."""
        entry = self._store.entry(index)
        if entry is None:
            raise NotFound("registry.no_entry", index=index)
        return entry

    def events_since(self, index: int) -> Iterator[tuple[int, bytes]]:
        """Yield index and bytes of every entry from `index` on."""
        while entries := self._store.entries(index, index + ENTRIES_AT_ONCE):
            yield from enumerate(entries, index)
            index += len(entries)

    def find(self, seal: bytes) -> int | None:
        """Return the index of the leaf that broke `seal`, or None; it sees what any process has appended."""
        return self._store.broken(seal)

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken."""
        return self._store.broken_many(seals)

    def find_public(self, digest: bytes) -> int | None:
        """Return the index of the public leaf over `digest`, or None."""
        return self._store.public(digest)

    def checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest published checkpoint, which the log's key has signed.

        Its note has the cosignatures that were there when this log first looked; `refresh` looks again, so
        that all proofs made meanwhile rest on the same note, letter for letter.
        """
        newest = self._store.checkpoint()
        if newest is None:
            return None
        size, note = newest
        if self._newest is None or self._newest.checkpoint.size != size or self._plain != note:
            try:
                self._newest = SignedCheckpoint(check_checkpoint(note, self.vkey), self._cosigned_form(note))
            except KonsensError as error:
                raise Damaged("registry.damaged", problem=f"checkpoint {size}: {error.code}") from error
            self._plain = note
        return self._newest

    def cosigned(self) -> str | None:
        """Return the newest note with cosignatures that was kept, of whatever checkpoint, or None."""
        return None

    def refresh(self) -> None:
        """Look for new cosignatures at the next `checkpoint`."""
        self._newest = None

    def nodes(self) -> NodeSource:
        """Return the hashes of complete subtrees: what proofs of the tree are made of."""
        return self._node

    def consistency_path(self, old_size: int) -> list[bytes]:
        """Return the hashes by which the newest checkpoint goes on from `old_size` entries."""
        newest = self.checkpoint()
        return consistency_path(old_size, newest.checkpoint.size if newest else 0, self.nodes())

    def publish(self, signer: NoteSigner, *, at: datetime, remembered: SignerHead) -> SignedCheckpoint:
        """Check every entry since the last signature, return a checkpoint over all; see `publish.publish`."""
        if signer.vkey != self.vkey:
            raise NotTrusted("registry.other_key", origin=self.origin)
        try:
            newest = publish(
                self._store,
                signer=signer,
                at=at,
                remembered=remembered,
                head_of=self.head_of,
                seals_at=self.seals_at,
                checked=self._checked,
                show=self._show,
            )
        except BaseException:
            self._seals = None  # it may hold what never became durable
            raise
        self._checked.clear()
        if self._cache and self._seals:
            self._cache.keep(self._seals)
        return newest

    def prove_inclusion(self, index: int) -> str:
        """Return a tlog-proof of entry `index`, or raise `registry.not_yet_checkpointed`."""
        return prove.prove_inclusion(self._store, self._node, self.checkpoint(), index)

    def prove_holds(self, index: int | None, next_seal: bytes) -> str:
        """Return a tlog-proof of entry `index` that also shows whether `next_seal` is broken.

        Without an index it is about the seal alone: the included entry is then the head leaf.
        """
        return prove.prove_holds(
            self._store,
            self._node,
            self.checkpoint(),
            index,
            next_seal,
            head_of=self.head_of,
            seals_at=self.seals_at,
        )

    def prove_consistency(self, old_size: int) -> str:
        """Return the proof that the log of the newest checkpoint begins with its first `old_size` entries."""
        return prove.prove_consistency(self._store, self._node, self.checkpoint(), old_size)

    def head_before(self, index: int) -> datetime | None:
        """Return the time of the last published head leaf before entry `index`: when a break counts from."""
        return self._time_of(self._store.head_below(index))

    def head_after(self, index: int) -> datetime | None:
        """Return the time of the first published head leaf after entry `index`: when all else counts from."""
        return self._time_of(self._store.head_from(index + 1))

    def seals_at(self, size: int) -> SealMap:
        """Return the seal map of the first `size` entries, whose last is a head leaf that states its root.

        The map is kept, and grows with the log: only the first call in a process builds it, from all rows or
        from a cache that leads to the same root.
        """
        seals, self._seals = self._seals, None  # it is kept only if all goes well
        if seals is not None and seals.size <= size:
            self._grow(seals, size)
        else:
            seals = self._cached(size) or SealMap(self._store.rows, size=size)
        if size and self.head_of(size).map_root != seals.root():
            raise Damaged("registry.seal_rows", size=size)
        self._seals = seals
        return seals

    def _grow(self, seals: SealMap, size: int) -> None:
        """Let a map take in the seals that are broken up to `size`."""
        for start in range(seals.size, size, SEALS_AT_ONCE):
            stop = min(start + SEALS_AT_ONCE, size)
            new = enumerate(self._store.entries(start, stop), start)
            seals.insert([(seal_of(e[1:33]), i) for i, e in new if len(e) == SEAL_LEAF_SIZE], size=stop)

    def _cached(self, size: int) -> SealMap | None:
        """Return the map of the first `size` entries by the cache; None if that does not lead to its root."""
        if self._cache is None or (seals := self._cache.load(self._store.rows, size=size)) is None:
            return None
        with suppress(KonsensError):
            self._grow(seals, size)
            if self.head_of(size).map_root == seals.root():
                return seals
        self._cache.put_aside()
        return None

    def head_of(self, size: int) -> HeadLeaf:
        """Return the head leaf that a checkpoint of `size` entries ends with: its map root and its time."""
        head: Leaf | None = None
        with suppress(InputError):
            head = parse_leaf(self.entry(size - 1))
        if not isinstance(head, HeadLeaf):
            raise Damaged("registry.damaged", problem=f"entry {size - 1} is no head leaf")
        return head

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def _cosigned_form(self, note: str) -> str:
        """Return the kept note with cosignatures if it is about the same checkpoint, else `note`."""
        kept = self.cosigned()
        with suppress(KonsensError):  # what was kept is a convenience: without it the log's own word remains
            if kept and check_checkpoint(kept, self.vkey) == check_checkpoint(note, self.vkey):
                return kept
        return note

    def _show(self, note: str) -> None:
        """Put the newest checkpoint where people look for it: nowhere but in the store."""

    def _time_of(self, index: int | None) -> datetime | None:
        newest = self.checkpoint()
        if index is None or newest is None or index >= newest.checkpoint.size:
            return None
        return self.head_of(index + 1).at
