"""What consent asks of a log (`konsens.registry.Registry` has it)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from ..registry import PublicLeaf, SealLeaf, SignedCheckpoint

__all__ = ["Log"]


class Log(Protocol):
    """A log, read and appended to by a company."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> list[int]:
        """Append all leaves or none, durably."""

    def find_public(self, digest: bytes) -> int | None:
        """Return the index of the public leaf over `digest`, or None."""

    def checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint, or None."""

    def size(self) -> int:
        """Return how many entries there are."""

    def entry(self, index: int) -> bytes:
        """Return the bytes of entry `index`."""

    def find(self, seal: bytes) -> int | None:
        """Return the index of the leaf that broke `seal`, also beyond the last checkpoint."""

    def events_since(self, index: int) -> Iterator[tuple[int, bytes]]:
        """Yield index and bytes of every entry from `index` on."""

    def check_own(self, *, size: int = 0) -> None:
        """Raise `registry.copy` unless the moment of reading may count as now.

        `registry.rolled_back` if it has fewer than `size` entries, the most that we have seen.
        """

    def look(self, seals: Sequence[bytes], *, size: int = 0) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken now, or raise as `check_own` does."""

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken."""

    def prove_inclusion(self, index: int) -> str:
        """Return a tlog-proof of entry `index`, or raise `registry.not_yet_checkpointed`."""

    def head_before(self, index: int) -> datetime | None:
        """Return the time of the last head leaf before `index`."""

    def head_after(self, index: int) -> datetime | None:
        """Return the time of the first head leaf after `index`."""
