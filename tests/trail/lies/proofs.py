"""Proofs about another entry, another checkpoint, another log."""

from __future__ import annotations

from konsens.encoding import sha256
from konsens.registry import Checkpoint, NoteSigner, parse_proof, render_proof, render_vkey, sign_checkpoint

from ..forge import Files, event_of
from ..town import Town

__all__ = ["LIES"]

LOG = f"logs/{sha256(b'log.muster.example').hex()}"


def swap_events_proofs(files: Files, _: Town) -> None:
    one, two = event_of(files, "given"), event_of(files, "opened")
    first, second = f"proofs/{one}.tlog-proof", f"proofs/{two}.tlog-proof"
    files[first], files[second] = files[second], files[first]


def older_checkpoint(files: Files, town: Town) -> None:
    files[f"{LOG}/checkpoint"] = _older(town)


def older_proof(files: Files, town: Town) -> None:
    name = f"proofs/{event_of(files, 'opened')}.tlog-proof"
    proof = parse_proof(files[name])
    old = type(proof)(proof.index, proof.path, _older(town).decode())
    files[name] = render_proof(old).encode()


def _older(town: Town) -> bytes:
    rows = town.world.registry._store.checkpoints(0)
    return str(rows[0][1]).encode()


def foreign_log(files: Files, _: Town) -> None:
    """Another log under the same name: a key and a checkpoint of its own."""
    other = NoteSigner("log.muster.example", b"o" * 32)
    note = sign_checkpoint(Checkpoint("log.muster.example", 38, bytes(32)), other).note
    old = files[f"{LOG}/checkpoint"].decode()
    for name, data in files.items():
        files[name] = data.replace(old.encode(), note.encode())
    files[f"{LOG}/vkey"] = f"{render_vkey(other.vkey)}\n".encode()


def unknown_log(files: Files, _: Town) -> None:
    other = NoteSigner("log.other.example", b"o" * 32)
    files[f"{LOG}/vkey"] = f"{render_vkey(other.vkey)}\n".encode()


def change_a_path(files: Files, _: Town) -> None:
    name = f"proofs/{event_of(files, 'given')}.tlog-proof"
    proof = parse_proof(files[name])
    path = (bytes(32), *proof.path[1:])
    files[name] = render_proof(type(proof)(proof.index, path, proof.checkpoint_note)).encode()


LIES = [
    (swap_events_proofs, "bundle.proof"),
    (older_checkpoint, "bundle.proof"),
    (older_proof, "bundle.proof"),
    (foreign_log, "trust.log_key"),
    (unknown_log, "trust.log"),
    (change_a_path, "log.inclusion"),
]
