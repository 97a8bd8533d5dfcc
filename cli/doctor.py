"""`doctor`: what is wrong with this machine or this home, one line each, with the command that mends it.

It reads and changes nothing, unlocks nothing and asks nothing. A probe is a function of the frame that yields
checks; `PROBES` names them all. A check that fails has `ok` false; one that is allowed but unwise has `ok`
true and a `fix`.
"""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path

from konsens.errors import Damaged, KonsensError

from .answers import CheckWithFix, Doctor
from .frame import Frame, Outcome, command
from .screen import Screen
from .secret import from_file

__all__ = ["doctor"]

# `module:function` below `konsens.cli`, in the order of the report.
PROBES = ("doctor:probe_machine", "doctor:probe_passphrase", "doctor:probe_home", "doctor:probe_registries")

Probe = Callable[[Frame], Iterator[CheckWithFix]]

OLDEST_SQLITE = (3, 37)  # the first with STRICT tables


@command()
def doctor(frame: Frame) -> Outcome:
    """Check this machine and this home; each line says what mends it. Nothing is changed."""
    checks = [check for probe in PROBES for check in _load(probe)(frame)]
    failed = [check.name for check in checks if not check.ok]

    def show(screen: Screen) -> None:
        for check in checks:
            screen.check(None if check.ok and check.fix else check.ok, check.name, check.detail)
            if check.fix:
                screen.line(f"    {check.fix}")

    error = Damaged("doctor.failed", names=", ".join(failed)) if failed else None
    done = frame.pick(de="Alles in Ordnung.", en="All is well.")
    return Outcome(Doctor(checks=checks), show=show, done=done, error=error)


def probe_machine(_: Frame) -> Iterator[CheckWithFix]:
    """Check Python, SQLite and the libraries."""
    new_enough = sys.version_info >= (3, 11)
    yield CheckWithFix(
        name="machine.python",
        ok=new_enough,
        detail=platform.python_version(),
        fix=None if new_enough else "apt install python3.11",
    )
    strict = sqlite3.sqlite_version_info >= OLDEST_SQLITE
    yield CheckWithFix(
        name="machine.sqlite",
        ok=strict,
        detail=sqlite3.sqlite_version,
        fix=None if strict else "apt install libsqlite3-0",
    )
    found, missing = [], []
    for line in metadata.requires("konsens") or []:
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    yield CheckWithFix(
        name="machine.libraries",
        ok=not missing,
        detail=", ".join(missing or found),
        fix=f"pip install {' '.join(missing)}" if missing else None,
    )


def probe_passphrase(frame: Frame) -> Iterator[CheckWithFix]:
    """Check where the passphrase would come from; it is read, and never shown."""
    path = os.environ.get("KONSENS_PASSPHRASE_FILE")
    if not path:
        detail = frame.pick(de="wird am Terminal erfragt", en="asked for at the terminal")
        yield CheckWithFix(name="passphrase.source", ok=True, detail=detail, fix=None)
        return
    try:
        empty = not from_file(path)
    except KonsensError as error:
        yield CheckWithFix(
            name="passphrase.source", ok=False, detail=error.message(frame.lang), fix=error.hint(frame.lang)
        )
        return
    yield CheckWithFix(name="passphrase.source", ok=True, detail=path, fix=None)
    if empty:
        yield CheckWithFix(
            name="passphrase.empty",
            ok=True,
            detail=frame.pick(
                de="Die Datei ist leer: Schlüssel liegen ungeschützt.",
                en="The file is empty: keys lie unprotected.",
            ),
            fix=frame.pick(de=f"Schreiben Sie eine Passphrase in {path}.", en=f"Write one into {path}."),
        )


def probe_home(frame: Frame) -> Iterator[CheckWithFix]:
    """Check that the home is there, ours, and for nobody else."""
    home = frame.home
    if not home.exists:
        detail = frame.pick(de=f"noch nichts in {home.folder}", en=f"nothing yet in {home.folder}")
        yield CheckWithFix(name="home.there", ok=True, detail=detail, fix="konsens init")
        return
    try:
        kind = home.settings().kind
    except KonsensError as error:
        yield CheckWithFix(
            name="home.there", ok=False, detail=error.message(frame.lang), fix=error.hint(frame.lang)
        )
        return
    yield CheckWithFix(name="home.there", ok=True, detail=f"{home.folder} ({kind})", fix=None)
    open_to_others = [str(path) for path in [home.folder, *sorted(home.folder.rglob("*"))] if _is_open(path)]
    yield CheckWithFix(
        name="home.private",
        ok=not open_to_others,
        detail=", ".join(open_to_others[:5]) or frame.pick(de="nur für Sie lesbar", en="for you alone"),
        fix=f"chmod -R go= {home.folder}" if open_to_others else None,
    )


def probe_registries(frame: Frame) -> Iterator[CheckWithFix]:
    """Check that every registry that the home remembers is still where it was, and no copy."""
    try:
        places = frame.home.settings().registries if frame.home.exists else ()
    except KonsensError:
        return
    for place in places:
        folder = Path(place.folder)
        try:
            found = (folder / "log.sqlite").stat()
            same = (found.st_dev, found.st_ino) == (place.device, place.inode)
        except OSError:
            same = False
        yield CheckWithFix(
            name="registry.place",
            ok=same,
            detail=f"{place.origin}: {folder}",
            fix=None if same else "konsens registry use DIR",
        )


def _is_open(path: Path) -> bool:
    return not path.is_symlink() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _load(probe: str) -> Probe:
    module, _, function = probe.partition(":")
    found: Probe = getattr(import_module(f"konsens.cli.{module}"), function)
    return found
