"""Words that several commands share: states and events in the person's language, times for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .frame import Frame

__all__ = ["StateName", "moment", "short", "state_word", "type_word"]

StateName = Literal[
    "requested",
    "deferred",
    "refused",
    "pending",
    "given",
    "renewed",
    "withdrawn",
    "expired",
    "lapsed",
    "revoked",
    "superseded",
    "invalidated",
]
"""The states of consent, for an option."""


_STATES = {
    "requested": ("⏳", "erbeten"),
    "deferred": ("⏳", "vertagt"),
    "refused": ("✖", "abgelehnt"),
    "pending": ("⏳", "unbestätigt"),
    "given": ("✔", "erteilt"),
    "renewed": ("✔", "erneuert"),
    "withdrawn": ("✖", "widerrufen"),
    "expired": ("✖", "abgelaufen"),
    "lapsed": ("✖", "verfallen"),
    "revoked": ("✖", "aufgehoben"),
    "superseded": ("✖", "ersetzt"),
    "invalidated": ("✖", "ungültig"),
}
_EVENTS = {
    "opened": "eröffnet",
    "confirmed": "bestätigt",
    "objected": "widersprochen",
    "restored": "Widerspruch beendet",
    "countersigned": "gegengezeichnet",
    "imported": "übernommen",
    "used": "genutzt",
    "broken": "Siegel gebrochen",
}


def moment(at: str | datetime | None) -> str | None:
    """Return a time for people: `2026-11-22 10:00Z`."""
    if isinstance(at, datetime):
        return f"{at:%Y-%m-%d %H:%M}Z"
    return None if at is None else f"{at[:10]} {at[11:16]}Z"


def short(did: str | None) -> str:
    """Return a DID that fits a table; its middle says nothing to anybody."""
    return "–" if did is None else did if len(did) <= 28 else f"{did[:14]}…{did[-8:]}"


def state_word(frame: Frame, state: str, *, plain: bool) -> str:
    """Return where a consent stands in the person's language, with its mark unless `plain`."""
    mark, german = _STATES[state]
    word = frame.pick(de=german, en=state)
    return word if plain else f"{mark} {word}"


def type_word(frame: Frame, kind: str) -> str:
    """Return the type of an event in the person's language."""
    german = _EVENTS.get(kind) or _STATES.get(kind, ("", kind))[1]
    return frame.pick(de=german, en=kind)
