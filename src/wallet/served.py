"""A served log as a wallet uses it: with the vouchers that open it, and with a memory of what it showed.

- What ends something (a withdrawal, an objection, a bare break) shows its voucher at once: no limit of the
  log may hold it up. Everything else does without, as long as the log takes it: the vouchers are for the end.
- A voucher is shown for leaves towards the company that gave it, and no other: the log would link them.
- One that the log does not know any more (its answer was lost on the way, or a backup is older than the last
  withdrawal) is forgotten, and the next one tried.
- The newest checkpoint that was seen is kept, so that the log can never go back behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from ..errors import Damaged, KonsensError, NotFound, RefusedByPolicy
from ..registry import PublicLeaf, SealLeaf, parse_signed_checkpoint, parse_vkey
from ..registry.log_place import LogUrl
from ..registry.remote import LogClient, SmallLog
from .kinds import ACT, IDENTITY, SEEN, VOUCHER, Act, KnownLog, SeenCheckpoint, Voucher
from .logs import Log
from .vault import Vault

__all__ = ["ServedLog", "check_shows_all"]

LIMITS = {"append.limit", "append.too_many", "append.members_only"}


class ServedLog(SmallLog):
    """A log behind a URL, as one wallet uses it."""

    def __init__(self, known: KnownLog, vault: Vault) -> None:
        place = LogUrl(known.url)
        seen = vault.get(SEEN, known.origin)
        client = LogClient(place.url, parse_vkey(known.vkey), loopback=place.loopback)
        super().__init__(client, known=seen.note if seen else None)
        self._vault = vault

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf], vouchers: Sequence[bytes] = ()) -> list[int]:
        """Append all leaves, or raise; see the rules above."""
        acts = {act.leaf: act for act in self._vault.list(ACT).values()}
        ours = [acts.get(leaf.entry) for leaf in leaves]
        if not any(act is not None and act.ends for act in ours):
            try:
                return super().append(leaves, vouchers)
            except RefusedByPolicy as error:
                if error.code not in LIMITS or not any(map(self._purse, ours)):
                    raise
        shown = self._one_each(ours)
        try:
            indices = super().append(leaves, [voucher.value for voucher in shown])
        except RefusedByPolicy as error:
            if error.code not in LIMITS:
                raise
            return [self._append_one(*one) for one in zip(leaves, ours, strict=True)]
        self._forget(shown)
        return indices

    def close(self) -> None:
        """Keep the newest checkpoint that was seen."""
        if (seen := self.seen) is not None:
            with suppress(KonsensError), self._vault.write():
                kept = self._vault.get(SEEN, self.origin)
                before = parse_signed_checkpoint(kept.note).checkpoint.size if kept else -1
                if before < seen.checkpoint.size:
                    self._vault.put(SEEN, self.origin, SeenCheckpoint(seen.note))
        super().close()

    def _append_one(self, leaf: SealLeaf | PublicLeaf, act: Act | None) -> int:
        for voucher in self._purse(act):
            try:
                (index,) = super().append([leaf], [voucher.value])
            except RefusedByPolicy as error:
                if error.code not in LIMITS:
                    raise
                self._forget([voucher])  # with a voucher that the log knows, one leaf is beyond all limits
                continue
            self._forget([voucher])
            return index
        (index,) = super().append([leaf])
        return index

    def _purse(self, act: Act | None) -> list[Voucher]:
        """Return the vouchers that may be shown for an act; where the company is not known, any."""
        if act is None:
            return []
        identity = self._vault.get(IDENTITY, str(act.company))
        company = identity.company if identity else None
        return [
            voucher
            for voucher in self._vault.list(VOUCHER).values()
            if voucher.origin == self.origin and company in (None, voucher.company)
        ]

    def _one_each(self, acts: Iterable[Act | None]) -> list[Voucher]:
        """Return a voucher of its own for each act that has one left."""
        found: list[Voucher] = []
        for act in acts:
            found += [voucher for voucher in self._purse(act) if voucher not in found][:1]
        return found

    def _forget(self, vouchers: Iterable[Voucher]) -> None:
        with self._vault.write():
            for voucher in vouchers:
                self._vault.delete(VOUCHER, voucher.key)


def check_shows_all(log: Log, leaves: Iterable[tuple[int, bytes]]) -> None:
    """Raise `registry.missing_leaf` unless a log has these entries, by its signed checkpoint."""
    log.checkpoint()
    for index, leaf in leaves:
        try:
            there = log.entry(index)
        except NotFound:
            there = b""
        if there != leaf:
            raise Damaged("registry.missing_leaf", index=index)
