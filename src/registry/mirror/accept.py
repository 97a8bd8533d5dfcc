"""May this checkpoint follow those that were seen? If not: a rollback, a fork, or a source that lies."""

from __future__ import annotations

import msgspec

from ...errors import KonsensError, Unavailable, VerificationError
from ..checkpoint import Checkpoint, SignedCheckpoint
from ..note import VerifierKey
from ..tree import Frontier, NodeSource, check_consistency, consistency_path
from .evidence import accuse_fork
from .fraud import Fork

__all__ = ["Seen", "check_covered", "find_fork"]


class Seen(msgspec.Struct, frozen=True):
    """What was seen of a log: the newest checkpoint, and the newest one that `node` shows the tree of."""

    newest: SignedCheckpoint
    copied: SignedCheckpoint | None
    node: NodeSource


def find_fork(signed: SignedCheckpoint, seen: Seen, node: NodeSource, *, vkey: VerifierKey) -> Fork | None:
    """Return the proof that `signed` contradicts what was seen, or None if it goes on from it.

    `node` shows the tree of `signed`, as its source says. Raises `mirror.rolled_back` for a checkpoint that
    is older, but not another, and `mirror.proof` if the source does not bear out its own checkpoint.
    """
    new, old = signed.checkpoint, seen.newest.checkpoint
    if new.size == old.size:
        return None if new.root == old.root else accuse_fork(signed.note, seen.newest.note, None, vkey=vkey)
    if new.size > old.size:
        return _find_in_larger(signed, seen, node, vkey)
    copied = seen.copied
    if copied and new.size <= copied.checkpoint.size and Frontier.at(new.size, seen.node).root() != new.root:
        return accuse_fork(signed.note, copied.note, seen.node, vkey=vkey)
    raise Unavailable("mirror.rolled_back", origin=vkey.name, size=new.size, seen=old.size)


def check_covered(size: int, root: bytes, checkpoint: Checkpoint, node: NodeSource) -> None:
    """Raise `mirror.proof` unless the log of `checkpoint` begins with `size` entries of this `root`."""
    try:
        if size != checkpoint.size:
            path = consistency_path(size, checkpoint.size, node)
            check_consistency(size, checkpoint.size, path, root, checkpoint.root)
        elif root != checkpoint.root:
            raise VerificationError("proof.consistency")
    except VerificationError as error:
        raise VerificationError("mirror.proof", origin=checkpoint.origin, size=size) from error


def _find_in_larger(signed: SignedCheckpoint, seen: Seen, node: NodeSource, vkey: VerifierKey) -> Fork | None:
    old = seen.newest.checkpoint
    try:
        check_covered(old.size, old.root, signed.checkpoint, node)
    except KonsensError:
        fork = accuse_fork(seen.newest.note, signed.note, node, vkey=vkey)
        if fork is None:
            raise
        return fork
    return None
