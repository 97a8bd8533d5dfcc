"""A served log for a small party, a wallet: reads what it needs and checks it.

Of the seal map it fetches whole buckets, of the entries whole bundles. Neither names a seal; but a bucket and
the bundle of the leaf that was found in it mostly do together (docs/registry.md, "What the files that are
fetched tell"). What it has learnt is kept while it is open, so that one command asks once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import monotonic, sleep
from typing import Self

from ...errors import KonsensError, NotFound, Unavailable
from ..checkpoint import SignedCheckpoint, parse_signed_checkpoint
from ..leaf import HEAD_LEAF_SIZE, HeadLeaf, PublicLeaf, SealLeaf, parse_leaf
from ..note import VerifierKey
from ..policy import Log as PolicyLog
from ..policy import Policy
from ..static import FetchedCheckpoint, StaticLog, find_broken
from ..static.paths import CHECKPOINT, WIDTH
from .client import LogClient

__all__ = ["SmallLog"]

POLL_SECONDS = 0.3
MOST_TO_SEARCH = 1 << 18


class SmallLog:
    """One log behind a client, as a wallet asks of it.

    - What is in it is what a checkpoint under the pinned key covers, and what was appended through here.
    - It never goes back behind what it has seen since it was opened, nor behind `known`.
    - `append` returns when the log has acknowledged, and waits up to `wait` seconds for the checkpoint.
    """

    is_copy = False

    def __init__(
        self, client: LogClient, *, policy: Policy | None = None, known: str | None = None, wait: float = 10.0
    ) -> None:
        """`policy` may demand witnesses; without it the log's own key is enough. `known` is the note of the
        newest checkpoint that this party has seen in an earlier run."""
        self._client, self._wait = client, wait
        self._policy = policy or Policy((PolicyLog(client.vkey),), (), (), None)
        seen = FetchedCheckpoint(self._policy.check(known), known) if known else None
        self._files = StaticLog(self._fetch, self._policy, origin=client.vkey.name, known=seen)
        self._fetched = False
        self._kept: dict[str, bytes | None] = {}
        self._mine: dict[int, SealLeaf] = {}
        self._broken: dict[bytes, int | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._client.vkey.name

    @property
    def vkey(self) -> VerifierKey:
        """The key that its checkpoints are signed with."""
        return self._client.vkey

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf], vouchers: Sequence[bytes] = ()) -> list[int]:
        """Append all leaves or none, and return the index of each; see `LogClient.append`."""
        indices = self._client.append(leaves, vouchers)
        for leaf, index in zip(leaves, indices, strict=True):
            if isinstance(leaf, SealLeaf):
                self._mine[index] = leaf
                self._broken[leaf.seal] = index
        self._await(max(indices, default=-1))
        return indices

    def entry(self, index: int) -> bytes:
        """Return the bytes of an entry, or raise `registry.no_entry`."""
        if index in self._mine:
            return self._mine[index].entry
        found = self._read().entries(index, index + 1) if index >= 0 else []
        if not found:
            raise NotFound("registry.no_entry", index=index)
        return found[0]

    def find(self, seal: bytes) -> int | None:
        """Return the index of the leaf that broke `seal`, or None."""
        return self.broken_many([seal]).get(seal)

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken."""
        if unknown := [seal for seal in seals if seal not in self._broken]:
            found = find_broken(self._read(), self._fetch, unknown)
            self._broken.update({seal: found.get(seal) for seal in unknown})
        return {seal: index for seal in seals if (index := self._broken[seal]) is not None}

    def head_before(self, index: int) -> datetime | None:
        """Return the time of the last head leaf before `index`, bundle by bundle from there back."""
        files = self._read()
        stop = min(index, files.size)
        while stop > 0:
            start = (stop - 1) // WIDTH * WIDTH
            for entry in reversed(files.entries(start, stop)):
                if len(entry) == HEAD_LEAF_SIZE and isinstance(head := parse_leaf(entry), HeadLeaf):
                    return head.at
            stop = start
        return None

    def find_public(self, digest: bytes) -> int | None:
        """Return the index of the public leaf over `digest`, or None; bundle by bundle from the newest back.

        There is no list of them to ask. Raises `remote.too_far` if it is not among the newest 2^18 entries
        and there are more.
        """
        files, wanted = self._read(), PublicLeaf(digest).entry
        stop = files.size
        while stop > max(0, files.size - MOST_TO_SEARCH):
            start = (stop - 1) // WIDTH * WIDTH
            entries = files.entries(start, stop)
            if wanted in entries:
                return start + entries.index(wanted)
            stop = start
        if stop > 0:
            raise Unavailable("remote.too_far", limit=MOST_TO_SEARCH)
        return None

    def checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest published checkpoint."""
        return parse_signed_checkpoint(self._read().newest.note)

    def head_of(self, size: int) -> HeadLeaf:
        """Return the head leaf that a checkpoint of `size` entries ends with."""
        return self._read().head_of(size)

    @property
    def seen(self) -> SignedCheckpoint | None:
        """The newest checkpoint that was seen since this was opened; nothing is fetched for it."""
        return parse_signed_checkpoint(self._files.newest.note) if self._fetched else None

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self) -> StaticLog:
        if not self._fetched:
            self._look()
        return self._files

    def _look(self) -> None:
        """Take the checkpoint that is shown now."""
        self._kept.clear()
        self._files.checkpoint()
        self._fetched = True

    def _fetch(self, paths: Sequence[str]) -> list[bytes | None]:
        """Fetch what was not fetched since the checkpoint, which is always asked for anew."""
        wanted = [path for path in dict.fromkeys(paths) if path == CHECKPOINT or path not in self._kept]
        found = dict(zip(wanted, self._client.fetch(wanted) if wanted else (), strict=True))
        self._kept.update({path: data for path, data in found.items() if path != CHECKPOINT})
        return [found[path] if path in found else self._kept[path] for path in paths]

    def _await(self, index: int) -> None:
        """Wait until a checkpoint covers `index`, for a while: an acknowledgement is good without it, too.

        Whatever is wrong with what the log shows, the next question says so; the leaf is in.
        """
        until = monotonic() + self._wait
        while not self._fetched or self._files.size <= index:
            try:
                self._look()
            except Unavailable:
                pass
            except KonsensError:
                return
            if monotonic() > until:
                return
            if not self._fetched or self._files.size <= index:
                sleep(POLL_SECONDS)
