"""Checking the signatures of what will be appended next, in processes of their own, while the log is busy.

Most of the work of an append is its signatures. A writer that knows its next leaves while it still stores and
publishes the last ones has them checked meanwhile; threads would not do, since only one of them runs Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, overload

from ..errors import VerificationError
from .leaf import SEAL_LEAF_SIZE, PublicLeaf, SealLeaf, check_seal_leaf
from .walk import bad_leaves

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["LeafChecker", "LeavesUnderCheck"]

LEAVES_AT_ONCE = 250  # a few for each process, so that both end at about the same time


class LeavesUnderCheck(Sequence[SealLeaf | PublicLeaf]):
    """Leaves whose signatures are being checked for one log: `append` waits instead of checking them again.

    A copy or a slice of them is an ordinary list, and is checked like one.
    """

    def __init__(
        self, leaves: Sequence[SealLeaf | PublicLeaf], origin: str, parts: Sequence[Future[list[int]]]
    ) -> None:
        self._leaves, self._origin, self._parts = tuple(leaves), origin, parts

    @classmethod
    def settled(cls, leaves: Sequence[SealLeaf | PublicLeaf], *, origin: str) -> Self:
        """Return leaves whose signatures the caller has checked for the log `origin`, each of them."""
        return cls(leaves, origin, ())

    def __len__(self) -> int:
        return len(self._leaves)

    @overload
    def __getitem__(self, place: int) -> SealLeaf | PublicLeaf: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[SealLeaf | PublicLeaf]: ...
    def __getitem__(self, place: int | slice) -> SealLeaf | PublicLeaf | Sequence[SealLeaf | PublicLeaf]:
        return self._leaves[place]

    def bad(self, *, origin: str) -> list[tuple[int, VerificationError]]:
        """Wait, and return what `bad_leaves` returns for the seal leaves among these."""
        from concurrent.futures import BrokenExecutor, CancelledError

        seal_leaves = [leaf for leaf in self._leaves if isinstance(leaf, SealLeaf)]
        try:
            if origin == self._origin and not any(part.result() for part in self._parts):
                return []
        except (BrokenExecutor, CancelledError):
            pass  # a process was ended from outside
        return bad_leaves(seal_leaves, origin=origin)  # which also says why


class LeafChecker:
    """Processes that check leaf signatures. They start with the first leaves and end with `close`."""

    def __init__(self, *, origin: str, processes: int = 2) -> None:
        # 20 ms, that who asks the log one question need not wait for.
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        self._origin = origin
        # Not forked: who writes a log has threads and an open SQLite file, and neither survives a fork.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_live_and_die_with_parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> LeavesUnderCheck:
        """Begin to check `leaves`, and return them as what can be appended."""
        from concurrent.futures import BrokenExecutor

        entries = [leaf.entry for leaf in leaves if isinstance(leaf, SealLeaf)]
        parts = [
            b"".join(entries[place : place + LEAVES_AT_ONCE])
            for place in range(0, len(entries), LEAVES_AT_ONCE)
        ]
        try:
            asked = [self._pool.submit(_bad_places, self._origin, part) for part in parts]
        except BrokenExecutor:  # a process was ended from outside
            return LeavesUnderCheck(leaves, "", ())
        return LeavesUnderCheck(leaves, self._origin, asked)

    def close(self) -> None:
        """End the processes; what was not checked yet is checked when it is appended."""
        self._pool.shutdown(cancel_futures=True)


def _live_and_die_with_parent() -> None:
    """Leave Ctrl+C, which a terminal sends to all, to the parent; end with it, even if it was killed."""
    import multiprocessing
    import os
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(0)

    threading.Thread(target=follow, daemon=True).start()


def _bad_places(origin: str, entries: bytes) -> list[int]:
    """Return the places of those seal leaves that are not signed by their own key for this log."""
    bad = []
    for place in range(len(entries) // SEAL_LEAF_SIZE):
        entry = entries[place * SEAL_LEAF_SIZE : (place + 1) * SEAL_LEAF_SIZE]
        try:
            check_seal_leaf(SealLeaf(entry[1:33], entry[33:65], entry[65:]), origin=origin)
        except VerificationError:
            bad.append(place)
    return bad
