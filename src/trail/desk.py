"""A privacy officer's desk: the book, the log, and the key that signs what leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from ..consent import Company, Ledger
from ..errors import Damaged, Unavailable
from ..registry import SealLeaf, SignedCheckpoint, VerifierKey, parse_leaf
from .bundle import Identity, Prover
from .query import Query, query
from .view import TrailView

__all__ = ["Desk", "OpenLog"]

ATTEMPTS = 5


class OpenLog(Prover, Protocol):
    """The company's log (`konsens.registry.Registry` has it)."""

    @property
    def vkey(self) -> VerifierKey:
        """The key of its operator."""

    def size(self) -> int:
        """Return how many entries there are."""

    def checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint, or None."""

    def check_own(self, *, size: int = 0) -> None:
        """Raise `registry.copy` for a copy, `registry.rolled_back` if it has fewer than `size` entries."""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What the verbs of a trail need; looking needs neither `identity` nor `checkpoint`.

    `checkpoint` makes a checkpoint, where this home holds the log's key; elsewhere it is None.
    """

    company: Company
    name: str
    log: OpenLog
    identity: Identity | None = None
    checkpoint: Callable[[], object] | None = None

    @property
    def ledger(self) -> Ledger:
        """The book."""
        return self.company.ledger

    def check_rows(self) -> None:
        """Raise `registry.damaged` where an entry breaks a seal and the log's list of breaks lacks it.

        The entries after the newest checkpoint are read; those before it are covered by that checkpoint's
        map and by `registry fsck`.
        """
        log = self.ledger.logs.home
        newest = log.checkpoint()
        for index, entry in log.events_since(newest.checkpoint.size if newest else 0):
            leaf = parse_leaf(entry)
            if isinstance(leaf, SealLeaf) and log.find(leaf.seal) != index:
                raise Damaged("registry.damaged", problem=f"no row for the seal of entry {index}")

    def look(self, asked: Query, *, now: datetime) -> TrailView:
        """Return the view as the book is now, provable or not."""
        return query(self.ledger, asked, company_name=self.name, now=now)

    def settled(self, asked: Query, *, now: datetime) -> TrailView:
        """Return a view that a checkpoint covers to the last entry.

        A leaf that came in between makes it anew. Raises `registry.not_yet_checkpointed` where another home
        holds the log's key and has not made a checkpoint since.
        """
        self.company.finish(now=now)
        for _ in range(ATTEMPTS):
            if self.checkpoint is not None:
                self.checkpoint()
            view = self.look(asked, now=now)
            if view.checkpoint is not None and view.checkpoint.size == self.log.size():
                return view
            if self.checkpoint is None:
                break
        raise Unavailable("registry.not_yet_checkpointed", index=self.log.size() - 1)
