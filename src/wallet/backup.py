"""A backup: the whole vault of one moment in one file, opened by the same passphrase.

    konsens/backup@v1 LF ‖ length of the header (4, big-endian) ‖ header ‖ nonce (12) ‖ sealed body

The header is the vault's own (`header.py`). The body is AES-256-GCM under a key of its own over JSON
`{"v":1,"created_at":…,"records":[[kind,key,value],…]}`, and everything before the nonce is associated data.
Every byte is authenticated; there is no free space and nothing after the end.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..encoding import format_time
from ..errors import Damaged, InputError, NotFound
from . import storage
from .header import MAX_HEADER_BYTES, Cost, Header, Random, parse_header, unlock
from .kind import Record
from .sealing import purpose_key
from .vault import Vault

__all__ = ["Summary", "create_backup", "read_backup", "render_backup", "restore_backup", "verify_backup"]

MAGIC = b"konsens/backup@v1\n"
MAX_BYTES = 1 << 30


class Summary(msgspec.Struct, frozen=True):
    """What a backup holds: how many records of each kind, as of when."""

    created_at: str
    counts: dict[str, int]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: int
    created_at: str
    records: list[tuple[str, str, msgspec.Raw]]

    def summary(self) -> Summary:
        counts = Counter(kind for kind, _, _ in self.records)
        return Summary(created_at=self.created_at, counts=dict(sorted(counts.items())))


def render_backup(vault: Vault, *, at: datetime, entropy: Random = os.urandom) -> tuple[bytes, Summary]:
    """Return a backup of `vault`, also while others read and write it; it needs no passphrase again."""
    records = [(kind, key, msgspec.Raw(value)) for kind, key, value in vault.dump()]
    body = _Body(v=1, created_at=format_time(at), records=records)
    header = vault.header.render()
    head = MAGIC + len(header).to_bytes(4, "big") + header
    nonce = entropy(12)
    sealed = AESGCM(vault.backup_key).encrypt(nonce, msgspec.json.encode(body), head)
    return head + nonce + sealed, body.summary()


def create_backup(
    vault: Vault, file: Path, *, at: datetime, entropy: Random = os.urandom, overwrite: bool = False
) -> Summary:
    """Write a backup of `vault` to `file`, whole or not at all.

    `backup.exists` if the file is there, unless `overwrite`.
    """
    data, summary = render_backup(vault, at=at, entropy=entropy)
    with storage.named_failures(), storage.temporary_beside(file) as temporary:
        temporary.write_bytes(data)
        storage.publish(temporary, file, taken=None if overwrite else "backup.exists")
    return summary


def verify_backup(source: Path | bytes, passphrase: str) -> Summary:
    """Read and check every record of the backup, a file or its bytes; it writes nothing.

    Raises `backup.missing`, `backup.damaged` or `wallet.passphrase`.
    """
    return _read(source, passphrase).summary()


def read_backup(source: Path | bytes, passphrase: str) -> tuple[list[Record], Summary]:
    """Return every record of the backup as (kind, key, JSON), checked like `verify_backup` does."""
    body = _read(source, passphrase)
    return [(kind, key, bytes(value)) for kind, key, value in body.records], body.summary()


def restore_backup(
    file: Path, passphrase: str, *, path: Path, entropy: Random = os.urandom, cost: Cost | None = None
) -> tuple[Vault, Summary]:
    """Create a vault at `path`, where none may be, with the records and the passphrase of the backup.

    What was backed up may be older than what the registry knows: the records come back exactly as they
    were, and whoever uses them first compares them with the log.
    """
    records, summary = read_backup(file, passphrase)
    return Vault.create(path, passphrase, records=records, entropy=entropy, cost=cost), summary


def _read(source: Path | bytes, passphrase: str) -> _Body:
    data, file = (source, "-") if isinstance(source, bytes) else (_bytes_of(source), source)
    head, header, rest = _split(data, file)
    key = purpose_key(unlock(header, passphrase), "backup")
    try:
        plain = AESGCM(key).decrypt(rest[:12], rest[12:], head)
        body = msgspec.json.decode(plain, type=_Body)
    except (InvalidTag, ValueError, msgspec.MsgspecError) as error:
        raise Damaged("backup.damaged", file=file) from error
    return body


def _bytes_of(file: Path) -> bytes:
    if file.is_dir():
        raise InputError("file.unreadable", path=file, reason=os.strerror(errno.EISDIR))
    if not file.is_file():
        raise NotFound("backup.missing", file=file)
    with storage.named_failures():
        if file.stat().st_size > MAX_BYTES:
            raise InputError("input.too_large", limit=MAX_BYTES)
        return file.read_bytes()


def _split(data: bytes, file: Path | str) -> tuple[bytes, Header, bytes]:
    start = len(MAGIC) + 4
    size = int.from_bytes(data[len(MAGIC) : start], "big")
    if not data.startswith(MAGIC) or size > MAX_HEADER_BYTES or len(data) < start + size + 12 + 16:
        raise Damaged("backup.damaged", file=file)
    try:
        header = parse_header(data[start : start + size])
    except Damaged as error:
        raise Damaged("backup.damaged", file=file) from error
    return data[: start + size], header, data[start + size :]
