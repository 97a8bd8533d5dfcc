"""Cosignatures of witnesses (C2SP tlog-cosignature, Ed25519): who saw a checkpoint as the head, and when.

>>> from datetime import UTC
>>> from .checkpoint import Checkpoint, sign_checkpoint
>>> from .note import NoteSigner
>>> log, witness = NoteSigner("log.example", bytes(32)), Cosigner("witness.example", bytes(31) + b"w")
>>> note = sign_checkpoint(Checkpoint("log.example", 0, bytes(32)), log).note
>>> note = cosign(note, witness, at=datetime(2026, 11, 22, 10, tzinfo=UTC))
>>> print(check_cosignatures(parse_note(note), [witness.vkey])[0].at)
2026-11-22 10:00:00+00:00
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from ..did import ed25519
from ..errors import VerificationError
from .checkpoint import parse_checkpoint
from .leaf import LAST_SECOND
from .note import (
    COSIGNATURE,
    NamedSeed,
    NoteSignature,
    UnverifiedNote,
    VerifierKey,
    add_signature,
    check_line,
    parse_note,
    signatures_by,
)

__all__ = ["MAP_SUFFIX", "Cosignature", "Cosigner", "check_cosignatures", "cosign"]

MAP_SUFFIX = "/konsens-map@v1"
"""How the key name of a map cosigner ends, who states more than a witness (docs/formats.md, section 10)."""


class Cosigner(NamedSeed, frozen=True):
    """Who cosigns checkpoints: a witness, with a key that it uses for nothing else."""

    @property
    def vkey(self) -> VerifierKey:
        """The key that checks this witness' cosignatures."""
        return VerifierKey(self.name, COSIGNATURE, ed25519.public_from_seed(self.seed))


class Cosignature(msgspec.Struct, frozen=True):
    """A checked statement: at `at`, this was the largest consistent head that the owner of `key` had seen."""

    key: VerifierKey
    at: datetime

    @property
    def map(self) -> bool:
        """Whether it states, too, that the seal map was computed again and is right."""
        return self.key.name.endswith(MAP_SUFFIX)


def cosign(note: str, cosigner: Cosigner, *, at: datetime) -> str:
    """Return the checkpoint note with one more cosignature; whether it may be signed is for the witness."""
    text = parse_note(note).unverified_text
    parse_checkpoint(text)
    seconds = int(at.timestamp())
    signature = ed25519.sign(cosigner.seed, _signed_bytes(text, seconds))
    stamped = seconds.to_bytes(8, "big") + signature
    return add_signature(note, NoteSignature(cosigner.name, cosigner.vkey.id, stamped))


def check_cosignatures(note: UnverifiedNote, keys: Iterable[VerifierKey]) -> list[Cosignature]:
    """Return what the witnesses of `keys` have cosigned, each with its newest time; maybe nothing.

    A wrong cosignature of a known key spoils the whole note (`note.signature`).
    """
    found = []
    for key in keys:
        times = []
        for line in signatures_by(note, key):
            seconds = int.from_bytes(line.signature[:8], "big")
            if len(line.signature) != 72 or seconds > LAST_SECOND:
                raise VerificationError("note.signature", name=key.name)
            check_line(_signed_bytes(note.unverified_text, seconds), line.signature[8:], key)
            times.append(seconds)
        if times:
            found.append(Cosignature(key, datetime.fromtimestamp(max(times), UTC)))
    return found


def _signed_bytes(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
