"""A log and its witnesses in one process: the transport is a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from konsens.registry import (
    Checkpoint,
    Cosigner,
    NoteSigner,
    Policy,
    consistency_path,
    leaf_hash,
    parse_policy,
    render_vkey,
    root_of,
    sign_checkpoint,
)
from konsens.registry.policy import Witness as Listed
from konsens.registry.witness import (
    AddCheckpoint,
    Response,
    Witness,
    WitnessState,
    parse_logs,
    render_add_checkpoint,
)

from ..logs import AT, ORIGIN, SIGNER, VKEY

COSIGNERS = [Cosigner(f"witness-{number}.example", bytes([number]) * 32) for number in range(1, 6)]
LOGS = f"log {render_vkey(VKEY)}\nquorum none\n"

Act = Callable[[bytes], tuple[int, bytes]]


def policy_of(count: int, quorum: int) -> Policy:
    """Return the policy "`quorum` of `count` witnesses"; they are called w0, w1, …"""
    lines = [f"witness w{n} {render_vkey(cosigner.vkey)}" for n, cosigner in enumerate(COSIGNERS[:count])]
    names = " ".join(f"w{n}" for n in range(count))
    return parse_policy(
        "\n".join([f"log {render_vkey(VKEY)}", *lines, f"group all {quorum} {names}", "quorum all", ""])
    )


class Tree:
    """A tree of made-up leaves, which may branch off from another one."""

    def __init__(self, size: int, *, fork_at: int | None = None) -> None:
        self.hashes = [
            leaf_hash(b"%d%s" % (n, b"" if fork_at is None or n < fork_at else b"'")) for n in range(size)
        ]

    def node(self, level: int, index: int) -> bytes:
        return root_of(self.hashes[index << level : (index + 1) << level])

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, root_of(self.hashes[:size]))

    def note(self, size: int, *, signer: NoteSigner = SIGNER) -> str:
        return sign_checkpoint(self.checkpoint(size), signer).note

    def path(self, old: int, new: int) -> tuple[bytes, ...]:
        return tuple(consistency_path(old, new, self.node)) if 0 < old < new else ()

    def request(self, old: int, new: int) -> bytes:
        return render_add_checkpoint(AddCheckpoint(old, self.path(old, new), self.note(new)))


def witness_in(folder: Path, number: int = 0) -> Witness:
    folder.mkdir(exist_ok=True)
    state = WitnessState.open(folder / f"witness-{number}.sqlite")
    return Witness(COSIGNERS[number], parse_logs(LOGS), state)


class Net:
    """Carries requests to witnesses by name; what stands in `acts` answers instead."""

    def __init__(
        self, witnesses: Sequence[Witness], *, at: datetime = AT, acts: Mapping[str, Act] | None = None
    ) -> None:
        self.witnesses = {f"w{number}": witness for number, witness in enumerate(witnesses)}
        self.at, self.acts = at, dict(acts or {})
        self.asked: list[tuple[str, bytes]] = []

    def __call__(self, witness: Listed, body: bytes, *, timeout: float) -> tuple[int, bytes]:
        self.asked.append((witness.name, body))
        if witness.name in self.acts:
            return self.acts[witness.name](body)
        answer: Response = self.witnesses[witness.name].add_checkpoint(body, at=self.at)
        return answer.status, answer.body
