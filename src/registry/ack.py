"""Acknowledgements: the operator's signed word that a leaf has its place in the log (`sequenced`), no more.

>>> log = NoteSigner("log.muster.example", bytes(32))
>>> check_ack(sign_ack(7, bytes(32), signer=log), leaf_hash=bytes(32), vkey=log.vkey)
7
"""

from __future__ import annotations

from collections.abc import Sequence

from ..did import ed25519
from ..errors import InputError, VerificationError
from .checkpoint import parse_decimal
from .note import NoteSignature, NoteSigner, VerifierKey, add_signature, b64_encode, check_note, sign_note

__all__ = ["check_ack", "sign_ack", "sign_acks"]


def sign_ack(index: int, leaf_hash: bytes, *, signer: NoteSigner) -> str:
    """Return the log key's note that the leaf lies durably at `index` of the log of the signer's name."""
    return sign_note(_text(signer.name, index, leaf_hash), signer)


def sign_acks(places: Sequence[tuple[int, bytes]], *, signer: NoteSigner) -> list[str]:
    """Return what `sign_ack` returns for each index and leaf hash: a served log signs thousands a second."""
    if not places:
        return []
    first, *rest = [_text(signer.name, index, leaf_hash) for index, leaf_hash in places]
    notes, key_id = [sign_note(first, signer)], signer.vkey.id  # which looks at the text: the rest is alike
    for text, signature in zip(rest, ed25519.sign_many(signer.seed, map(str.encode, rest)), strict=True):
        notes.append(add_signature(f"{text}\n", NoteSignature(signer.name, key_id, signature)))
    return notes


def check_ack(note: str | bytes, *, leaf_hash: bytes, vkey: VerifierKey) -> int:
    """Return the index that the log of `vkey` acknowledged for this leaf.

    Raises what `check_note` raises, and `ack.other_leaf` if the note speaks of another leaf or log.
    """
    text = check_note(note, [vkey])
    try:
        index = parse_decimal(text.split("\n")[2])
    except (IndexError, InputError) as error:
        raise VerificationError("ack.other_leaf") from error
    if text != _text(vkey.name, index, leaf_hash):
        raise VerificationError("ack.other_leaf")
    return index


def _text(origin: str, index: int, leaf_hash: bytes) -> str:
    return f"konsens/ack/v1\n{origin}\n{index}\n{b64_encode(leaf_hash)}\n"
