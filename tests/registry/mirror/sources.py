"""Logs that tell the truth, or not, as a mirror sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from konsens.registry import NoteSigner, leaf_hash, map_root, root_of
from konsens.registry.mirror import Mirror, Note

from ..logs import AT, SIGNER, VKEY, head, leaf, rows_of, sign


class ListSource:
    """A log in a list, signed by its operator, who may put into it what he likes."""

    def __init__(
        self, entries: Sequence[bytes], *, note: str | None = None, signer: NoteSigner = SIGNER
    ) -> None:
        self.all = list(entries)
        self.note = sign(entries, signer=signer, origin=signer.name) if note is None else note

    def checkpoint(self) -> Note:
        return Note(self.note)

    def entries(self, start: int, stop: int) -> list[bytes]:
        return self.all[start:stop]

    def node(self, level: int, index: int) -> bytes:
        return root_of(map(leaf_hash, self.all[index << level : (index + 1) << level]))


def block(
    entries: Sequence[bytes], start: int, stop: int, *, minutes: int = 0, hide: bytes | None = None
) -> list[bytes]:
    """Return `entries` with the seal leaves of these numbers and a head leaf over all; it may hide a seal."""
    grown = [*entries, *(leaf(number).entry for number in range(start, stop))]
    rows = [row for row in rows_of(grown) if row[0] != hide]
    before = next((entry for entry in reversed(grown) if len(entry) == 73), None)
    return [*grown, head(map_root(rows), before, minutes=minutes)]


def honest(blocks: int, *, each: int = 10) -> list[bytes]:
    """Return the entries of a log of some blocks."""
    entries: list[bytes] = []
    for number in range(blocks):
        entries = block(entries, number * each, (number + 1) * each, minutes=number)
    return entries


def mirror_of(entries: Sequence[bytes], folder: Path, *, at: datetime = AT) -> None:
    """Make a mirror that has seen a log of these entries."""
    with Mirror.open(folder, vkey=VKEY) as mirror:
        mirror.follow(ListSource(entries), at=at)
