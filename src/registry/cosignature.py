"""Cosignatures (C2SP tlog-cosignature, Ed25519 and ML-DSA-44): who saw a checkpoint as the head, and when.

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
from ..errors import InputError, VerificationError
from . import ml_dsa
from .checkpoint import Checkpoint, parse_checkpoint
from .leaf import LAST_SECOND
from .note import (
    COSIGNATURE,
    ML_DSA_44,
    NamedSeed,
    NoteSignature,
    UnverifiedNote,
    VerifierKey,
    add_signature,
    check_line,
    parse_note,
    signatures_by,
)

__all__ = ["MAP_SUFFIX", "Cosignature", "Cosigner", "MlDsaCosigner", "check_cosignatures", "cosign"]

MAP_SUFFIX = "/konsens-map@v1"
"""How the key name of a map cosigner ends, who states more than a witness (docs/formats.md, section 10)."""
LONGEST_NAME = 255


class Cosigner(NamedSeed, frozen=True):
    """Who cosigns checkpoints: a witness, with a key that it uses for nothing else."""

    @property
    def vkey(self) -> VerifierKey:
        """The key that checks this witness' cosignatures."""
        return VerifierKey(self.name, COSIGNATURE, ed25519.public_from_seed(self.seed))


class MlDsaCosigner(NamedSeed, frozen=True):
    """Who cosigns checkpoints with ML-DSA-44: a witness, or a log beside its Ed25519 signature.

    One key may serve under several names: what is signed names the cosigner.
    """

    @property
    def vkey(self) -> VerifierKey:
        """The key that checks these cosignatures."""
        return VerifierKey(self.name, ML_DSA_44, ml_dsa.public_from_seed(self.seed))


class Cosignature(msgspec.Struct, frozen=True):
    """A checked statement: at `at`, this was the largest consistent head that the owner of `key` had seen."""

    key: VerifierKey
    at: datetime

    @property
    def map(self) -> bool:
        """Whether it states, too, that the seal map was computed again and is right."""
        return self.key.name.endswith(MAP_SUFFIX)


def cosign(note: str, cosigner: Cosigner | MlDsaCosigner, *, at: datetime) -> str:
    """Return the checkpoint note with one more cosignature; whether it may be signed is for the witness."""
    text, vkey = parse_note(note).unverified_text, cosigner.vkey
    seconds = int(at.timestamp())
    parse_checkpoint(text)
    message = _signed_bytes(text, seconds, vkey)
    sign = ml_dsa.sign if vkey.type == ML_DSA_44 else ed25519.sign
    stamped = seconds.to_bytes(8, "big") + sign(cosigner.seed, message)
    return add_signature(note, NoteSignature(vkey.name, vkey.id, stamped))


def check_cosignatures(note: UnverifiedNote, keys: Iterable[VerifierKey]) -> list[Cosignature]:
    """Return what the witnesses of `keys` have cosigned, each with its newest time; maybe nothing.

    A wrong cosignature of a known key spoils the whole note (`note.signature`). With ML-DSA-44 a time of 0
    says that the log is consistent, and nothing about when ("ML-DSA-44 signed message"): as old as can be.
    """
    found = []
    for key in keys:
        size = 8 + (ml_dsa.SIGNATURE_SIZE if key.type == ML_DSA_44 else 64)
        times = []
        for line in signatures_by(note, key):
            seconds = int.from_bytes(line.signature[:8], "big")
            if len(line.signature) != size or seconds > LAST_SECOND:
                raise VerificationError("note.signature", name=key.name)
            check_line(_signed_bytes(note.unverified_text, seconds, key), line.signature[8:], key)
            times.append(seconds)
        if times:
            found.append(Cosignature(key, datetime.fromtimestamp(max(times), UTC)))
    return found


def _signed_bytes(text: str, seconds: int, key: VerifierKey) -> bytes:
    if key.type == ML_DSA_44:
        return _tree_message(parse_checkpoint(text), seconds, key.name)
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _tree_message(checkpoint: Checkpoint, seconds: int, name: str) -> bytes:
    """Return the `cosigned_message` of a whole tree ("ML-DSA-44 signed message"): without extension lines."""
    return b"".join(
        [
            b"subtree/v1\n\0" + _opaque(name) + seconds.to_bytes(8, "big"),
            _opaque(checkpoint.origin) + bytes(8) + checkpoint.size.to_bytes(8, "big") + checkpoint.root,
        ]
    )


def _opaque(name: str) -> bytes:
    """Return `opaque <1..2^8-1>` (RFC 8446, section 3.4)."""
    data = name.encode()
    if len(data) > LONGEST_NAME:
        raise InputError("note.key_name")
    return bytes([len(data)]) + data
