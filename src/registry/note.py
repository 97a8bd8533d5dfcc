"""Signed notes (C2SP signed-note): a text and, below an empty line, who signed it.

>>> signer = NoteSigner("log.muster.example", bytes(32))
>>> note = sign_note("hello\\n", signer)
>>> check_note(note, [signer.vkey])
'hello\\n'
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Literal

import msgspec

from ..did import ed25519
from ..errors import InputError, NotTrusted, VerificationError
from . import ml_dsa

__all__ = [
    "COSIGNATURE",
    "ED25519",
    "ML_DSA_44",
    "NamedSeed",
    "NoteSignature",
    "NoteSigner",
    "SignatureType",
    "UnverifiedNote",
    "VerifierKey",
    "add_signature",
    "b64_decode",
    "b64_encode",
    "check_key_name",
    "check_line",
    "check_note",
    "check_signatures",
    "parse_note",
    "parse_vkey",
    "render_vkey",
    "sign_note",
    "signatures_by",
]

SignatureType = Literal[1, 4, 6]

ED25519: SignatureType = 1
"""Ed25519 over the text of the note (signed-note, "Signature types")."""
COSIGNATURE: SignatureType = 4
"""Ed25519 of a witness over time and checkpoint (tlog-cosignature)."""
ML_DSA_44: SignatureType = 6
"""ML-DSA-44 of a witness, a mirror or the log itself over time and tree (tlog-cosignature)."""

# "MUST accept at least up to 16 signatures", each of nearly 5 kB when post-quantum (signed-note, "Format").
MAX_SIGNATURES = 64
MAX_BYTES = 1 << 19

_TYPES: dict[bytes, SignatureType] = {bytes([kind]): kind for kind in (ED25519, COSIGNATURE, ML_DSA_44)}
_KEY_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")  # \s is every Unicode space
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")  # all below U+0020 but the newline


class VerifierKey(msgspec.Struct, frozen=True):
    """Whose signature is looked for: key name, signature type and public key. The ID follows from them."""

    name: str
    type: SignatureType
    public: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if self.type == ML_DSA_44:
            ml_dsa.check_public(self.public)
        else:
            ed25519.check_point(self.public)

    @property
    def id(self) -> bytes:
        """The four bytes that a signature line begins with (signed-note, "Signatures")."""
        return sha256(b"%s\n%c%s" % (self.name.encode(), self.type, self.public)).digest()[:4]


class NamedSeed(msgspec.Struct, frozen=True):
    """A key name and the 32 bytes that a private key follows from, which are never shown."""

    name: str
    seed: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.seed) != 32:
            raise InputError("key.format")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, …)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("name", self.name)]


class NoteSigner(NamedSeed, frozen=True):
    """Who signs notes: a log, under its origin."""

    @property
    def vkey(self) -> VerifierKey:
        """The key that checks what this signer signs."""
        return VerifierKey(self.name, ED25519, ed25519.public_from_seed(self.seed))


class NoteSignature(msgspec.Struct, frozen=True):
    """One signature line: key name, key ID and the bytes that the signature type gives meaning to."""

    name: str
    id: bytes
    signature: bytes


class UnverifiedNote(msgspec.Struct, frozen=True):
    """A note taken apart. Its text means nothing before a trusted key's signature was checked."""

    unverified_text: str
    signatures: tuple[NoteSignature, ...]


def parse_vkey(text: str) -> VerifierKey:
    """Return the key behind `<name>+<key ID>+<base64>` (signed-note, "Verifier keys"), or raise `note.vkey`.

    Taken are Ed25519 keys and witness keys (Ed25519, ML-DSA-44), with the key ID that the specification
    computes.
    """
    name, _, rest = text.partition("+")
    id_hex, _, material = rest.partition("+")
    try:
        raw = b64_decode(material)
        kind = _TYPES.get(raw[:1])
        if kind is None:
            raise InputError("note.vkey")
        key = VerifierKey(name, kind, raw[1:])
    except InputError as error:
        raise InputError("note.vkey") from error
    if id_hex != key.id.hex():
        raise InputError("note.vkey")
    return key


def render_vkey(key: VerifierKey) -> str:
    """Return the text form of a key, without a newline."""
    return f"{key.name}+{key.id.hex()}+{b64_encode(bytes([key.type]) + key.public)}"


def sign_note(text: str, *signers: NoteSigner) -> str:
    """Return `text` as a note with the signature of every signer."""
    note = text + "\n"
    for signer in signers:
        signature = ed25519.sign(signer.seed, text.encode())
        note = add_signature(note, NoteSignature(signer.name, signer.vkey.id, signature))
    parse_note(note)  # refuses a text that cannot be a note's
    return note


def add_signature(note: str, signature: NoteSignature) -> str:
    """Return the note with one more signature line."""
    return f"{note}— {signature.name} {b64_encode(signature.id + signature.signature)}\n"


def parse_note(note: str | bytes) -> UnverifiedNote:
    """Return text and signature lines of a note, or raise `note.format` or `note.too_large`."""
    try:
        raw = note.encode() if isinstance(note, str) else note
        text = raw.decode()
    except UnicodeError as error:
        raise InputError("note.format") from error
    if len(raw) > MAX_BYTES:
        raise InputError("note.too_large", limit=MAX_BYTES)
    if _CONTROL.search(text):
        raise InputError("note.format")
    body, gap, lines = text.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise InputError("note.format")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise InputError("note.too_large", limit=MAX_BYTES)
    return UnverifiedNote(body + "\n", tuple(_parse_signature(line) for line in signatures))


def check_note(note: str | bytes, keys: Iterable[VerifierKey]) -> str:
    """Return the text of a note that at least one of `keys` (of type Ed25519) has signed.

    Signatures of unknown keys are ignored. A wrong signature of a known key spoils the whole note
    (`note.signature`); `note.unknown_signer` if none of the keys has signed.
    """
    parsed = parse_note(note)
    if not check_signatures(parsed, keys):
        raise NotTrusted("note.unknown_signer")
    return parsed.unverified_text


def check_signatures(note: UnverifiedNote, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Return which of `keys` (of type Ed25519) have signed; a wrong signature raises `note.signature`."""
    found = [(key, line) for key in keys for line in signatures_by(note, key)]
    for key, line in found:
        check_line(note.unverified_text.encode(), line.signature, key)
    return [key for key, _ in found]


def signatures_by(note: UnverifiedNote, key: VerifierKey) -> Sequence[NoteSignature]:
    """Return the lines that bear name and key ID of `key`, not yet checked."""
    return [line for line in note.signatures if line.name == key.name and line.id == key.id]


def check_line(message: bytes, signature: bytes, key: VerifierKey) -> None:
    """Raise `note.signature` unless `signature` over `message` is by `key`."""
    check = ml_dsa.check_signature if key.type == ML_DSA_44 else ed25519.check_signature
    try:
        check(key.public, message, signature)
    except VerificationError as error:
        raise VerificationError("note.signature", name=key.name) from error


def check_key_name(name: str) -> None:
    """Raise `note.key_name` for a name that is empty or has spaces, control characters or a plus."""
    if not _KEY_NAME.fullmatch(name):
        raise InputError("note.key_name")


def b64_encode(data: bytes) -> str:
    """Return standard base64 with padding (RFC 4648, section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def b64_decode(text: str, *, size: int | None = None) -> bytes:
    """Return the bytes behind canonical standard base64, or raise `note.base64`."""
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
        if b64_encode(data) != text or (size is not None and len(data) != size):
            raise ValueError
    except ValueError as error:
        raise InputError("note.base64") from error
    return data


def _parse_signature(line: str) -> NoteSignature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        check_key_name(name)
        raw = b64_decode(encoded)
        if dash != "—" or len(raw) < 5:
            raise InputError("note.format")
    except InputError as error:
        raise InputError("note.format") from error
    return NoteSignature(name, raw[:4], raw[4:])
