"""Pruning: old entry bundles go, everything that proofs are made of stays (C2SP tlog-tiles, "Pruning")."""

from __future__ import annotations

from ...errors import InputError, Unavailable
from ..checkpoint import check_checkpoint
from ..note import VerifierKey
from .objects import ObjectStore
from .paths import CHECKPOINT, MINIMUM, WIDTH, BundleName, parse_minimum, parse_path

__all__ = ["prune"]


def prune(objects: ObjectStore, *, vkey: VerifierKey, minimum: int) -> int:
    """Stop showing full entry bundles that end at or below the entry `minimum`, and return how many went.

    - The caller has a published retention policy: "without a policy … logs MUST NOT be pruned" ("Retention
      Policies"). Prefer to deny requests to deleting ("RECOMMENDED"), and keep the entries elsewhere.
    - The minimum never goes back and never exceeds the published checkpoint (`static.minimum`).
    - Tiles stay, all of them: every leaf that somebody holds can still be proven, every two checkpoints too.
    - The bundle with the newest head leaf stays, so that its seal map can still be checked.
    - It is written down first; the oldest bundles go first. Interrupted, it goes on with the next call.
    """
    note, before = objects.get(CHECKPOINT), objects.get(MINIMUM)
    if note is None:
        raise Unavailable("static.missing", path=CHECKPOINT)
    size = check_checkpoint(note, vkey).size
    if not parse_minimum(before) <= minimum <= size:
        raise InputError("static.minimum", minimum=parse_minimum(before), size=size)
    objects.swap(MINIMUM, before, b"%d\n" % minimum)
    names = {path: parse_path(path) for path in objects.list("tile/entries/")}
    last = (size - 1) // WIDTH
    gone = {
        name.index: path
        for path, name in names.items()
        if isinstance(name, BundleName)
        and name.width == WIDTH
        and (name.index + 1) * WIDTH <= minimum
        and name.index < last
    }
    objects.delete(path for _, path in sorted(gone.items()))
    return len(gone)
