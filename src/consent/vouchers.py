"""Vouchers: what a company, as a member of a served log, gives its customers, so that no limit stops them.

Each follows from the company's seed and what it is given with, so that the same receipt, asked for again, has
the same one. The log learns only hashes, in bulk, and before a customer has the voucher.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol, runtime_checkable

from ..encoding import b64u_encode
from ..errors import KonsensError
from .logs import Logs
from .own import CompanyKeys

__all__ = ["FOR_A_RECEIPT", "FOR_A_REQUEST", "Limited", "vouchers_for"]

FOR_A_REQUEST, FOR_A_RECEIPT = 2, 1
AT_ONCE = 1000


@runtime_checkable
class Limited(Protocol):
    """A log that limits who appends (`konsens.registry.remote.MirroredLog` is one; a folder is not)."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    def register_vouchers(self, hashes: Sequence[bytes]) -> None:
        """Register vouchers by their hashes; again changes nothing."""


def vouchers_for(
    logs: Logs, keys: CompanyKeys, given_with: Sequence[str], *, each: int
) -> list[dict[str, tuple[str, ...]]]:
    """Return for each hash in `given_with` so many vouchers by origin, for every log that limits appends.

    Where the log does not take them now (it is away, or its rules give this member no more), there are none:
    what they would be given with is worth no less without them.
    """
    found: list[dict[str, tuple[str, ...]]] = [{} for _ in given_with]
    for log in logs.open:
        if not isinstance(log, Limited) or not given_with:
            continue
        made = [[_voucher(keys, log.origin, one, n) for n in range(each)] for one in given_with]
        hashes = [sha256(voucher).digest() for some in made for voucher in some]
        try:
            for start in range(0, len(hashes), AT_ONCE):
                log.register_vouchers(hashes[start : start + AT_ONCE])
        except KonsensError:
            continue
        for given, some in zip(found, made, strict=True):
            given[log.origin] = tuple(map(b64u_encode, some))
    return found


def _voucher(keys: CompanyKeys, origin: str, given_with: str, number: int) -> bytes:
    log = sha256(origin.encode()).hexdigest()
    return keys.seed.derive(f"voucher/{log}/{given_with}/{number}")
