"""The head of a vault or backup: how a passphrase becomes the data key.

A random data key encrypts the records; the header carries it wrapped (AES-256-GCM) under a key that
Argon2id (RFC 9106) makes of the passphrase. Every other member is associated data of that wrapping, so a
changed header opens nothing; `check` tells damage from a wrong passphrase.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from .. import strict_json
from ..encoding import b64u_decode, b64u_encode, jcs, sha256
from ..errors import Damaged, InputError, Locked

__all__ = ["MAX_HEADER_BYTES", "Cost", "Header", "Random", "make_header", "parse_header", "unlock"]

Random = Callable[[int], bytes]

MAX_HEADER_BYTES = 2048


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one guess of the passphrase costs (RFC 9106, section 3.1).

    The caps hold when a header is read: at worst 256 MiB and about two seconds, whatever a hostile file
    asks for. A cheaper header than the default is read too: it protects less, but only its own file.
    """

    memory_kib: Annotated[int, msgspec.Meta(ge=64, le=256 * 1024)] = 64 * 1024
    iterations: Annotated[int, msgspec.Meta(ge=1, le=8)] = 3
    lanes: Annotated[int, msgspec.Meta(ge=1, le=8)] = 4


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The members of a header as they stand in the file."""

    v: int
    vault: str  # 16 random bytes: the records of one vault fit no other
    kdf: Literal["argon2id"]
    cost: Cost
    salt: str
    has_passphrase: bool
    wrapped: str
    check: str  # SHA-256 of all other members, in hex

    def render(self) -> bytes:
        """Return the bytes of the file: JCS, the only spelling that is read."""
        return jcs(msgspec.to_builtins(self))


def make_header(
    passphrase: str, *, entropy: Random, cost: Cost, vault: str | None = None
) -> tuple[Header, bytes]:
    """Return a header and the new data key that it wraps; the id of the vault may be kept."""
    data_key, salt, nonce = entropy(32), entropy(16), entropy(12)
    bare = Header(
        v=1,
        vault=vault or entropy(16).hex(),
        kdf="argon2id",
        cost=cost,
        salt=b64u_encode(salt),
        has_passphrase=bool(passphrase),
        wrapped="",
        check="",
    )
    sealed = AESGCM(_stretch(passphrase, salt, cost)).encrypt(nonce, data_key, bare.render())
    wrapped = msgspec.structs.replace(bare, wrapped=b64u_encode(nonce + sealed))
    return msgspec.structs.replace(wrapped, check=sha256(wrapped.render()).hex()), data_key


def parse_header(data: bytes) -> Header:
    """Return the header behind `data`, or raise `wallet.header`, or `wallet.version` for a later format."""
    try:
        members = strict_json.parse(data, max_bytes=MAX_HEADER_BYTES, max_depth=2)
        if isinstance(members, dict) and isinstance(members.get("v"), int) and members["v"] > 1:
            raise InputError("wallet.version", version=members["v"])
        header = strict_json.convert(members, Header)
        bare = msgspec.structs.replace(header, check="")
        if header.v != 1 or header.render() != data or header.check != sha256(bare.render()).hex():
            raise Damaged("wallet.header")
        b64u_decode(header.salt, size=16)
        b64u_decode(header.wrapped, size=12 + 32 + 16)
    except InputError as error:
        if error.code == "wallet.version":
            raise
        raise Damaged("wallet.header") from error
    return header


def unlock(header: Header, passphrase: str) -> bytes:
    """Return the data key, or raise `wallet.passphrase`."""
    wrapped = b64u_decode(header.wrapped)
    bare = msgspec.structs.replace(header, wrapped="", check="")
    key = _stretch(passphrase, b64u_decode(header.salt), header.cost)
    try:
        return AESGCM(key).decrypt(wrapped[:12], wrapped[12:], bare.render())
    except InvalidTag as error:
        raise Locked("wallet.passphrase") from error


def _stretch(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    # NFC: keyboards of different systems spell the same umlaut differently.
    letters = unicodedata.normalize("NFC", passphrase).encode()
    kdf = Argon2id(
        salt=salt, length=32, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory_kib
    )
    return kdf.derive(letters)
