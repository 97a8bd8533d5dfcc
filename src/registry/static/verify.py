"""Checking all the files of a log at once: what an operator does after moving them, or an auditor."""

from __future__ import annotations

from .paths import WIDTH
from .reader import StaticLog

__all__ = ["check_files"]

BUNDLES_AT_ONCE = 64


def check_files(log: StaticLog, *, start: int = 0) -> int:
    """Read every tile and every bundle of the newest checkpoint, and return how many entries were read.

    `start` is the first entry that is wanted, in a log that was pruned. Raises the error of the first file
    that is missing or not the log's own: `static.missing`, `static.tile`, `static.bundle` and so on.
    """
    level = 0
    while hashes := log.size >> 8 * level:
        for index in range((hashes + WIDTH - 1) // WIDTH):
            log.tile(level, index)
        level += 1
    first, count = start - start % WIDTH, 0
    for at in range(first, log.size, BUNDLES_AT_ONCE * WIDTH):
        count += len(log.entries(at, at + BUNDLES_AT_ONCE * WIDTH))
    return count
