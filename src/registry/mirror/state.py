"""What a mirror knows beside its copy: the checkpoints that it is on the way to, and when it looked last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from ... import strict_json
from ...encoding import jcs
from ...errors import Damaged, InputError
from ..folder import MIRROR
from ..signer_head import locked, write_durably

__all__ = ["MirrorState", "StateFile"]

PENDING_TO_KEEP = 16  # "the last several pending checkpoint values" (tlog-mirror, "Processing")


class MirrorState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`pending` are notes of checkpoints that were found consistent, the newest last.

    `verified` is the second at which the copy was last found to be all that the log showed; `found` the
    code of the first rule that the log was seen to break.
    """

    origin: str
    pending: tuple[str, ...] = ()
    verified: int | None = None
    found: str | None = None
    v: Literal[1] = 1

    @property
    def verified_at(self) -> datetime | None:
        """The moment of the last verification."""
        return None if self.verified is None else datetime.fromtimestamp(self.verified, UTC)

    def with_pending(self, note: str) -> MirrorState:
        """Return the state on the way to one more checkpoint."""
        kept = [*(one for one in self.pending if one != note), note]
        return msgspec.structs.replace(self, pending=tuple(kept[-PENDING_TO_KEEP:]))


class StateFile:
    """The state in the file `mirror.json`, which also tells that this folder is a mirror.

    Whoever changes it, or the copy, holds `locked()`.
    """

    def __init__(self, folder: Path, *, wait: float) -> None:
        self._path = folder / MIRROR
        self._wait = wait

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from working on this mirror; `registry.busy` if one does not finish."""
        with locked(self._path, wait=self._wait):
            yield

    def exists(self) -> bool:
        """Whether this folder is a mirror."""
        return self._path.is_file()

    def load(self, origin: str) -> MirrorState:
        """Return the state, or raise `mirror.state`."""
        try:
            state = strict_json.decode(self._path.read_bytes(), MirrorState, max_bytes=1 << 24)
        except (OSError, InputError) as error:
            raise Damaged("mirror.state", file=self._path) from error
        if state.origin != origin:
            raise Damaged("mirror.state", file=self._path)
        return state

    def store(self, state: MirrorState) -> None:
        """Write the state so that it is on the medium when this returns."""
        write_durably(self._path, jcs(msgspec.to_builtins(state)) + b"\n")
