"""Which checkpoints are good, by everything that a verifier trusts; what was asked once is remembered."""

from __future__ import annotations

from ..errors import KonsensError, NotTrusted
from ..registry import ProvenCheckpoint, parse_signed_checkpoint
from .trust import Trust

__all__ = ["Vouched"]


class Vouched:
    """Checks a note against every policy that speaks of its log: all of them must be content.

    A bundle of 10,000 proofs carries one checkpoint 10,000 times; its signatures are checked once.
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._known: dict[str | bytes, ProvenCheckpoint | KonsensError] = {}

    def check(self, note: str | bytes) -> ProvenCheckpoint:
        """Return the checkpoint of a note, or raise what the policies raise, or `trust.log`."""
        if note not in self._known:
            try:
                self._known[note] = self._ask(note)
            except KonsensError as error:
                self._known[note] = error
        found = self._known[note]
        if isinstance(found, KonsensError):
            raise type(found)(found.code, **found.facts)
        return found

    def _ask(self, note: str | bytes) -> ProvenCheckpoint:
        text = note if isinstance(note, str) else note.decode()
        origin = parse_signed_checkpoint(text).checkpoint.origin
        policies = self._trust.policies_for(origin)
        if not policies:
            raise NotTrusted("trust.log", origin=origin)
        proven = [policy.check(note) for policy in policies]
        return max(proven, key=lambda checkpoint: len(checkpoint.witnesses))
