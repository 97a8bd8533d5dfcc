"""What went wrong with an SQLite file, by SQLite's primary result codes (sqlite.org/rescode.html).

>>> db = sqlite3.connect(":memory:")
>>> try:
...     db.execute("SELECT * FROM nowhere")
... except sqlite3.Error as error:
...     cause_of(error)
('damaged', 'SQLITE_ERROR')
"""

from __future__ import annotations

import sqlite3
from typing import Literal

__all__ = ["Cause", "cause_of"]

Cause = Literal["busy", "full", "storage", "damaged"]

_CAUSES: dict[int, Cause] = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_PROTOCOL: "busy",  # too many began at once in WAL mode
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_IOERR: "storage",
    sqlite3.SQLITE_READONLY: "storage",
    sqlite3.SQLITE_CANTOPEN: "storage",
    sqlite3.SQLITE_PERM: "storage",
    sqlite3.SQLITE_AUTH: "storage",
    sqlite3.SQLITE_NOLFS: "storage",
}


def cause_of(error: sqlite3.Error) -> tuple[Cause, str]:
    """Return what an error tells of the file, and SQLite's own name for it.

    Everything that neither waiting nor room nor permission would mend counts as damage.
    """
    # The primary code is the low byte; what SQLite never reported, Python's module did, without a code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return _CAUSES.get(code, "damaged"), getattr(error, "sqlite_errorname", type(error).__name__)
