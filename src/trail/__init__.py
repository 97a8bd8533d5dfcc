"""The privacy officer's part: ask the book, export what it holds, and verify what others hand over.

>>> from datetime import UTC, datetime
>>> from konsens.trail import parse_trust, verify
>>> nobody = parse_trust('v = 1\\npolicy = "quorum none"\\n')
>>> now = datetime(2026, 11, 22, tzinfo=UTC)
>>> report = verify(b'{"type":"konsens/events","v":1,"events":[]}', nobody, at=now)
>>> report.kind, report.ok
('message', True)
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
