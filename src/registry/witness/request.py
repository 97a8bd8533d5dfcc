"""The body of `add-checkpoint` (C2SP tlog-witness): the size that the witness has, the way on, and the note.

>>> from konsens.registry import Checkpoint, NoteSigner, sign_checkpoint
>>> log = NoteSigner("log.muster.example", bytes(32))
>>> signed = sign_checkpoint(Checkpoint(log.name, 7, bytes(32)), log)
>>> parse_add_checkpoint(render_add_checkpoint(AddCheckpoint(0, (), signed.note))).old_size
0
"""

from __future__ import annotations

import msgspec

from ...errors import InputError
from ..checkpoint import parse_decimal
from ..note import MAX_BYTES, b64_decode, b64_encode

__all__ = ["LONGEST_REQUEST", "AddCheckpoint", "parse_add_checkpoint", "render_add_checkpoint"]

MAX_PROOF_LINES = 63
LONGEST_REQUEST = MAX_BYTES + 64 * 64
"""How many bytes a request may have: a note, and 63 lines of hashes before it."""


class AddCheckpoint(msgspec.Struct, frozen=True):
    """What a log asks a witness: cosign this checkpoint, which goes on from the `old_size` that you have."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Return what the body of a request says, or raise `witness.request`. The note is not looked into."""
    try:
        if len(body) > LONGEST_REQUEST:
            raise InputError("witness.request")
        head, gap, note = body.decode().partition("\n\n")
        first, *proof = head.split("\n")
        if not gap or not first.startswith("old ") or len(proof) > MAX_PROOF_LINES:
            raise InputError("witness.request")
        hashes = tuple(b64_decode(line, size=32) for line in proof)
        return AddCheckpoint(parse_decimal(first[4:]), hashes, note)
    except (InputError, UnicodeDecodeError) as error:
        raise InputError("witness.request") from error


def render_add_checkpoint(request: AddCheckpoint) -> bytes:
    """Return the body of the request."""
    return "\n".join([f"old {request.old_size}", *map(b64_encode, request.proof), "", request.note]).encode()
