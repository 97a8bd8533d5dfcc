"""Which of the requests that came in together can enter in one step, and what the others are told.

One that cannot enter must cost the rest nothing: else a stranger with one forged leaf a second would turn
every step of a busy log into thousands.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import Conflict, KonsensError, VerificationError
from ..check_ahead import LeavesUnderCheck
from ..leaf import PublicLeaf, SealLeaf
from ..log import SealLog
from ..walk import bad_leaves

__all__ = ["Leaves", "refusals"]

Leaves = Sequence[SealLeaf | PublicLeaf]


def refusals(log: SealLog, requests: Sequence[Leaves]) -> list[KonsensError | None]:
    """Return for each request why it cannot enter, or None: each leaf of it is signed and its key is unused.

    Of two requests that use one key for different leaves, the first one enters. It waits for signatures that
    are being checked already, and checks the others.
    """
    found: list[KonsensError | None] = list(_unsigned(requests, log.origin))
    seals = [
        {leaf.seal: leaf.entry for leaf in leaves if isinstance(leaf, SealLeaf)} if why is None else {}
        for leaves, why in zip(requests, found, strict=True)
    ]
    there = log.broken_many(list(dict.fromkeys(seal for some in seals for seal in some)))
    used = {seal: log.entry(index) for seal, index in there.items()}
    for place, (leaves, own) in enumerate(zip(requests, seals, strict=True)):
        if found[place] is not None:
            continue
        wrong = [
            leaf.seal
            for leaf in leaves
            if isinstance(leaf, SealLeaf) and leaf.entry != used.get(leaf.seal, own[leaf.seal])
        ]
        if wrong:
            found[place] = Conflict("seal.already_broken", seal=wrong[0].hex())
        else:
            used |= own
    return found


def _unsigned(requests: Sequence[Leaves], origin: str) -> list[VerificationError | None]:
    found: list[VerificationError | None] = [None] * len(requests)
    others: list[SealLeaf] = []
    owners: list[int] = []
    for place, leaves in enumerate(requests):
        if isinstance(leaves, LeavesUnderCheck):
            found[place] = next((error for _, error in leaves.bad(origin=origin)), None)
            continue
        seal_leaves = [leaf for leaf in leaves if isinstance(leaf, SealLeaf)]
        others += seal_leaves
        owners += [place] * len(seal_leaves)
    for index, error in bad_leaves(others, origin=origin):
        found[owners[index]] = found[owners[index]] or error
    return found
