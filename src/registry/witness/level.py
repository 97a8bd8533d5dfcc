"""How far a leaf has come: `sequenced`, `checkpointed`, `witnessed`.

And, before a log is used after a break: has anybody seen more of it than is here?
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ...errors import Damaged, KonsensError, NotFound
from ..checkpoint import check_checkpoint
from ..log import SealLog
from ..policy import Policy
from ..tree import Frontier

__all__ = ["Level", "check_seen", "level_of"]

Level = Literal["sequenced", "checkpointed", "witnessed"]


def level_of(log: SealLog, index: int, policy: Policy) -> Level:
    """Return how far entry `index` has come, or raise `registry.no_entry`.

    - `sequenced`: it is durable, and nothing more can be said to others;
    - `checkpointed`: the log's key has signed over it;
    - `witnessed`: the quorum of `policy` has cosigned a checkpoint over it, and it is not the operator alone.
    """
    if not 0 <= index < log.size():
        raise NotFound("registry.no_entry", index=index)
    newest = log.checkpoint()
    if newest is None or index >= newest.checkpoint.size:
        return "sequenced"
    for note in filter(None, (log.cosigned(), newest.note)):
        try:
            proven = policy.check(note)
        except KonsensError:
            continue
        if index < proven.size and not proven.unwitnessed:
            return "witnessed"
    return "checkpointed"


def check_seen(log: SealLog, notes: Iterable[str]) -> None:
    """Raise unless the log holds all that `notes` say, which witnesses have kept about it.

    The log's own signature under a note is what counts, so no witness needs to be believed. Raises
    `registry.rolled_back` if the log was longer, and `registry.fork` if it was another one.
    """
    for note in notes:
        seen = check_checkpoint(note, log.vkey)
        if seen.size > log.size():
            raise Damaged("registry.rolled_back", size=log.size(), remembered=seen.size)
        if Frontier.at(seen.size, log.nodes()).root() != seen.root:
            raise Damaged("registry.fork", size=seen.size)
