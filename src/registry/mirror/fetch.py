"""Entries from a source, the next ones while the last are being added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

from ...errors import InputError, Unavailable, VerificationError
from ..leaf import SealLeaf, check_seal_leaf, parse_leaf
from .copy import Copy
from .source import Source

__all__ = ["fetch"]

ENTRIES_AT_ONCE = 32_768  # a step takes a second or two, and is what an interruption loses


def fetch(
    source: Source, start: int, stop: int, copy: Copy, *, jobs: int
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the entries [start, stop) of a source in pieces, each with the index of its first.

    With `jobs`, that many processes check the signatures of the piece to come while the caller works on
    this one, and `copy` is told which are good. What is not good it finds out, and names, by itself.
    Raises `mirror.missing` where the source has fewer entries than its checkpoint says.
    """
    if not jobs:
        while start < stop:
            entries = _entries(source, start, stop, copy.origin)
            yield start, entries
            start += len(entries)
        return
    with ProcessPoolExecutor(jobs, get_context("forkserver")) as pool:
        ahead = _ask(source, start, stop, copy.origin, pool, jobs)
        while ahead is not None:
            first, entries, checking = ahead
            ahead = _ask(source, first + len(entries), stop, copy.origin, pool, jobs)
            for good in checking:
                copy.checked.update(good.result())
            yield first, entries


def _entries(source: Source, start: int, stop: int, origin: str) -> list[bytes]:
    entries = source.entries(start, min(start + ENTRIES_AT_ONCE, stop))[: stop - start]
    if not entries:
        raise Unavailable("mirror.missing", origin=origin, index=start)
    return entries


Ahead = tuple[int, list[bytes], list["Future[list[bytes]]"]]


def _ask(
    source: Source, start: int, stop: int, origin: str, pool: ProcessPoolExecutor, jobs: int
) -> Ahead | None:
    if start >= stop:
        return None
    entries = _entries(source, start, stop, origin)
    share = len(entries) // jobs + 1
    parts = [entries[at : at + share] for at in range(0, len(entries), share)]
    return start, entries, [pool.submit(good_leaves, part, origin) for part in parts]


def good_leaves(entries: Sequence[bytes], origin: str) -> list[bytes]:
    """Return those of `entries` that are seal leaves signed by their own keys for the log `origin`."""
    good = []
    for entry in entries:
        try:
            leaf = parse_leaf(entry)
            if isinstance(leaf, SealLeaf):
                check_seal_leaf(leaf, origin=origin)
                good.append(entry)
        except (InputError, VerificationError):
            continue
    return good
