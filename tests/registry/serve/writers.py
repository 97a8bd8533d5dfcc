"""Logs in folders with one writer, as a served log has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from konsens.registry import (
    NoteSigner,
    PublicLeaf,
    Registry,
    SealLeaf,
    SealLog,
    SignedCheckpoint,
    SignerHead,
    make_seal_leaf,
)
from konsens.registry.serve import GroupCommit

SIGNER = NoteSigner("log.muster.example", bytes(32))


def seal_leaf(number: int, *, commitment: bytes = bytes(32)) -> SealLeaf:
    return make_seal_leaf(sha256(f"leaf {number}".encode()).digest(), commitment, origin=SIGNER.name)


def public_leaf(number: int) -> PublicLeaf:
    return PublicLeaf(sha256(f"notice {number}".encode()).digest())


def publisher(home: Path) -> Callable[[SealLog], SignedCheckpoint]:
    """Return what signs with the operator's key, as a home does."""
    remembered = SignerHead(home / "signed.json")
    return lambda log: log.publish(SIGNER, at=datetime.now(UTC), remembered=remembered)


@contextmanager
def writing(home: Path, *, pause: float = 0.0) -> Iterator[tuple[GroupCommit, Path]]:
    """Make a log below `home` and yield its one writer, and its folder."""
    folder = home / "registry"
    if not folder.exists():
        Registry.create(folder, origin=SIGNER.name, signer=SIGNER).close()
    with GroupCommit(lambda: Registry.open(folder), publisher(home), pause=pause) as intake:
        yield intake, folder
