"""The upper levels of a log's seal map in a file: a new process need not read every row of a large log.

It is a cache and no more: it may be missing, old, torn or forged. Whoever loads it takes in what the log
holds beyond it and compares the root with that of the head leaf; if it is another, the file is put aside.
What that root does not commit to is read from the rows before anything follows from it (`MapTop.parse`).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ..errors import InputError, Unavailable
from .map_top import MapTop
from .seal_map import RowSource, SealMap
from .signer_head import write_durably

__all__ = ["MapCache"]

UNUSABLE = ".unusable"
STEP = 1 << 17  # entries: to read their rows takes a second, to take them in some seconds


class MapCache:
    """One file, written by whoever publishes and read by all.

    It is written again after every `step` entries, which is also from when on there is one at all.
    """

    def __init__(self, path: Path, *, step: int = STEP) -> None:
        self._path, self._step = path, step
        self._kept = 0

    def load(self, rows: RowSource, *, size: int) -> SealMap | None:
        """Return a map of at most `size` entries, whose root is yet to be compared; None if there is none."""
        if size < self._step:
            return None
        try:
            data = self._path.read_bytes()
            covers = int.from_bytes(data[:8], "big")
            if covers <= size:
                seals = SealMap(rows, size=covers, top=MapTop.parse(data[8:]))
                self._kept = covers
                return seals
        except InputError:
            self.put_aside()
        except OSError:
            pass
        return None

    def put_aside(self) -> None:
        """Rename a file that is of no use, so that it costs the next start nothing; a new one follows."""
        with suppress(OSError):
            self._path.replace(self._path.with_name(self._path.name + UNUSABLE))
        self._kept = 0

    def keep(self, seals: SealMap) -> None:
        """Write the map if it has grown much since it was written; a full disk does not matter."""
        if seals.size >= self._kept + self._step:
            with suppress(Unavailable):
                write_durably(self._path, seals.size.to_bytes(8, "big") + seals.top().render())
            self._kept = seals.size
