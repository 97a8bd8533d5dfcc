"""`registry prove`: what a log can prove to whoever trusts its key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from konsens.errors import InputError, NoConsent, Unavailable

from .answers import RegistryProof
from .frame import Frame, Outcome, command
from .line import Option
from .log_home import LogHome, checkpoint_data
from .registry import show_checkpoint
from .registry_home import open_registry
from .screen import Screen

__all__ = ["registry_prove"]


@command(writes=True, unlocks=True, logs=True)
def registry_prove(
    frame: Frame,
    leaf: Annotated[int | None, Option("--leaf", metavar="N", help="That entry N is in the log.")] = None,
    seal: Annotated[str | None, Option("--open", metavar="SEAL", help="That a seal is not broken.")] = None,
    size: Annotated[
        int | None, Option("--from", metavar="SIZE", help="That the first SIZE entries are what they were.")
    ] = None,
    out: Annotated[Path | None, Option("--out", metavar="FILE", help="Where to; else it is shown.")] = None,
) -> Outcome:
    """Prove a leaf, an open seal, or that nothing was rewritten.

    Ends with 7 and the proof of it if the seal is broken. The home that operates the log signs it first where
    the last signature does not cover the question; elsewhere that ends with 8.
    """
    if [leaf, seal, size].count(None) != 2:
        raise InputError("registry.prove_choice")
    frame.check_out(out)
    with open_registry(frame) as log:
        if leaf is not None:
            data = _prove_leaf(log, leaf)
        elif seal is not None:
            data = _prove_open(log, seal)
        else:
            data = _prove_from(log, size or 0)
    if out is not None:
        frame.write(out, data.proof.encode())

    def show(screen: Screen) -> None:
        show_checkpoint(screen, frame, data.checkpoint)
        if out is None:
            screen.line()
            screen.line(data.proof.removesuffix("\n"))

    error = NoConsent("registry.seal_broken", index=data.leaf_index) if data.kind == "broken" else None
    return Outcome(data, show=show, error=error)


def _prove_leaf(log: LogHome, index: int) -> RegistryProof:
    log.registry.entry(index)
    _cover(log, index + 1)
    return _proof(log, "inclusion", log.registry.prove_inclusion(index), index)


def _prove_open(log: LogHome, seal: str) -> RegistryProof:
    from konsens.encoding import from_hex

    raw = from_hex(seal, size=32)
    log.registry.check_own()  # of a copy nobody knows what was broken since
    _cover(log, log.registry.size())
    proof, index = log.registry.prove_holds(None, raw), log.registry.find(raw)
    if index is not None and index >= _size(log):
        raise Unavailable("registry.not_yet_checkpointed", index=index)
    return _proof(log, "open" if index is None else "broken", proof, index)


def _prove_from(log: LogHome, size: int) -> RegistryProof:
    _cover(log, log.registry.size())
    return _proof(log, "consistency", log.registry.prove_consistency(size), None)


def _cover(log: LogHome, size: int) -> None:
    """Make a checkpoint if the newest one does not reach that far and this home may."""
    if _size(log) < size:
        log.publish()


def _size(log: LogHome) -> int:
    newest = log.registry.checkpoint()
    return newest.checkpoint.size if newest else 0


def _proof(
    log: LogHome,
    kind: Literal["inclusion", "open", "broken", "consistency"],
    proof: str,
    index: int | None,
) -> RegistryProof:
    from konsens.registry import parse_signed_checkpoint

    signed = parse_signed_checkpoint(proof.partition("\n\n")[2])  # that of the proof, should a newer one come
    checkpoint = checkpoint_data(log.registry, signed, "checkpointed")
    return RegistryProof(kind=kind, checkpoint=checkpoint, proof=proof, leaf_index=index)
