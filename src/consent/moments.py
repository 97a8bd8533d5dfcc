"""A moment as the book keeps it, and back: whole seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["seconds", "when"]


def seconds(at: datetime) -> int:
    """Return whole seconds since 1970."""
    return int(at.timestamp())


def when(moment: int | None) -> datetime | None:
    """Return the moment behind seconds since 1970."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC)
