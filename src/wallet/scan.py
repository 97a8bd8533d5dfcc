"""Find what the seed has done, in the logs alone: which of its seals are broken.

Nothing is asked of an operator here: the folder's own rows are read. The gap limit holds on all three
counters (docs/formats.md, "Keys from one seed"): companies, lanes, and events of a lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from ..did import public_from_seed
from ..records import GAP_LIMIT, Seed, bare_label, seal_label
from ..registry import SealLeaf, parse_leaf, seal_of

__all__ = ["Breaks", "Found", "Where", "scan", "scan_company", "seal_at"]

Where = tuple[str, int]
"""A leaf: origin and index."""


class Breaks(Protocol):
    """What a scan asks of the logs."""

    def broken_many(self, seals: list[bytes]) -> Mapping[bytes, Where]:
        """Return where those among `seals` that are broken were broken."""

    def entry(self, where: Where) -> bytes:
        """Return the bytes of a leaf."""


class Found(msgspec.Struct, frozen=True):
    """A lane in the logs: where each of its used seals was broken, by number.

    `bare` says that the last of these leaves is a bare break of our own: no event names a seal behind it.
    """

    broken: dict[int, Where]
    bare: bool

    @property
    def open(self) -> int:
        """The number of the open seal: the first unbroken one after the last broken one."""
        return max(self.broken) + 1


def seal_at(seed: Seed, company: int, lane: int, seq: int) -> bytes:
    """Return the seal whose one-time key is `seal/c/r/i`."""
    return seal_of(public_from_seed(seed.derive(seal_label(company, lane, seq))))


def scan(seed: Seed, logs: Breaks) -> dict[int, dict[int, Found]]:
    """Return every company number that has a used seal, with its lanes."""
    found: dict[int, dict[int, Found]] = {}
    company = last = -1
    while (company := company + 1) <= last + GAP_LIMIT:
        if lanes := scan_company(seed, company, logs):
            found[company] = lanes
            last = company
    return found


def scan_company(seed: Seed, company: int, logs: Breaks, *, lanes: int = 0) -> dict[int, Found]:
    """Return the lanes of one company that have a used seal; at least `lanes` of them are looked at."""
    found: dict[int, Found] = {}
    lane, last = -1, lanes - 1
    while (lane := lane + 1) <= last + GAP_LIMIT:
        if broken := _scan_lane(seed, company, lane, logs):
            found[lane] = Found(broken, _is_bare(seed, company, lane, broken, logs))
            last = max(last, lane)
    return found


def _scan_lane(seed: Seed, company: int, lane: int, logs: Breaks) -> dict[int, Where]:
    broken: dict[int, Where] = {}
    start = 0
    while start <= max(broken, default=-1) + GAP_LIMIT:
        seals = {seal_at(seed, company, lane, seq): seq for seq in range(start, start + GAP_LIMIT)}
        broken |= {seals[seal]: where for seal, where in logs.broken_many(list(seals)).items()}
        start += GAP_LIMIT
    return broken


def _is_bare(seed: Seed, company: int, lane: int, broken: dict[int, Where], logs: Breaks) -> bool:
    last = max(broken)
    leaf = parse_leaf(logs.entry(broken[last]))
    return isinstance(leaf, SealLeaf) and leaf.commitment == seed.derive(bare_label(company, lane, last))
