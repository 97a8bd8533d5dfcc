"""Where leaves come in: any number of nodes hand them over, and wait for the places that they are given.

A node checks every leaf before it hands it over. What became of it, it reads from the log itself: it follows
the entries that are certain, and finds its leaves among them.
"""

from __future__ import annotations

import secrets
import select
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic
from typing import Self

from ...errors import Conflict, InputError, KonsensError, NotTrusted, Unavailable, VerificationError
from ..check_ahead import LeavesUnderCheck
from ..leaf import HeadLeaf, PublicLeaf, SealLeaf, seal_of
from ..note import VerifierKey, render_vkey
from ..walk import bad_leaves
from .session import Session
from .store import PostgresStore
from .waiting import WaitingRoom

__all__ = ["REFUSALS", "Intake"]

POLL = 0.05  # seconds, if nobody said that the log has grown
PAUSES = (0.05, 1.0)  # seconds before a lost connection is made anew: the first time, and at most
ENTRIES_AT_ONCE = 10_000
# What waits already goes on waiting, once.
HAND_OVER = (
    "INSERT INTO pending (node, ticket, entry) SELECT %s, ticket, entry"
    " FROM unnest(%b::bigint[], %b::bytea[]) AS new(ticket, entry) ON CONFLICT DO NOTHING"
)
REFUSALS: dict[str, type[KonsensError]] = {
    "key.weak": VerificationError,
    "leaf.format": InputError,
    "leaf.signature": VerificationError,
    "seal.already_broken": Conflict,
}
"""What a sequencer may answer instead of a place."""


class Intake:
    """One node's way into the log of a schema. Any thread may use it.

    - It acknowledges by index, and only what is certain: that others can see an entry is not enough as long
      as the quorum may not have it.
    - What is handed over twice is kept once, and has the same index each time.
    - While too much waits in the log's `pending`, it hands nothing over (`postgres.too_many_waiting`).
    - If the connection or the server is lost, all that still waits is handed over again.
    - After `wait` seconds it says that the outcome is not known here (`postgres.not_sequenced`).
    """

    def __init__(self, dsn: str, vkey: VerifierKey, *, schema: str, wait: float = 30.0) -> None:
        self.origin = vkey.name
        self._store = PostgresStore(dsn, schema=schema, listen="sequenced")
        if self._store.vkey != render_vkey(vkey):
            self._store.close()
            raise NotTrusted("registry.other_key", origin=vkey.name)
        self._wait = wait
        self._node = secrets.randbits(63)
        self._seen = self._store.confirmed()
        self._early: dict[int, bytes] = {}  # places that were named before they were certain
        self._room = WaitingRoom(key=secrets.token_bytes(32))
        self._new: list[bytes] = []
        self._mutex = threading.Lock()  # over room and new
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ended = self._lost = False
        self._thread = threading.Thread(target=self._run, name="konsens-intake", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> list[int]:
        """Hand over leaves and return the index of each once it is certain; see `submit` for the errors."""
        return self.submit(leaves).result()

    def submit(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> Future[list[int]]:
        """Hand over leaves; the future has the index of each, or the error of one that was refused.

        Raises at once what a leaf is refused for by itself (`leaf.signature`, `key.weak`,
        `registry.head_leaf`). The future: `seal.already_broken`, `postgres.not_sequenced`,
        `postgres.too_many_waiting`. Unlike `SealLog.append` it is not all or nothing: of two leaves one can
        have its place, the other be refused.
        """
        if any(isinstance(leaf, HeadLeaf) for leaf in leaves):
            raise InputError("registry.head_leaf")
        if isinstance(leaves, LeavesUnderCheck):
            bad = leaves.bad(origin=self.origin)
        else:
            bad = bad_leaves([leaf for leaf in leaves if isinstance(leaf, SealLeaf)], origin=self.origin)
        for _, error in bad:
            raise error
        entries = [leaf.entry for leaf in leaves]
        with self._mutex:
            if self._ended:
                raise Unavailable("postgres.not_sequenced")
            done = self._room.enter(entries, until=monotonic() + self._wait)
            self._new += entries
        self._ring()
        return done

    def close(self) -> None:
        """Stop; who still waits is told that the outcome is not known here."""
        self._ended = True
        self._ring()
        self._thread.join()
        self._bell.close()
        self._ear.close()

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it rings already
            self._bell.send(b"\0")

    # The rest runs in the one thread that owns the connection.

    def _run(self) -> None:
        pause = PAUSES[0]
        try:
            while not self._ended:
                try:
                    self._hand_over()
                    self._follow()
                    pause = PAUSES[0]
                    self._sleep()
                except KonsensError:  # of the database: it may come back, or another one take its place
                    self._lost = True
                    self._listen(pause)
                    pause = min(2 * pause, PAUSES[1])
                self._forget(monotonic())
        finally:
            self._ended = True
            self._forget(float("inf"))
            self._store.close()

    @property
    def _session(self) -> Session:
        return self._store.session

    def _hand_over(self) -> None:
        with self._mutex:
            if self._lost:  # with the connection, maybe with all that was pending
                given = self._room.tickets()
            elif self._new:
                given = self._room.tickets_for(list(dict.fromkeys(self._new)))
            else:
                return
            self._new.clear()
        try:
            self._session.change(HAND_OVER, self._node, [one[0] for one in given], [one[1] for one in given])
        except Unavailable as error:
            if error.code != "postgres.too_many_waiting" or self._lost:
                raise  # what was handed over before may have its place still
            with self._mutex:
                for _, entry in given:
                    self._room.refused(entry, error)
            return
        self._session.change(f"NOTIFY {self._session.schema}_pending")
        self._lost = False

    def _follow(self) -> None:
        """Find our leaves among the entries that have become certain, and in what we were answered."""
        for ticket, place, refused in self._session.all(
            "DELETE FROM answers WHERE node = %s RETURNING ticket, place, refused", self._node
        ):
            with self._mutex:
                entry = self._room.entry_of(ticket)
                if entry is not None and refused is not None:
                    facts = {"seal": seal_of(entry[1:33]).hex(), "origin": self.origin}
                    self._room.refused(entry, REFUSALS[refused](refused, **facts))
                elif entry is not None:
                    self._early[place] = entry
        certain = self._store.confirmed()
        if not self._room:
            self._seen = max(self._seen, certain)  # what comes to wait later is answered if it is in there
        while self._seen < certain:
            entries = self._store.entries(self._seen, min(certain, self._seen + ENTRIES_AT_ONCE))
            with self._mutex:
                for index, entry in enumerate(entries, self._seen):
                    self._room.found(entry, index)
            self._seen += len(entries)
        with self._mutex:
            for place in [place for place in self._early if place < certain]:
                self._room.found(self._early.pop(place), place)

    def _sleep(self) -> None:
        if not self._session.notified():
            self._listen(POLL if self._room else None, self._session.fileno())

    def _listen(self, seconds: float | None, *others: int) -> None:
        ready, _, _ = select.select([self._ear.fileno(), *others], [], [], seconds)
        if self._ear.fileno() in ready:
            self._ear.recv(4096)

    def _forget(self, now: float) -> None:
        with self._mutex:
            self._room.overdue(now, Unavailable("postgres.not_sequenced"))
