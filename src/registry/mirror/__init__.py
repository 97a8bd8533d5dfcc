"""Mirrors: full copies of a log that anybody keeps, verifies entry by entry, and can prove from.

>>> import tempfile
>>> from datetime import UTC, datetime
>>> from pathlib import Path
>>> from konsens.registry import NoteSigner, PublicLeaf, Registry, SignerHead
>>> home, signer = Path(tempfile.mkdtemp()), NoteSigner("log.muster.example", bytes(32))
>>> noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
>>> with Registry.create(home / "registry", origin=signer.name, signer=signer) as registry:
...     _ = registry.append([PublicLeaf(bytes(32))])
...     _ = registry.publish(signer, at=noon, remembered=SignerHead(home / "signed"))
>>> with Mirror.open(home / "mirror", vkey=signer.vkey) as mirror:
...     mirror.follow(FolderSource(home / "registry"), at=noon).checkpoint.size
2
"""

from .cosign import cosign_copy, map_cosigner
from .evidence import accuse_entries, accuse_fork, accuse_hidden_seal, keep_evidence
from .follow import Followed, Mirror
from .fraud import (
    BadEntries,
    Fork,
    Fraud,
    HiddenSeal,
    Included,
    Proven,
    check_fraud,
    parse_fraud,
    render_fraud,
)
from .hidden import accuse_by_buckets
from .monitor import Break, Monitor, Polled, Problem
from .receive import Receiver
from .source import FolderSource, Note, Noted, Source
from .state import MirrorState
from .upload import MirrorTransport, upload

__all__ = [
    "BadEntries",
    "Break",
    "FolderSource",
    "Followed",
    "Fork",
    "Fraud",
    "HiddenSeal",
    "Included",
    "Mirror",
    "MirrorState",
    "MirrorTransport",
    "Monitor",
    "Note",
    "Noted",
    "Polled",
    "Problem",
    "Proven",
    "Receiver",
    "Source",
    "accuse_by_buckets",
    "accuse_entries",
    "accuse_fork",
    "accuse_hidden_seal",
    "check_fraud",
    "cosign_copy",
    "keep_evidence",
    "map_cosigner",
    "parse_fraud",
    "render_fraud",
    "upload",
]
