"""The one process that gives leaves their places and signs: it drains what is pending, in steps of many.

What it must never do is answer for what may be lost, or go on from a state that somebody else made. So it
answers after a commit that is certain, and remembers outside of the database how far it has answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Self

import msgspec

from ...errors import Damaged, InputError, KonsensError, Locked, NotTrusted, Unavailable
from ..check_ahead import LeafChecker, LeavesUnderCheck
from ..checkpoint import SignedCheckpoint
from ..leaf import HeadLeaf, PublicLeaf, SealLeaf, check_seal_leaf, parse_leaf
from ..log import SealLog
from ..map_cache import MapCache
from ..note import NoteSigner, render_vkey
from ..signer_head import LastSigned, SignerHead
from ..tiles import nodes_of
from ..tree import Frontier
from .intake import REFUSALS
from .session import Role
from .store import PostgresStore

__all__ = ["Sequencer"]

MOST_AT_ONCE = 4096
POLL = (0.002, 0.1)  # seconds to wait for more: after work, and at most
PAUSES = (0.1, 2.0)  # seconds before a lost connection is made anew: the first time, and at most
KEPT_FOR = "10 minutes"  # an answer that nobody fetches


Answer = tuple[int, int, int | None, str | None]
"""Node, ticket, and either a place or what was refused."""


class Pending(msgspec.Struct, frozen=True):
    """What some node handed over."""

    id: int
    node: int
    ticket: int
    entry: bytes
    leaf: SealLeaf | PublicLeaf | None


class Batch(msgspec.Struct, frozen=True):
    """What is taken in one step, and the leaves among it that can be read, in its order."""

    pending: Sequence[Pending]
    leaves: Sequence[SealLeaf | PublicLeaf]


class Sequencer:
    """Gives places to what is pending, and publishes; exactly one for a log.

    - While it lives, the log's lock is its own (`postgres.sequencer_runs` for a second one).
    - It starts only from a log that holds all that this home has signed and answered for, entry by entry
      (`registry.rolled_back`, `registry.fork`): not from a backup that was restored, nor a standby that lacks
      something.
    - In a cluster it refuses a server that does not wait for standbys (`postgres.no_standbys`); `single_node`
      says that there are none, and that losing the machine loses what it held.
    - Every leaf is checked again before it enters: whoever may write `pending` need not be trusted.
    - The leaves of one step are sorted by their hashes; steps are at least `every` seconds apart, checkpoints
      `publish_every`.
    """

    def __init__(
        self,
        dsn: str,
        signer: NoteSigner,
        *,
        schema: str,
        remembered: SignerHead,
        single_node: bool = False,
        every: float = 0.0,
        publish_every: float = 1.0,
        cache: MapCache | None = None,
        checker: LeafChecker | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the log's lock and look whether the log is whole.

        `remembered` lies in the operator's home; `cache` keeps the seal map from one start to the next;
        `checker` has the signatures of the next step checked on other cores.
        """
        self._signer, self._remembered, self._clock = signer, remembered, clock
        # What was answered lies beside what was signed: the first is written at every step.
        self._answered = SignerHead(remembered.path.with_name(remembered.path.name + ".answered"))
        self._every, self._publish_every = every, publish_every
        self._stepped = self._published = float("-inf")
        self._in_doubt = True
        self._checker = checker
        self._next: Batch | None = None
        self._last_answer: LastSigned | None = None
        role: Role = "sequencer" if single_node else "cluster sequencer"
        self._store = PostgresStore(dsn, schema=schema, role=role, listen="pending")
        try:
            if self._store.vkey != render_vkey(signer.vkey):
                raise NotTrusted("registry.other_key", origin=signer.name)
            self._check_whole()
            self._log = SealLog(self._store, signer.vkey, cache=cache)
            self._make_certain()
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, stop: threading.Event) -> None:
        """Sequence and publish until `stop` is set. It survives the loss of a connection or server only.

        After a loss it goes on only from what it knows; see `PostgresStore`.
        """
        pause, idle = PAUSES[0], POLL[0]
        while not stop.is_set():
            try:
                taken = self.run_once()
                self.publish_if_due()
                pause, idle = PAUSES[0], POLL[0] if taken else min(2 * idle, POLL[1])
                if not taken:
                    self._store.session.notified(idle)
                stop.wait(max(0.0, self._stepped + self._every - monotonic()))
            except (Unavailable, Locked) as error:
                if error.code == "registry.clock_back":
                    raise
                self._in_doubt = True
                stop.wait(pause)
                pause = min(2 * pause, PAUSES[1])

    def run_once(self) -> int:
        """Give places to what is pending, in one step, and return how many were taken or refused."""
        if self._in_doubt:
            self._make_certain()
        batch = self._next or self._read()
        self._next = None
        if not batch.pending:
            return 0
        self._stepped, self._in_doubt = monotonic(), True
        refused = {one.id: "leaf.format" for one in batch.pending if one.leaf is None}
        try:
            self._take(batch, refused)
        except KonsensError as error:
            if error.code not in REFUSALS:
                raise
            refused = self._refusals(batch.pending)
            good = [one.leaf for one in batch.pending if one.leaf and one.id not in refused]
            leaves = LeavesUnderCheck.settled(good, origin=self._signer.name)
            self._take(Batch(batch.pending, leaves), refused)
        if self._checker:
            ahead = self._read()  # its signatures are checked while this step is answered and published
            self._next = ahead if ahead.pending else None
        self._answer()
        return len(batch.pending)

    def publish_if_due(self) -> SignedCheckpoint | None:
        """Publish if something is new and the last time was long enough ago."""
        if monotonic() - self._published < self._publish_every:
            return None
        newest = self._store.checkpoint()
        if newest is not None and newest[0] == self._store.size():
            return None
        return self.publish()

    def publish(self) -> SignedCheckpoint:
        """Return a checkpoint over all that is in the log; see `SealLog.publish`."""
        self._published, self._in_doubt = monotonic(), True
        newest = self._log.publish(self._signer, at=self._clock(), remembered=self._remembered)
        self._answer()
        return newest

    def close(self) -> None:
        """Let go of the log."""
        self._store.close()

    def _check_whole(self) -> None:
        """Raise unless the log begins with all that was signed, and with all that was answered."""
        for memory in (self._remembered, self._answered):
            last = memory.load(self._signer.name)
            if last is None:
                # Only a sequencer says that something is certain, and it has answered for that.
                signed = memory is self._remembered and self._store.checkpoint() is not None
                if signed or (memory is self._answered and self._store.confirmed()):
                    raise Damaged("registry.signer_head_lost")
            elif (size := self._store.size()) < last.size:
                raise Damaged("registry.rolled_back", size=size, remembered=last.size)
            elif Frontier.at(last.size, nodes_of(self._store)).root().hex() != last.root:
                raise Damaged("registry.fork", size=last.size)

    def _make_certain(self) -> None:
        """Commit once more: what can be read here is certain if this is, since a quorum keeps the order."""
        self._next = None  # it may have been taken, or been lost
        with self._store.writing():
            pass
        self._answer()

    def _answer(self) -> None:
        """Remember how far the log is certain, then let the nodes know."""
        certain = self._store.certain or Frontier()
        now = LastSigned(self._signer.name, certain.size, certain.root().hex())
        if now != self._last_answer:
            self._answered.store(now)
            self._last_answer = now
        self._store.confirm()
        self._in_doubt = False

    def _read(self) -> Batch:
        question = "SELECT id, node, ticket, entry FROM pending ORDER BY id LIMIT %s"
        found = self._store.session.all(question, MOST_AT_ONCE)
        pending = [Pending(id_, node, ticket, entry, _parse(entry)) for id_, node, ticket, entry in found]
        leaves = [one.leaf for one in pending if one.leaf]
        return Batch(pending, self._checker.start(leaves) if self._checker else leaves)

    def _take(self, batch: Batch, refused: Mapping[int, str]) -> None:
        """Append what is not `refused`, given by id, and settle all of it, in one step."""
        good = [one for one in batch.pending if one.id not in refused]
        with self._store.writing():
            start = self._store.size()
            places = self._log.append(batch.leaves)
            # Who waits for a new entry finds it in the log.
            answers: list[Answer] = [
                (one.node, one.ticket, place, None)
                for one, place in zip(good, places, strict=True)
                if place < start
            ]
            lost = [one for one in batch.pending if one.id in refused]
            answers += [(one.node, one.ticket, None, refused[one.id]) for one in lost]
            self._settle([one.id for one in batch.pending], answers)

    def _settle(self, ids: list[int], answers: list[Answer]) -> None:
        self._store.session.change("DELETE FROM pending WHERE id = ANY(%b)", ids)
        if answers:
            self._store.session.change(f"DELETE FROM answers WHERE at < now() - interval '{KEPT_FOR}'")  # noqa: S608 (a constant)
            self._store.session.many(
                "INSERT INTO answers (node, ticket, place, refused) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                answers,
            )

    def _refusals(self, pending: Sequence[Pending]) -> dict[int, str]:
        """Return what each of `pending` that cannot enter is refused for, by id."""
        refused = {one.id: "leaf.format" for one in pending if one.leaf is None}
        breaking: dict[bytes, list[Pending]] = {}
        for one in pending:
            if isinstance(one.leaf, SealLeaf):
                try:
                    check_seal_leaf(one.leaf, origin=self._signer.name)
                except KonsensError as error:
                    refused[one.id] = error.code
                else:  # only who holds a key may use it up
                    breaking.setdefault(one.leaf.seal, []).append(one)
        there = self._store.broken_many(list(breaking))
        for seal, ones in breaking.items():
            right = self._store.entry(there[seal]) if seal in there else ones[0].entry
            refused |= {one.id: "seal.already_broken" for one in ones if one.entry != right}
        return refused


def _parse(entry: bytes) -> SealLeaf | PublicLeaf | None:
    with suppress(InputError):
        leaf = parse_leaf(entry)
        return None if isinstance(leaf, HeadLeaf) else leaf
    return None
