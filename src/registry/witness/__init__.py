"""Witnesses (C2SP tlog-witness), both sides: cosign a log's checkpoints, and have one's own cosigned.

>>> import tempfile
>>> from datetime import UTC, datetime
>>> from pathlib import Path
>>> from konsens.registry import Checkpoint, Cosigner, NoteSigner, parse_policy, render_vkey, sign_checkpoint
>>> log, cosigner = NoteSigner("log.example", bytes(32)), Cosigner("witness.example", bytes(31) + b"w")
>>> policy = f"log {render_vkey(log.vkey)}\\nwitness w {render_vkey(cosigner.vkey)}\\nquorum w\\n"
>>> state = WitnessState.open(Path(tempfile.mkdtemp()) / "witness.sqlite")
>>> witness, now = Witness(cosigner, parse_logs(policy), state), datetime(2026, 11, 22, 10, tzinfo=UTC)
>>> def transport(asked, body, *, timeout):
...     answer = witness.add_checkpoint(body, at=now)
...     return answer.status, answer.body
>>> signed = sign_checkpoint(Checkpoint(log.name, 7, bytes(32)), log)
>>> collect(signed, parse_policy(policy), prove=lambda old: [], transport=transport, at=now).quorum
True
"""

from .admit import Response, parse_logs
from .collect import Answer, Collected, Transport, collect
from .level import Level, check_seen, level_of
from .merge import merge
from .request import LONGEST_REQUEST, AddCheckpoint, parse_add_checkpoint, render_add_checkpoint
from .serve import Witness
from .state import Cosigned, WitnessState
from .transport import witness_transport

__all__ = [
    "LONGEST_REQUEST",
    "AddCheckpoint",
    "Answer",
    "Collected",
    "Cosigned",
    "Level",
    "Response",
    "Transport",
    "Witness",
    "WitnessState",
    "check_seen",
    "collect",
    "level_of",
    "merge",
    "parse_add_checkpoint",
    "parse_logs",
    "render_add_checkpoint",
    "witness_transport",
]
