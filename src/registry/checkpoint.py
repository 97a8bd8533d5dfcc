"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log, as a signed note."""

from __future__ import annotations

import re

import msgspec

from ..errors import InputError, NotTrusted
from .note import NoteSigner, VerifierKey, b64_decode, b64_encode, check_note, parse_note, sign_note
from .tree import MAX_SIZE

__all__ = [
    "Checkpoint",
    "SignedCheckpoint",
    "check_checkpoint",
    "check_origin",
    "parse_checkpoint",
    "parse_decimal",
    "parse_signed_checkpoint",
    "render_checkpoint",
    "sign_checkpoint",
]

_LINE = re.compile(r"[^\x00-\x1f\ud800-\udfff]+")  # what a line of a note may hold
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """The head of a log: its first `size` entries have the Merkle root `root`."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    """Opaque lines that other logs may add; ours never do."""

    def __post_init__(self) -> None:
        check_origin(self.origin)
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != 32:
            raise InputError("checkpoint.format")
        if not all(map(_LINE.fullmatch, self.extensions)):
            raise InputError("checkpoint.format")


class SignedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint and the signed note that it was read from or written to."""

    checkpoint: Checkpoint
    note: str


def check_origin(origin: str) -> None:
    """Raise `checkpoint.origin` for an origin that is empty, has control characters, or begins `konsens/`.

    The last, because what is signed for leaves and acknowledgements begins like this.
    """
    if not _LINE.fullmatch(origin) or origin.startswith("konsens/"):
        raise InputError("checkpoint.origin")


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint behind the text of a note (tlog-checkpoint, "Note text").

    Raises `checkpoint.format` or `checkpoint.origin`. The text is to be checked before, as a note.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop():
        raise InputError("checkpoint.format")
    origin, size, root, *extensions = lines
    try:
        return Checkpoint(origin, parse_decimal(size), b64_decode(root, size=32), tuple(extensions))
    except InputError as error:
        if error.code == "checkpoint.origin":
            raise
        raise InputError("checkpoint.format") from error


def render_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the text that log and witnesses sign."""
    lines = [checkpoint.origin, str(checkpoint.size), b64_encode(checkpoint.root), *checkpoint.extensions]
    return "".join(f"{line}\n" for line in lines)


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> SignedCheckpoint:
    """Return the checkpoint as a note signed by the log's key, whose name is the origin."""
    if signer.name != checkpoint.origin:
        raise InputError("checkpoint.origin")
    return SignedCheckpoint(checkpoint, sign_note(render_checkpoint(checkpoint), signer))


def parse_signed_checkpoint(note: str) -> SignedCheckpoint:
    """Return a note's checkpoint without looking at a signature: for what was checked before, or will be."""
    return SignedCheckpoint(parse_checkpoint(parse_note(note).unverified_text), note)


def check_checkpoint(note: str | bytes, vkey: VerifierKey) -> Checkpoint:
    """Return the checkpoint that `vkey` has signed.

    Raises `note.signature` or `note.unknown_signer`, and `checkpoint.other_origin` if the key signs for
    another origin than its name: in konsens both are one.
    """
    checkpoint = parse_checkpoint(check_note(note, [vkey]))
    if checkpoint.origin != vkey.name:
        raise NotTrusted("checkpoint.other_origin", origin=checkpoint.origin, name=vkey.name)
    return checkpoint


def parse_decimal(text: str) -> int:
    """Return a number written in ASCII digits without leading zeros, at most 19 of them."""
    if not _DECIMAL.fullmatch(text):
        raise InputError("checkpoint.format")
    return int(text)
