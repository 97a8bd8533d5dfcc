"""The logs that a company reads: its own and any other that an event names.

Unknown is no: a log that is named and cannot be read raises, and whoever asks answers "no" with that code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..errors import Damaged, KonsensError, Unavailable
from ..registry import SealLeaf, parse_leaf
from .log import Log
from .rehearsal import RehearsedLog
from .state import ELSEWHERE, OpenSeal

__all__ = ["Logs"]


class Logs:
    """The home log and the others, by origin; `error` is why home could not be opened."""

    def __init__(
        self,
        home: Log | None,
        others: Iterable[Log] = (),
        *,
        origin: str = "",
        error: KonsensError | None = None,
    ) -> None:
        self.origin = home.origin if home else origin
        self._home = home
        self.others = tuple(others)
        self.error = error
        self._by_origin: Mapping[str, Log] = {
            log.origin: log for log in ((home, *self.others) if home else self.others)
        }

    @property
    def home(self) -> Log:
        """The company's own log, or the reason why it cannot be read."""
        if self._home is None:
            raise self.error or Unavailable("consent.seal_unknown")
        return self._home

    @property
    def open(self) -> tuple[Log, ...]:
        """Every log that could be opened, home first."""
        return tuple(self._by_origin.values())

    def rehearsed(self) -> Log | None:
        """Return the home log as one that takes leaves and writes none."""
        return None if self._home is None else RehearsedLog(self._home)

    def named(self, origin: str) -> Log:
        """Return a log by its name."""
        if self._home is None:
            raise self.error or Unavailable("consent.seal_unknown")
        try:
            return self._by_origin[origin]
        except KeyError:
            raise Unavailable("consent.unknown_log", origin=origin) from None

    def check_current(self, seen: int) -> None:
        """Raise unless home is our own store and holds at least the `seen` entries that we know of.

        `registry.copy` for another folder; `registry.rolled_back` for one that forgot what we have seen.
        """
        self.home.check_own(size=seen)

    def check_rows(self, opened: Iterable[OpenSeal]) -> None:
        """Raise `registry.damaged` where an entry breaks one of these seals and the list of breaks lacks it.

        The entries after each log's newest checkpoint are read. Those before it are covered by the seal map
        that the checkpoint commits to, and by `registry fsck`.
        """
        watched: dict[str, set[bytes]] = {}
        for origins, seal in opened:
            for origin in origins:
                watched.setdefault(origin, set()).add(bytes.fromhex(seal))
        for origin, seals in watched.items():
            log = self.named(origin)
            newest = log.checkpoint()
            for index, entry in log.events_since(newest.checkpoint.size if newest else 0):
                leaf = parse_leaf(entry)
                if isinstance(leaf, SealLeaf) and leaf.seal in seals and log.find(leaf.seal) != index:
                    raise Damaged("registry.damaged", problem=f"no row for the seal of entry {index}")

    def broken_among(self, opened: Collection[OpenSeal], *, seen: int = 0) -> dict[OpenSeal, int]:
        """Return which of these open seals are broken, and where; the home log is asked about all at once.

        It must be our own store and hold at least the `seen` entries that we know of, as in `check_current`.
        """
        alone = (self.origin,)
        at_home = {bytes.fromhex(pair[1]): pair for pair in opened if pair[0] == alone}
        broken = {at_home[seal]: index for seal, index in self.home.look(list(at_home), size=seen).items()}
        for pair in opened:
            if pair[0] != alone and (index := self.broken_at(*pair)) is not None:
                broken[pair] = index
        return broken

    def broken_at(self, origins: Sequence[str], seal: str) -> int | None:
        """Return where a lane's open seal broke: a leaf of its home log, `ELSEWHERE` for another, or None.

        Every log that the event names is asked. In one that is not home a leaf of the lane is always a stop.
        """
        raw = bytes.fromhex(seal)
        found = self.named(origins[0]).find(raw)
        if found is None and len(origins) > 1:
            for origin in origins[1:]:
                if self.named(origin).find(raw) is not None:
                    return ELSEWHERE
        return found
