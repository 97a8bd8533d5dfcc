"""What a mirror signs (C2SP tlog-mirror, tlog-cosignature "Additional statements"): that everything is here.

A **mirror cosigner** states that it has the whole log up to the checkpoint and shows it. A **map cosigner**
(its key name ends with `/konsens-map@v1`) states more: it recomputed the seal map from all entries, and every
head leaf up to the checkpoint commits to just the seals that were broken before it. See docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ...errors import Unavailable, VerificationError
from ..cosignature import MAP_SUFFIX, Cosigner, MlDsaCosigner, cosign
from .follow import Mirror

__all__ = ["cosign_copy", "map_cosigner"]

LEEWAY_SECONDS = 60


def map_cosigner(name: str, seed: bytes) -> Cosigner:
    """Return the map cosigner of a name such as `mirror.example`; its key must serve for nothing else."""
    return Cosigner(name.removesuffix(MAP_SUFFIX) + MAP_SUFFIX, seed)


def cosign_copy(mirror: Mirror, cosigners: Iterable[Cosigner | MlDsaCosigner], *, at: datetime) -> str:
    """Return the signature lines of `cosigners` over the checkpoint up to which everything is here.

    They are kept with the copy, too, so that it shows them. Every mirror of konsens recomputes the map, so it
    may sign as either or both. Raises `mirror.convicted` if the log was ever seen to break a rule: then
    nothing is signed any more. `mirror.clock_back` if `at` lies before the last verification,
    `registry.not_yet_checkpointed` if there is nothing to sign, `mirror.behind` if a newer checkpoint was
    seen: a cosignature says that its own is the largest that was "observed" (tlog-cosignature, "Ed25519
    signed message").
    """
    state, newest, seen = mirror.state(), mirror.checkpoint(), mirror.newest()
    if state.found is not None:
        raise VerificationError("mirror.convicted", origin=state.origin, found=state.found)
    if newest is None or state.verified is None:
        raise Unavailable("registry.not_yet_checkpointed", index=0)
    if seen is not None and seen.checkpoint.size > newest.checkpoint.size:
        raise Unavailable(
            "mirror.behind", origin=state.origin, size=newest.checkpoint.size, seen=seen.checkpoint.size
        )
    seconds = int(at.timestamp())
    if seconds < state.verified - LEEWAY_SECONDS:
        raise Unavailable("mirror.clock_back", last=datetime.fromtimestamp(state.verified, UTC).isoformat())
    note, keys = newest.note, []
    for cosigner in cosigners:
        note = cosign(note, cosigner, at=datetime.fromtimestamp(max(seconds, state.verified), UTC))
        keys.append(cosigner.vkey)
    mirror.keep_cosignatures(note, keys)
    return note[len(newest.note) :]
