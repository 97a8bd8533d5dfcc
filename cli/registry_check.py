"""`registry verify` and `registry fsck`: is the log what was signed, down to its last byte?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from konsens.errors import KonsensError

from .answers import Check, Checkpoint, RegistryReport
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .log_home import checkpoint_data
from .registry_home import check_remembered, folder_and_key, key_of
from .screen import Screen

if TYPE_CHECKING:
    from konsens.registry import Report

__all__ = ["registry_fsck", "registry_verify"]

Folder = Annotated[Path | None, Argument(metavar="DIR", help="The log; else --registry, else the home's.")]
Against = Annotated[
    Path | None,
    Option("--against", metavar="CHECKPOINT", help="An older checkpoint, which the log must still hold."),
]


@command(unlocks=True, logs=True)
def registry_verify(frame: Frame, folder: Folder = None, against: Against = None) -> Outcome:
    """Check the log as `fsck` does, and that it holds all that this home remembers of it."""
    return _examine(frame, folder, against, remembered=True)


@command(unlocks=True, logs=True)
def registry_fsck(frame: Frame, folder: Folder = None, against: Against = None) -> Outcome:
    """Check every entry, row, hash and signature of a log's folder, and name every damage.

    Nothing is written. Ends with 9 if bytes are not what was stored, with 6 if they claim what is not so.
    """
    return _examine(frame, folder, against, remembered=False)


def _examine(frame: Frame, folder: Path | None, against: Path | None, *, remembered: bool) -> Outcome:
    from konsens.registry import fsck, parse_note

    folder, place = folder_and_key(frame, folder)
    older = frame.read(against, max_bytes=1 << 20).decode("utf-8", "replace") if against else None
    if older is not None:
        parse_note(older)  # what is no signed note at all says nothing about the log
    report = fsck(folder, against=older, vkey=key_of(place))
    error = _first_error(report)
    checks = [Check(name=one.name, ok=one.ok, detail=one.detail) for one in report.checks]
    if remembered and place is not None and error is None:
        try:
            detail = str(check_remembered(frame, folder, place))
        except KonsensError as lacking:
            error, detail = lacking, lacking.message(frame.lang)
        checks.append(Check(name="registry.remembered", ok=error is None, detail=detail))
    data = RegistryReport(
        checkpoint=_checkpoint_in(folder, report),
        entries=report.entries,
        checks=checks,
        failed=[check.name for check in checks if not check.ok],
    )

    def show(screen: Screen) -> None:
        for check in checks:
            screen.check(check.ok, check.name, "" if check.ok else check.detail)

    done = frame.pick(
        de=f"{report.entries} {'Eintrag' if report.entries == 1 else 'Einträge'}, alles in Ordnung.",
        en=f"{report.entries} {'entry' if report.entries == 1 else 'entries'}, all is well.",
    )
    return Outcome(data, show=show, done=done, error=error)


def _first_error(report: Report) -> KonsensError | None:
    try:
        report.raise_if_failed()
    except KonsensError as error:
        return error
    return None


def _checkpoint_in(folder: Path, report: Report) -> Checkpoint | None:
    """Return the newest checkpoint with its head leaf, as far as a damaged log still tells."""
    from konsens.registry import Registry

    if report.checkpoint is None:
        return None
    try:
        with Registry.open(folder) as registry:
            return checkpoint_data(registry, registry.checkpoint(), None)
    except KonsensError:
        found = report.checkpoint
        return Checkpoint(
            origin=found.origin,
            size=found.size,
            root=found.root.hex(),
            map_root=None,
            at=None,
            acknowledged=None,
        )
