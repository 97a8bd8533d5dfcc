"""What the data key is for: sealing records, hiding their names, and the seal over all of them."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..encoding import sha256
from ..errors import Damaged, InputError
from .header import Header

__all__ = ["Sealing", "purpose_key"]

MAX_RECORD_BYTES = 4 << 20
STEP = 256  # sizes are rounded up, so that a length does not tell the kind


def purpose_key(data_key: bytes, label: str) -> bytes:
    """Return the key of 32 bytes for one purpose (HKDF, RFC 5869)."""
    info = f"konsens/vault/v1/{label}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(data_key)


class Sealing:
    """Seals and opens the records of one vault under one header.

    Associated data binds each body to the header (format version, vault id, cost, wrapped key) and to the
    record's name, which stands for its kind and key: a body fits one place only.
    """

    def __init__(self, header: Header, data_key: bytes) -> None:
        self.header = header
        self.backup_key = purpose_key(data_key, "backup")
        self._binding = sha256(header.render())
        self._records = AESGCM(purpose_key(data_key, "record"))
        self._names = purpose_key(data_key, "name")
        self._root = purpose_key(data_key, "root")

    def name(self, kind: str, key: str) -> bytes:
        """Return the 32 bytes under which a record stands in the file."""
        return hmac.digest(self._names, msgspec.json.encode([kind, key]), "sha256")

    def seal(self, nonce: bytes, kind: str, key: str, value: bytes) -> bytes:
        """Return the body of a record; `value` is JSON."""
        plain = msgspec.json.encode([kind, key, msgspec.Raw(value)])
        if len(plain) > MAX_RECORD_BYTES:
            raise InputError("wallet.too_large", limit=MAX_RECORD_BYTES)
        padded = plain.ljust(-(-len(plain) // STEP) * STEP)  # JSON ends with any number of spaces
        return self._records.encrypt(nonce, padded, self._binding + self.name(kind, key))

    def open(self, name: bytes, nonce: bytes, body: bytes) -> tuple[tuple[str, str], bytes]:
        """Return ((kind, key), value), or raise `wallet.record`."""
        try:
            plain = self._records.decrypt(nonce, body, self._binding + name)
            kind, key, value = msgspec.json.decode(plain, type=tuple[str, str, msgspec.Raw])
        except (InvalidTag, ValueError, msgspec.MsgspecError) as error:
            raise Damaged("wallet.record") from error
        return (kind, key), bytes(value)

    def root(self, versions: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the seal over which records there are, each in which version.

        A version is (name, nonce), in the order of names: a nonce is never used twice, so it stands for
        the body that was sealed with it.
        """
        listed = b"".join(name + nonce for name, nonce in versions)
        return hmac.digest(self._root, self._binding + listed, "sha256")
