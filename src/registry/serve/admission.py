"""Whether a request to append is let in: vouchers first, then the member's limit, then everybody's.

>>> policy = AppendPolicy(v=1, open=Open(per_minute=1))
>>> admission = Admission(policy)
>>> admission.admit(seals=1, public=0, vouchers=0, client="192.0.2.1", member=None, now=0.0)
>>> admission.admit(seals=1, public=0, vouchers=0, client="192.0.2.1", member=None, now=1.0)
Traceback (most recent call last):
    ...
konsens.errors.RefusedByPolicy: append.limit: This log takes no more leaves from this sender for 59 seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from threading import Lock

from ...errors import RefusedByPolicy
from .append_policy import AppendPolicy, Member, Open

__all__ = ["Admission"]

SENDERS_TO_REMEMBER = 100_000
SECONDS_TO_FILL = 60


class Admission:
    """Buckets that fill at so many leaves a minute, up to a minute's worth, for each sender.

    Who comes as a stranger draws from the bucket of his address and from that of all strangers.
    """

    def __init__(self, policy: AppendPolicy) -> None:
        self.policy = policy
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def admit(
        self, *, seals: int, public: int, vouchers: int, client: str, member: Member | None, now: float
    ) -> None:
        """Let in so many new leaves, of which `vouchers` are paid for, or raise.

        `append.members_only` for a public leaf of a stranger's, or for any leaf of his where the log is not
        open; `append.limit` beyond a limit, with the seconds to wait. `now` is in seconds, of any clock that
        never goes back.
        """
        counted = max(0, seals - vouchers) + public
        if not counted:
            return
        if member is not None:
            self._draw({f"member {member.did}": member.per_minute}, counted, now)
            return
        if public or self.policy.open is None:
            raise RefusedByPolicy("append.members_only")
        self._draw(_of_a_stranger(self.policy.open, client), counted, now)

    def _draw(self, limits: dict[str, int], count: int, now: float) -> None:
        """Draw from all of the buckets, or from none."""
        with self._lock:
            levels = {name: self._level(name, limit, now) for name, limit in limits.items()}
            for name, limit in limits.items():
                if count > levels[name]:
                    if count > limit:
                        raise RefusedByPolicy("append.too_many", limit=limit)
                    wait = ceil((count - levels[name]) * SECONDS_TO_FILL / limit)
                    raise RefusedByPolicy("append.limit", seconds=wait)
            for name in limits:
                self._buckets[name] = (levels[name] - count, now)
                self._buckets.move_to_end(name)
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Let go of those that are full again, and beyond a limit of whoever drew longest ago."""
        while self._buckets:
            name, (_, since) = next(iter(self._buckets.items()))
            if now - since < SECONDS_TO_FILL and len(self._buckets) <= SENDERS_TO_REMEMBER:
                return
            del self._buckets[name]

    def _level(self, name: str, limit: int, now: float) -> float:
        level, since = self._buckets.get(name, (float(limit), now))
        return min(float(limit), level + (now - since) * limit / SECONDS_TO_FILL)


def _of_a_stranger(limits: Open, client: str) -> dict[str, int]:
    return {f"address {client}": limits.per_minute, "all addresses": limits.all_per_minute}
