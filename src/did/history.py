"""The key history of a did:web: which key spoke for a company when. Its hash is a public leaf of a log.

>>> from datetime import UTC, datetime
>>> from konsens.did.keys import PrivateKey
>>> entry = HistoryEntry(
...     kid="did:web:muster.example#key-1",
...     public_key_multibase=PrivateKey.ed25519(bytes(32)).public.multikey,
...     start="2026-11-22T10:00:00Z",
...     until=None,
... )
>>> history = KeyHistory(v=1, did="did:web:muster.example", keys=(entry,))
>>> KeyHistory.parse(history.render()) == history
True
>>> history.key_at(entry.kid, datetime(2026, 11, 23, tzinfo=UTC)).alg
'EdDSA'
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from ..encoding import format_time, jcs, parse_time, sha256
from ..errors import InputError, NotTrusted, VerificationError
from ..strict_json import decode
from .keys import PublicKey

__all__ = ["HistoryEntry", "KeyHistory"]


class HistoryEntry(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"public_key_multibase": "publicKeyMultibase", "start": "from"},
):
    """One key: it spoke from `start` (included) to `until` (excluded; None: still)."""

    kid: str
    public_key_multibase: str
    start: str
    until: str | None


class KeyHistory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All keys of one DID, in the order in which they began to speak."""

    v: int
    did: str
    keys: Annotated[tuple[HistoryEntry, ...], msgspec.Meta(min_length=1, max_length=1000)]

    @classmethod
    def parse(cls, data: bytes | str) -> KeyHistory:
        """Return the history behind its JSON, every key and time checked, or raise `did.history`."""
        history = decode(data, cls)
        if history.v != 1:
            raise InputError("input.version", version=history.v)
        last = ""
        for entry in history.keys:
            start, until = parse_time(entry.start), None if entry.until is None else parse_time(entry.until)
            PublicKey.from_multikey(entry.public_key_multibase)
            did, _, fragment = entry.kid.partition("#")
            if did != history.did or not fragment or entry.start < last or (until and until <= start):
                raise InputError("did.history", did=history.did)
            last = entry.start
        if len({entry.kid for entry in history.keys}) != len(history.keys):
            raise InputError("did.history", did=history.did)
        return history

    def render(self) -> bytes:
        """Return the canonical JSON, whose hash is anchored."""
        return jcs(msgspec.to_builtins(self))

    @property
    def digest(self) -> bytes:
        """SHA-256 over the canonical JSON: what the public leaf holds."""
        return sha256(self.render())

    def key_at(self, kid: str, at: datetime) -> PublicKey:
        """Return the key that `kid` named at `at`, or raise `did.no_key_then`."""
        moment = format_time(at)
        for entry in self.keys:
            if entry.kid == kid and entry.start <= moment and (entry.until is None or moment < entry.until):
                return PublicKey.from_multikey(entry.public_key_multibase)
        raise VerificationError("did.no_key_then", kid=kid, at=moment)

    def check_follows(self, old: KeyHistory) -> None:
        """Raise `company.key_changed` unless this history continues `old`.

        - The DID is the same, and every old key stands where it stood, unchanged;
        - only an end may be new, and only where there was none; new keys come after.
        """
        if self.did != old.did or len(self.keys) < len(old.keys):
            raise NotTrusted("company.key_changed", did=self.did)
        for before, now in zip(old.keys, self.keys, strict=False):
            ended = before.until is None and msgspec.structs.replace(now, until=None) == before
            if now != before and not ended:
                raise NotTrusted("company.key_changed", did=self.did)
