"""Exports: a view as a bundle, a table, JSON-LD or a page, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

import msgspec

from ..consent import Decision, check_not_future
from ..errors import InputError, Language, Unavailable
from ..registry import render_vkey
from .bundle import make_bundle
from .container import write_container
from .desk import Desk
from .query import Query, customers_of
from .report import render_report
from .table import render_events
from .view import TrailView
from .views import render_graph

__all__ = ["Exported", "Format", "export", "prove", "write_atomically"]

Format = Literal["bundle", "csv", "jsonld", "html"]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: `view` is everything in it, `sha256` that of the file's bytes."""

    format: Format
    view: TrailView
    sha256: str

    @property
    def events(self) -> int:
        """How many events there are, each counted once."""
        return len({event.event for record in self.view.records for event in record.events})

    @property
    def records(self) -> int:
        """How many records there are."""
        return len(self.view.records)


def export(
    desk: Desk,
    asked: Query,
    *,
    kind: Format,
    out: Path | IO[bytes],
    safe_csv: bool = False,
    language: Language = "en",
    now: datetime,
) -> Exported:
    """Write what `asked` finds to `out`, which is there whole or not at all.

    A bundle is proven at a checkpoint that covers all of the log; the other kinds make one where this home
    can. Raises `trail.unknown_person`, `registry.not_yet_checkpointed`, `registry.copy`,
    `registry.rolled_back`, `registry.damaged` (see `Desk.check_rows`), `file.unwritable`.
    """
    desk.log.check_own(size=desk.ledger.seen)
    desk.check_rows()
    provable = kind == "bundle" or desk.checkpoint is not None
    view = desk.settled(asked, now=now) if provable else desk.look(asked, now=now)
    if kind == "bundle":
        digest = _write(out, lambda into: _bundle(desk, view, into, language))
    else:
        text = _text(desk, view, kind, safe_csv=safe_csv, language=language)
        digest = _write(out, lambda into: into.write(text))
    return Exported(format=kind, view=view, sha256=digest)


def prove(
    desk: Desk,
    who: str,
    purpose: str,
    channel: str,
    *,
    on: datetime,
    known_at: datetime | None = None,
    out: Path | None = None,
    language: Language = "en",
    now: datetime,
) -> Decision:
    """Return how it was on a day, by what was known on another, and write the bundle that proves it.

    Raises `consent.future` for a day to come, `trail.unknown_person`, `registry.copy`,
    `registry.rolled_back`, and with `out` what `export` raises. The entries after the newest checkpoint are
    read for breaks that the log's list lacks (`registry.damaged`); those before it are covered by that
    checkpoint's map and by `registry fsck`.
    """
    asked = Query(who=who, purpose=purpose, channel=channel, as_of=on, known_at=known_at)
    check_not_future(on, known_at, now=now)
    desk.log.check_own(size=desk.ledger.seen)
    ledger = desk.ledger
    for customer in customers_of(ledger, who):
        ledger.check_rows([*ledger.facts(customer, purpose, channel), *ledger.facts(customer)])
    view = desk.settled(asked, now=now) if out else desk.look(asked, now=now)
    if out is not None:
        _write(out, lambda into: _bundle(desk, view, into, language))
    # The company's number and the pairwise DID may have a record each: both rest on the same decision.
    return view.records[0].decision


def write_atomically(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Put a file at `path` that `fill` writes; until it is whole and durable, nothing is there."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    except OSError as error:
        raise InputError("file.unwritable", path=path, reason=error.strerror) from error
    try:
        with os.fdopen(handle, "w+b") as into:
            fill(into)
            into.flush()
            os.fsync(into.fileno())
        os.replace(name, path)
    except OSError as error:
        raise InputError("file.unwritable", path=path, reason=error.strerror) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _write(out: Path | IO[bytes], fill: Callable[[IO[bytes]], object]) -> str:
    """Write to a path or a stream; return the SHA-256 of what was written."""
    digest = hashlib.sha256()

    def hashed(into: IO[bytes]) -> None:
        with tempfile.TemporaryFile() as whole:
            fill(whole)
            whole.seek(0)
            while part := whole.read(1 << 20):
                digest.update(part)
                into.write(part)

    if isinstance(out, Path):
        write_atomically(out, hashed)
    else:
        hashed(out)
    return digest.hexdigest()


def _bundle(desk: Desk, view: TrailView, into: IO[bytes], language: Language) -> None:
    checkpoint = desk.log.checkpoint()
    if desk.identity is None or checkpoint is None or checkpoint.checkpoint != view.checkpoint:
        raise Unavailable("registry.not_yet_checkpointed", index=desk.log.size() - 1)
    files = make_bundle(
        desk.ledger,
        view,
        log=desk.log,
        vkey=render_vkey(desk.log.vkey),
        checkpoint=checkpoint.note,
        identity=desk.identity,
        language=language,
    )
    write_container(files, into)


def _text(desk: Desk, view: TrailView, kind: Format, *, safe_csv: bool, language: Language) -> bytes:
    if kind == "csv":
        return render_events(view, safe=safe_csv).encode()
    if kind == "jsonld":
        return render_graph(desk.ledger, view)
    return render_report(view, language=language).encode()
