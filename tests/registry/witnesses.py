"""Two logs that people trust, many witnesses, and a checkpoint to cosign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from konsens.registry.checkpoint import Checkpoint, sign_checkpoint
from konsens.registry.cosignature import Cosigner, cosign
from konsens.registry.note import NoteSigner, render_vkey

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOGS = [NoteSigner(f"log-{number}.example", bytes([100 + number]) * 32) for number in range(33)]
WITNESSES = [Cosigner(f"witness-{number}.example", bytes([number]) * 32) for number in range(1, 34)]
L0, L1 = (render_vkey(log.vkey) for log in LOGS[:2])
W = [render_vkey(witness.vkey) for witness in WITNESSES]
NOTE = sign_checkpoint(Checkpoint(LOGS[0].name, 7, bytes(32)), LOGS[0]).note

THREE = f"witness a {W[0]}\nwitness b {W[1]}\nwitness c {W[2]}\n"


def cosigned(*witnesses: int) -> str:
    """Return the note with the cosignatures of these witnesses, each a minute after the one before."""
    note = NOTE
    for later, number in enumerate(witnesses):
        note = cosign(note, WITNESSES[number], at=NOON + timedelta(minutes=later))
    return note
