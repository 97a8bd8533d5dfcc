"""A served log for a company: a verified copy of all of it here, and appends there.

A company that decides ten thousand times an hour asks nobody each time; and which seals it cares about is
nobody's business. So it mirrors the log and looks up in its own copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

from ...errors import KonsensError, Unavailable
from ..folder import LOG, Place, Registry
from ..leaf import PublicLeaf, SealLeaf
from ..mirror import Mirror
from ..policy import Log as PolicyLog
from ..policy import Policy, check_fresh
from ..sqlite import SqliteStore
from ..static import StaticLog
from .client import LogClient

__all__ = ["MirroredLog"]

ONLINE = timedelta(minutes=15)
POLL_SECONDS = 0.3


class MirroredLog(Registry):
    """The folder of a mirror, kept up to date from a served log.

    - `check_own` holds only while the copy was verified against the log within `max_age`; if the policy
      demands witnesses, their cosignatures have to be that young.
    - What was appended through here counts at once, before a checkpoint covers it.
    - A fork, a rollback or a broken rule of the log is the error of every later question, with evidence in
      the mirror's folder.
    """

    def __init__(
        self,
        folder: Path,
        store: SqliteStore,
        client: LogClient,
        *,
        policy: Policy | None,
        max_age: timedelta,
        wait: float,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(folder, store, client.vkey, None)
        self.place = Place(client.url, 0)
        self._client, self._policy = client, policy
        self._max_age, self._wait, self._now = max_age, wait, now
        self._trouble: KonsensError | None = None
        self._mine: dict[bytes, int] = {}
        self._entries: dict[int, bytes] = {}

    @classmethod
    def follow(
        cls,
        folder: Path,
        client: LogClient,
        *,
        policy: Policy | None = None,
        max_age: timedelta = ONLINE,
        wait: float = 10.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> MirroredLog:
        """Open the copy in `folder`, begun if need be, and bring it up to the log if that can be reached.

        A log that cannot be reached is no error here: `check_own` says whether what is known is young enough.
        """
        Mirror.open(folder, vkey=client.vkey).close()
        log = cls(
            folder.absolute(),
            SqliteStore(folder / LOG),
            client,
            policy=policy,
            max_age=max_age,
            wait=wait,
            now=now,
        )
        log.sync()
        return log

    @property
    def is_copy(self) -> bool:
        """Never: how much it says about now, `check_own` judges by its age."""
        return False

    def sync(self) -> None:
        """Copy and verify what is new."""
        alone = Policy((PolicyLog(self.vkey),), (), (), None)
        try:
            with Mirror.open(self.folder, vkey=self.vkey) as mirror:
                source = StaticLog(self._client.fetch, alone, origin=self.vkey.name)
                mirror.follow(source, at=self._now(), policy=self._policy)
            self._trouble = None
        except KonsensError as error:
            self._trouble = error
        self.refresh()

    def check_own(self, *, size: int = 0) -> None:
        """Raise unless what is here may count as now; see the class."""
        if self._trouble is not None and not isinstance(self._trouble, Unavailable):
            raise self._trouble
        super().check_own(size=size)
        with Mirror.open(self.folder, vkey=self.vkey) as mirror:
            verified = mirror.state().verified_at
        if verified is None or self._now() - verified > self._max_age:
            raise self._trouble or Unavailable("checkpoint.stale", origin=self.origin, cosigned_at=verified)
        if self._policy is not None and self._policy.quorum is not None:
            newest = self.checkpoint()
            if newest is None:
                raise Unavailable("registry.not_yet_checkpointed", index=0)
            check_fresh(self._policy.check(newest.note), at=self._now(), max_age=self._max_age)

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf], vouchers: Sequence[bytes] = ()) -> list[int]:
        """Append to the log itself, and wait a while for the checkpoint that brings the leaves here."""
        if self._trouble is not None and not isinstance(self._trouble, Unavailable):
            raise self._trouble
        indices = self._client.append(leaves, vouchers)
        for leaf, index in zip(leaves, indices, strict=True):
            self._entries[index] = leaf.entry
            if isinstance(leaf, SealLeaf):
                self._mine[leaf.seal] = index
        until = monotonic() + self._wait
        self.sync()
        while self.size() <= max(indices, default=-1) and monotonic() < until:
            sleep(POLL_SECONDS)
            self.sync()
        return indices

    def entry(self, index: int) -> bytes:
        return self._entries.get(index) or super().entry(index)

    def find(self, seal: bytes) -> int | None:
        found = super().find(seal)
        return self._mine.get(seal) if found is None else found

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        mine = {seal: self._mine[seal] for seal in seals if seal in self._mine}
        return mine | super().broken_many(seals)
