"""The three leaves of the log, byte for byte: seal, head and public leaf.

A leaf is random-looking bytes of fixed size: no name, no purpose, no time of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from ..did import ed25519
from ..errors import InputError, VerificationError

__all__ = [
    "HEAD_LEAF_SIZE",
    "LAST_SECOND",
    "PUBLIC_LEAF_SIZE",
    "SEAL_LEAF_SIZE",
    "HeadLeaf",
    "Leaf",
    "PublicLeaf",
    "SealLeaf",
    "check_seal_leaf",
    "make_seal_leaf",
    "parse_leaf",
    "seal_of",
]

SEAL_LEAF_SIZE, HEAD_LEAF_SIZE, PUBLIC_LEAF_SIZE = 129, 73, 33
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last moment that a date can show


class SealLeaf(msgspec.Struct, frozen=True):
    """One event of some lane: a one-time key, what it commits to, and its signature over that."""

    key: bytes
    commitment: bytes
    signature: bytes

    def __post_init__(self) -> None:
        if len(self.key) != 32 or len(self.commitment) != 32 or len(self.signature) != 64:
            raise InputError("leaf.format")

    @property
    def entry(self) -> bytes:
        """The 129 bytes that lie in the log."""
        return b"\x01" + self.key + self.commitment + self.signature

    @property
    def seal(self) -> bytes:
        """The seal that this leaf breaks: SHA-256 of its key."""
        return seal_of(self.key)


class HeadLeaf(msgspec.Struct, frozen=True):
    """A block header: commits to the seal map of all entries before it, and chains to the header before."""

    map_root: bytes
    previous: bytes
    seconds: int

    def __post_init__(self) -> None:
        if len(self.map_root) != 32 or len(self.previous) != 32 or not 0 <= self.seconds <= LAST_SECOND:
            raise InputError("leaf.format")

    @property
    def entry(self) -> bytes:
        """The 73 bytes that lie in the log."""
        return b"\x02" + self.map_root + self.previous + self.seconds.to_bytes(8, "big")

    @property
    def at(self) -> datetime:
        """The moment that the sequencer claims."""
        return datetime.fromtimestamp(self.seconds, UTC)


class PublicLeaf(msgspec.Struct, frozen=True):
    """The hash of something that a member publishes: a notice, a key history."""

    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != 32:
            raise InputError("leaf.format")

    @property
    def entry(self) -> bytes:
        """The 33 bytes that lie in the log."""
        return b"\x03" + self.digest


Leaf = SealLeaf | HeadLeaf | PublicLeaf


def parse_leaf(entry: bytes) -> Leaf:
    """Return the leaf behind the bytes of an entry, or raise `leaf.format`. Signatures are not checked."""
    kind = (entry[:1], len(entry))
    if kind == (b"\x01", SEAL_LEAF_SIZE):
        return SealLeaf(entry[1:33], entry[33:65], entry[65:])
    if kind == (b"\x02", HEAD_LEAF_SIZE):
        return HeadLeaf(entry[1:33], entry[33:65], int.from_bytes(entry[65:], "big"))
    if kind == (b"\x03", PUBLIC_LEAF_SIZE):
        return PublicLeaf(entry[1:])
    raise InputError("leaf.format")


def seal_of(public_key: bytes) -> bytes:
    """Return the seal of a one-time public key: its SHA-256."""
    return sha256(public_key).digest()


def make_seal_leaf(seed32: bytes, commitment: bytes, *, origin: str) -> SealLeaf:
    """Return the leaf with which the one-time key of `seed32` commits, in the log `origin` only."""
    signature = ed25519.sign(seed32, _signed_bytes(origin, commitment))
    return SealLeaf(ed25519.public_from_seed(seed32), commitment, signature)


def check_seal_leaf(leaf: SealLeaf, *, origin: str) -> None:
    """Raise unless the leaf is signed by its own key for the log `origin`.

    The one function by which sequencer, mirror, fsck and verifier judge a leaf: they could not agree on a
    log otherwise. `key.weak` for a key of small order or in a second spelling, else `leaf.signature`: for
    R of that kind, S ≥ L, and a leaf made for another log, too.
    """
    try:
        ed25519.check_signature(leaf.key, _signed_bytes(origin, leaf.commitment), leaf.signature)
    except VerificationError as error:
        if error.code == "key.weak":
            raise
        raise VerificationError("leaf.signature", origin=origin) from error


def _signed_bytes(origin: str, commitment: bytes) -> bytes:
    return b"konsens/leaf/v1\n" + origin.encode() + b"\n" + commitment
