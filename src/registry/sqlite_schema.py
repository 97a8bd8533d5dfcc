"""The tables of a log in SQLite, and how its file is told from others."""

from __future__ import annotations

__all__ = ["APPLICATION_ID", "HEADER", "SCHEMA", "VERSION"]

APPLICATION_ID = 0x4B4E534C  # "KNSL", in the file's header (SQLite file format, section 1.3.17)
VERSION = 1
HEADER = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"

# One index per question that the log asks by content. They hold no rows of their own, so they cannot
# disagree with the entries without `PRAGMA integrity_check` seeing it.
SCHEMA = """
CREATE TABLE log (vkey TEXT PRIMARY KEY) STRICT;
CREATE TABLE entries (
    idx INTEGER PRIMARY KEY CHECK (idx >= 0),
    entry BLOB NOT NULL CHECK (length(entry) IN (129, 73, 33))
) STRICT;
CREATE INDEX heads ON entries (idx) WHERE length(entry) = 73;
CREATE UNIQUE INDEX published ON entries (substr(entry, 2)) WHERE length(entry) = 33;
CREATE TABLE tiles (
    level INTEGER NOT NULL, idx INTEGER NOT NULL, root BLOB NOT NULL, hashes BLOB NOT NULL,
    PRIMARY KEY (level, idx)
) STRICT;
CREATE TABLE broken (
    seal BLOB PRIMARY KEY CHECK (length(seal) = 32),
    idx INTEGER NOT NULL CHECK (idx >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX breaks ON broken (idx);
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TRIGGER entries_in_order BEFORE INSERT ON entries
WHEN NEW.idx <> (SELECT coalesce(max(idx), -1) + 1 FROM entries)
BEGIN SELECT raise(ABORT, 'entries come in order'); END;
"""
for _table in ("log", "entries", "tiles", "broken", "checkpoints"):
    for _act in ("UPDATE", "DELETE"):
        SCHEMA += (
            f"CREATE TRIGGER {_table}_{_act} BEFORE {_act} ON {_table}"
            " BEGIN SELECT raise(ABORT, 'append-only'); END;\n"
        )
