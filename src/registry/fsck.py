"""Checking a registry folder from its first byte to its last, and naming every kind of damage.

Everything is computed again from the entries, and compared with what the folder says. A check that fails ends
with one of two exit codes:

- **9, the bytes differ from what was stored**: the file cannot be read, an entry is missing or malformed, or
  the entries no longer have the hashes, rows and roots that were written or signed for them;
- **6, the bytes are what was stored, but they claim what is not so**: a signature does not fit, a key serves
  twice, a head leaf breaks the chain, goes back in time or lies about the seal map.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from ..errors import Damaged, InputError, KonsensError, VerificationError
from .checkpoint import Checkpoint, check_checkpoint, parse_signed_checkpoint
from .folder import CHECKPOINT, COSIGNED, LOG, VKEY
from .leaf import SEAL_LEAF_SIZE, seal_of
from .note import VerifierKey, parse_vkey, render_vkey
from .seal_map import SealMap
from .sqlite import SqliteStore
from .walk import Walk

__all__ = ["CHECKS", "Check", "Report", "fsck"]

# In the order in which they are reported. What the bytes are comes before what they claim.
CHECKS: dict[str, type[KonsensError]] = {
    "fsck.file": Damaged,
    "fsck.schema": Damaged,
    "fsck.vkey": Damaged,
    "fsck.sequence": Damaged,
    "fsck.entries": Damaged,
    "fsck.tiles": Damaged,
    "fsck.seals": Damaged,
    "fsck.checkpoint_signature": VerificationError,
    "fsck.checkpoint_origin": VerificationError,
    "fsck.checkpoint_size": Damaged,
    "fsck.checkpoint_root": Damaged,
    "fsck.checkpoint_head": VerificationError,
    "fsck.checkpoint_file": Damaged,
    "fsck.cosigned_file": Damaged,
    "fsck.leaf_signature": VerificationError,
    "fsck.key_twice": VerificationError,
    "fsck.head_chain": VerificationError,
    "fsck.head_time": VerificationError,
    "fsck.map_root": VerificationError,
    "fsck.against_signature": VerificationError,
    "fsck.against_size": Damaged,
    "fsck.against_root": Damaged,
}
BEFORE_THE_KEY = ("fsck.file", "fsck.schema", "fsck.vkey")
ENTRIES_AT_ONCE = 4096


class Check(msgspec.Struct, frozen=True):
    """One check and what came of it; `name` is stable and also the code of the error."""

    name: str
    ok: bool
    detail: str = ""


class Report(msgspec.Struct, frozen=True):
    """What `fsck` found: the newest published checkpoint, how many entries were read, and every check."""

    checkpoint: Checkpoint | None
    entries: int
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed, in order."""
        return tuple(check.name for check in self.checks if not check.ok)

    def raise_if_failed(self) -> None:
        """Raise the error of the first check that failed."""
        for check in self.checks:
            if not check.ok:
                raise CHECKS[check.name](check.name, detail=check.detail)


def fsck(folder: Path, *, against: str | None = None, vkey: VerifierKey | None = None) -> Report:
    """Check the log in `folder` and return what was found; nothing is written.

    `vkey` is the key that the caller knows the log by; without it the folder's own is taken, and then the
    report says only that the folder agrees with itself. `against` is an older checkpoint, a signed note: the
    log must still hold all of it. Raises only if there is nothing to check (`registry.not_found`,
    `registry.newer`) or it cannot be read now (`registry.busy`, `registry.cannot_write`).
    """
    findings = _Findings()
    try:
        store = SqliteStore(folder / LOG, read_only=True)
    except Damaged as error:
        findings.add("fsck.file", error.code)
        return findings.report(None, 0, ["fsck.file"])
    with closing(store):
        try:
            _compare_file(folder, store, findings)  # first: what is published later is not in what is read
            with store.reading():
                return _examine(folder, store, against, vkey, findings)
        except Damaged as error:  # SQLite could not read on
            findings.add("fsck.file", str(error.facts.get("problem", error.code)))
            return findings.report(None, 0, ["fsck.file"])


class _Findings:
    """Collects problems under the names of their checks."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, name: str, detail: str) -> None:
        self._found.setdefault(name, []).append(detail)

    def at(self, name: str, index: int) -> None:
        self.add(name, f"checkpoint {index}" if "checkpoint" in name else f"entry {index}")

    def report(self, checkpoint: Checkpoint | None, entries: int, ran: Iterable[str]) -> Report:
        return Report(
            checkpoint, entries, tuple(Check(n, n not in self._found, self._detail(n)) for n in ran)
        )

    def _detail(self, name: str) -> str:
        found = self._found.get(name, [])
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"{found[0]}{more}" if found else ""


def _examine(
    folder: Path, store: SqliteStore, against: str | None, vkey: VerifierKey | None, findings: _Findings
) -> Report:
    for line in store.damage():
        findings.add("fsck.file", line)
    for line in store.strange():
        findings.add("fsck.schema", line)
    published = store.checkpoints(0)
    key = _key(folder, store, vkey, findings)
    if key is None:  # without a key there is no origin, and nothing that is signed can be checked
        return findings.report(None, 0, BEFORE_THE_KEY)
    older = _older(against, key, findings)
    with closing(SqliteStore.scratch()) as scratch:
        seals = SealMap(scratch.rows, size=0)
        walk = Walk(store, seals, origin=key.name, problem=findings.at, rows=scratch)
        _go_over(walk, store, scratch, findings)
        _compare_rows(store, scratch, findings)
    if store.tile_count() > walk.tile_count:
        findings.add("fsck.tiles", "more tiles than entries")
    for size, note in published:
        walk.check_published(size, note, key)
    newest = published[-1][0] if published else 0
    if older and older.size > min(newest, walk.size):
        findings.add("fsck.against_size", f"{min(newest, walk.size)} entries, once {older.size}")
    elif older and walk.roots.get(older.size) != older.root:
        findings.add("fsck.against_root", f"checkpoint {older.size}")
    ran = [name for name in CHECKS if against is not None or not name.startswith("fsck.against")]
    return findings.report(_readable(published), walk.size, ran)


def _key(
    folder: Path, store: SqliteStore, vkey: VerifierKey | None, findings: _Findings
) -> VerifierKey | None:
    """Return the key to check by: the caller's, else the one that file and store agree on."""
    try:
        line = (folder / VKEY).read_text("utf-8", "replace").removesuffix("\n")
    except OSError as error:
        line = error.strerror or ""
    if {line, store.vkey} != {render_vkey(vkey) if vkey else store.vkey}:
        findings.add("fsck.vkey", "not the key of this log")
    try:
        return vkey or parse_vkey(store.vkey)
    except (InputError, VerificationError) as error:
        findings.add("fsck.vkey", error.code)
        return None


def _older(against: str | None, key: VerifierKey, findings: _Findings) -> Checkpoint | None:
    try:
        return None if against is None else check_checkpoint(against, key)
    except KonsensError as error:
        findings.add("fsck.against_signature", error.code)
        return None


def _go_over(walk: Walk, store: SqliteStore, scratch: SqliteStore, findings: _Findings) -> None:
    """Walk over all entries, and put the rows that follow from them into `scratch`."""
    while entries := store.entries(walk.size, walk.size + ENTRIES_AT_ONCE):
        rows: dict[bytes, int] = {}
        for index, entry in enumerate(entries, walk.size):
            if len(entry) == SEAL_LEAF_SIZE:
                rows.setdefault(seal_of(entry[1:33]), index)
        known = scratch.broken_many(list(rows))
        scratch.add_rows([row for row in rows.items() if row[0] not in known])
        walk.feed(entries)
    if walk.size != store.size():
        findings.add("fsck.sequence", f"entry {walk.size} is missing")


def _compare_rows(store: SqliteStore, scratch: SqliteStore, findings: _Findings) -> None:
    for first in range(256):
        span = bytes([first]) + bytes(31), bytes([first]) + b"\xff" * 31
        right, found = dict(scratch.rows([span])), dict(store.rows([span]))
        for seal, index in sorted(right.items() ^ found.items()):
            kind = "missing" if seal not in found else "too many" if seal not in right else "changed"
            findings.add("fsck.seals", f"row {kind}: seal {seal.hex()}, entry {index}")
    if store.row_count(-(1 << 63)) != scratch.row_count(0):
        findings.add("fsck.seals", "the number of rows is not that of the seal leaves")


def _compare_file(folder: Path, store: SqliteStore, findings: _Findings) -> None:
    """Compare the file `checkpoint` with the newest note. A crash may leave it one behind, never more."""
    path = folder / CHECKPOINT
    try:
        text = path.read_text("utf-8", "replace") if path.exists() else None
    except OSError as error:
        findings.add("fsck.checkpoint_file", error.strerror or CHECKPOINT)
        return
    notes = [note for _, note in store.checkpoints(0)]
    _compare_cosigned(folder, store, findings)
    if text not in ([None] * (len(notes) < 2) + list(notes[-2:])):
        findings.add("fsck.checkpoint_file", "missing" if text is None else "not the newest checkpoint")


def _compare_cosigned(folder: Path, store: SqliteStore, findings: _Findings) -> None:
    """Compare the file `cosigned`, if there is one, with the published checkpoint that it is about."""
    path = folder / COSIGNED
    if not path.exists():
        return
    try:
        kept = parse_signed_checkpoint(path.read_text("utf-8")).checkpoint
        size, note = next(iter(store.checkpoints(kept.size)), (-1, ""))
        if size != kept.size or parse_signed_checkpoint(note).checkpoint != kept:
            findings.add("fsck.cosigned_file", "not a checkpoint of this log")
    except (OSError, UnicodeDecodeError, InputError) as error:
        findings.add("fsck.cosigned_file", str(error))


def _readable(published: Sequence[tuple[int, str]]) -> Checkpoint | None:
    try:
        return parse_signed_checkpoint(published[-1][1]).checkpoint if published else None
    except KonsensError:
        return None
