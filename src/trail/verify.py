"""One door for everything that can be verified: `verify` says what a file is, and whether it holds."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from ..errors import InputError, NotFound
from .check import check_bundle
from .container import read_container
from .result import Report
from .trust import Trust
from .verify_credential import check_credential, check_receipts
from .verify_message import check_message
from .verify_proof import check_proof

__all__ = ["verify"]

MAX_BYTES = 16 << 20  # of anything but a bundle
_PROOFS = ("c2sp.org/tlog-proof@v1", "konsens/consistency@v1")
_EVIDENCE = ("konsens/fork", "konsens/hidden-seal", "konsens/bad-entries")
_MESSAGES = ("konsens/events", "konsens/request", "konsens/question", "konsens/answer")


def verify(
    source: bytes | Path,
    trust: Trust,
    *,
    at: datetime,
    entry: bytes | None = None,
    seal: bytes | None = None,
) -> Report:
    """Return what a file is and what of it holds, by the verifier's own trust; nothing of it is believed.

    A bundle (path or bytes), a tlog-proof (with `entry`, the bytes of what is proven, and `seal`, where it
    is about one), a credential or receipt, a message, or evidence that an operator lied. Failures are in the
    report, the first of them decides the exit code. Raised are only `bundle.…` (9) where a bundle's container
    is damaged, and `trail.not_recognised`, `message.empty`, `input.too_large`, `file.unreadable` (2) and
    `file.missing` (5).
    """
    data = _beginning(source)
    if _is_zip(data):
        with read_container(source) as container:
            return check_bundle(container, trust, at=at)
    if len(data) > MAX_BYTES:
        raise InputError("input.too_large", limit=MAX_BYTES)
    text = data.decode("utf-8", "replace").strip("\r\n")
    if text.startswith(_PROOFS):
        return check_proof(text + "\n", trust, entry=entry, seal=seal)
    if text.startswith("{"):
        return _check_json(data, trust, at=at)
    if "~" in text and text.count(".") >= 2:
        return check_credential(text, trust, at=at)
    raise InputError("trail.not_recognised")


def _beginning(source: bytes | Path) -> bytes:
    """Return enough of a file to tell what it is; all of it, but for a bundle."""
    if isinstance(source, bytes):
        return source
    try:
        with source.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound("file.missing", path=source) from error
    except OSError as error:
        raise InputError("file.unreadable", path=source, reason=error.strerror) from error


def _is_zip(data: bytes) -> bool:
    """Tell by any of a zip's marks, so that a damaged one is still taken for what it was."""
    return data.startswith(b"PK") or b"PK\x05\x06" in data[-22:] or b"manifest.json" in data[:MAX_BYTES]


def _check_json(data: bytes, trust: Trust, *, at: datetime) -> Report:
    try:
        value = json.loads(data)  # only to see what it says it is; the strict door comes later
        kind = value.get("type") if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        kind = next((one for one in _ALL if f'"{one}"'.encode() in data), None)
    if kind == "konsens/credential":
        return check_credential(data, trust, at=at)
    if kind == "konsens/receipts":
        return check_receipts(data, trust, at=at)
    if kind in _MESSAGES:
        return check_message(data, str(kind), trust, at=at)
    if kind in _EVIDENCE:
        from .verify_fraud import check_evidence  # loading mirrors takes longer than checking a message

        return check_evidence(data, trust)
    raise InputError("trail.not_recognised")


_ALL = (*_MESSAGES, *_EVIDENCE, "konsens/credential", "konsens/receipts")
