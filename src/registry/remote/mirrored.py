"""A served log for a company: a verified copy of all of it here, and appends there.

A company that decides ten thousand times an hour asks nobody each time; and which seals it cares about is
nobody's business. So it mirrors the log and looks up in its own copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

from ...errors import Damaged, KonsensError, NotTrusted, Unavailable, VerificationError
from ..folder import LOG, Place, Registry
from ..leaf import PublicLeaf, SealLeaf
from ..mirror import Mirror
from ..mirror.state import MirrorState, StateFile
from ..policy import Log as PolicyLog
from ..policy import Policy, check_fresh
from ..sqlite import SqliteStore
from ..static import StaticLog
from .client import LogClient

__all__ = ["MirroredLog"]

ONLINE = timedelta(minutes=15)
LEEWAY = timedelta(minutes=1)
EVERY = timedelta(seconds=1)  # a log takes one step a second: who asks more often sees nothing new
ASKED = "asked"
POLL_SECONDS = 0.3


class MirroredLog(Registry):
    """The folder of a mirror, kept up to date from a served log.

    - Before it says anything about now, it asks the log what is new, but not more often than `every`: all
      programs that use one folder ask together.
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
        every: timedelta,
        wait: float,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(folder, store, client.vkey, None)
        self.place = Place(client.url, 0)
        self._client, self._policy = client, policy
        self._max_age, self._every, self._wait, self._now = max_age, every, wait, now
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
        every: timedelta = EVERY,
        wait: float = 10.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> MirroredLog:
        """Open the copy in `folder`, begun if need be, and bring it up to the log if that is due.

        A log that cannot be reached is no error here: `check_own` says whether what is known is young enough.
        """
        Mirror.open(folder, vkey=client.vkey).close()
        log = cls(
            folder.absolute(),
            SqliteStore(folder / LOG),
            client,
            policy=policy,
            max_age=max_age,
            every=every,
            wait=wait,
            now=now,
        )
        log.sync_if_due()
        return log

    @property
    def is_copy(self) -> bool:
        """Never: how much it says about now, `check_own` judges by its age."""
        return False

    def sync(self) -> None:
        """Copy and verify what is new."""
        alone = Policy((PolicyLog(self.vkey),), (), (), None)
        self._note_asked()
        try:
            with Mirror.open(self.folder, vkey=self.vkey) as mirror:
                source = StaticLog(self._client.fetch, alone, origin=self.vkey.name)
                mirror.follow(source, at=self._now(), policy=self._policy)
            self._trouble = None
        except KonsensError as error:
            self._trouble = error
        self._note_asked()
        self.refresh()

    def sync_if_due(self) -> None:
        """Copy what is new, unless somebody has looked a few seconds ago."""
        state = self._state()
        latest = max(self._asked(), state.verified or 0)
        # A clock that was set back makes it due, too.
        if not 0 <= self._now().timestamp() - latest < self._every.total_seconds():
            self.sync()

    def check_own(self, *, size: int = 0) -> None:
        """Raise unless what is here may count as now; see the class.

        `registry.not_yet_checkpointed` while the log has not yet shown all of the `size` entries that are
        known to be in it.
        """
        self.sync_if_due()
        self._check_honest()
        if size > self._reach():
            self.sync()
            if size > self._reach():
                raise self._trouble or Unavailable("registry.not_yet_checkpointed", index=size - 1)
        verified, now = self._state().verified_at, self._now()
        if verified is not None and verified > now + LEEWAY:  # a clock was ahead: nobody knows how old it is
            future = Unavailable("checkpoint.future", origin=self.origin, cosigned_at=verified)
            raise future from self._trouble
        if verified is None or now - verified > self._max_age:
            raise self._trouble or Unavailable("checkpoint.stale", origin=self.origin, cosigned_at=verified)
        if self._policy is not None and self._policy.quorum is not None:
            newest = self.checkpoint()
            if newest is None:
                raise Unavailable("registry.not_yet_checkpointed", index=0)
            check_fresh(self._policy.check(newest.note), at=self._now(), max_age=self._max_age)

    def look(self, seals: Sequence[bytes], *, size: int = 0) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken now, or raise as `check_own` does."""
        self.check_own(size=size)
        return self.broken_many(seals)

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf], vouchers: Sequence[bytes] = ()) -> list[int]:
        """Append to the log itself, and wait a while for the checkpoint that brings the leaves here."""
        self._check_honest()
        indices = self._client.append(leaves, vouchers)
        for leaf, index in zip(leaves, indices, strict=True):
            self._entries[index] = leaf.entry
            if isinstance(leaf, SealLeaf):
                self._mine[leaf.seal] = index
        self.await_size(max(indices, default=-1) + 1)
        return indices

    def register_vouchers(self, hashes: Sequence[bytes]) -> None:
        """Register vouchers by their hashes, as a member; see `serve.vouchers`."""
        self._client.register_vouchers(hashes)

    def await_size(self, size: int) -> None:
        """Wait a while for a checkpoint over `size` entries; at the end, `size()` says whether it came."""
        until = monotonic() + self._wait
        self.sync()
        while self.size() < size and monotonic() < until and not self._convicted():
            sleep(POLL_SECONDS)
            self.sync()

    def entry(self, index: int) -> bytes:
        """Return the bytes of an entry, or raise `registry.no_entry`."""
        return self._entries.get(index) or super().entry(index)

    def find(self, seal: bytes) -> int | None:
        """Return the index of the leaf that broke `seal`, or None."""
        found = super().find(seal)
        return self._mine.get(seal) if found is None else found

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken."""
        mine = {seal: self._mine[seal] for seal in seals if seal in self._mine}
        return mine | super().broken_many(seals)

    def _reach(self) -> int:
        """Return how many entries are known to be there."""
        return max(self.size(), *(index + 1 for index in self._entries), 0)

    def _convicted(self) -> bool:
        return isinstance(self._trouble, VerificationError | NotTrusted | Damaged)

    def _check_honest(self) -> None:
        """Raise what the log was found to have done, in this run or in an earlier one."""
        if self._trouble is not None and self._convicted():
            raise self._trouble
        if (found := self._state().found) is not None:
            raise VerificationError("registry.convicted", origin=self.origin, found=found)

    def _state(self) -> MirrorState:
        return StateFile(self.folder, wait=0).load(self.origin)

    def _note_asked(self) -> None:
        with suppress(OSError):  # then somebody asks once more than need be
            (self.folder / ASKED).write_text(str(int(self._now().timestamp())), "ascii")

    def _asked(self) -> int:
        try:
            return int((self.folder / ASKED).read_text("ascii"))
        except (OSError, ValueError):
            return 0
