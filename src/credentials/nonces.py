"""Nonces: each is spent by one answer.

>>> nonces = MemoryNonces()
>>> nonces.issue("n-0S6_WzA2Mj")
>>> nonces.spend("n-0S6_WzA2Mj")
>>> nonces.spend("n-0S6_WzA2Mj")
Traceback (most recent call last):
    ...
konsens.errors.Conflict: presentation.nonce_spent: The answer was used before: its nonce is spent.
"""

from __future__ import annotations

from threading import Lock
from typing import Protocol

from ..errors import Conflict, VerificationError

__all__ = ["MemoryNonces", "NonceStore"]


class NonceStore(Protocol):
    """Where a verifier keeps the nonces that it sent out.

    `spend` is one atomic step: of any number of callers with the same nonce, one returns and all others
    raise `presentation.nonce_spent` (`Conflict`). A nonce that was never issued raises
    `presentation.nonce_unknown` (`VerificationError`).
    """

    def issue(self, nonce: str) -> None:
        """Remember a nonce that goes out with a question."""

    def spend(self, nonce: str) -> None:
        """Spend it."""


class MemoryNonces:
    """A store for one process, forgotten when it ends."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spent: dict[str, bool] = {}

    def issue(self, nonce: str) -> None:
        """Remember a nonce that goes out with a question."""
        with self._lock:
            self._spent.setdefault(nonce, False)

    def spend(self, nonce: str) -> None:
        """Spend it, or raise if that was done before."""
        with self._lock:
            if nonce not in self._spent:
                raise VerificationError("presentation.nonce_unknown")
            if self._spent[nonce]:
                raise Conflict("presentation.nonce_spent")
            self._spent[nonce] = True
