"""The privacy officer's part: ask the book, export what it holds, and verify what others hand over.

>>> from datetime import UTC, datetime
>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> from konsens.registry import NoteSigner, PublicLeaf, Registry, SignerHead, render_vkey
>>> from konsens.trail import parse_trust, verify
>>> now = datetime(2026, 11, 22, tzinfo=UTC)
>>> operator = NoteSigner("log.muster.example", bytes(32))
>>> leaf = PublicLeaf(bytes(32))
>>> with TemporaryDirectory() as folder:
...     with Registry.create(Path(folder) / "log", origin=operator.name, signer=operator) as log:
...         (index,) = log.append([leaf])
...         _ = log.publish(operator, at=now, remembered=SignerHead(Path(folder) / "head"))
...         proof = log.prove_inclusion(index).encode()
>>> trust = parse_trust(f'v = 1\\npolicy = "log {render_vkey(operator.vkey)}\\\\nquorum none"\\n')
>>> verified = verify(proof, trust, at=now, entry=leaf.entry)
>>> verified.kind, verified.ok
('proof', True)
"""

from __future__ import annotations

from .bundle import Identity
from .container import Container, read_container, write_container
from .desk import Desk
from .export import Exported, export, prove
from .query import Query, query
from .report import render_report
from .result import Answer, Check, Report, Shown
from .search import Wording, search, wording
from .trust import Trust, TrustedCompany, TrustFile, parse_trust, render_trust
from .verify import verify
from .view import EventLine, Finding, NoticeText, RecordLine, TrailView, UseLine

__all__ = [
    "Answer",
    "Check",
    "Container",
    "Desk",
    "EventLine",
    "Exported",
    "Finding",
    "Identity",
    "NoticeText",
    "Query",
    "RecordLine",
    "Report",
    "Shown",
    "TrailView",
    "Trust",
    "TrustFile",
    "TrustedCompany",
    "UseLine",
    "Wording",
    "export",
    "parse_trust",
    "prove",
    "query",
    "read_container",
    "render_report",
    "render_trust",
    "search",
    "verify",
    "wording",
    "write_container",
]
