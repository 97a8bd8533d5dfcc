"""`doctor`: what is wrong with this machine or this home, one line each, with the command that mends it.

It reads and changes nothing, unlocks nothing and asks nothing. A probe is a function of the frame that yields
checks. One that fails has `ok` false; one that is allowed but unwise has `ok` true and a `fix`.
"""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata

from konsens.errors import Damaged, KonsensError

from .answers import CheckWithFix, Doctor
from .frame import Frame, Outcome, command
from .probes import probe_book, probe_home, probe_keys, probe_registries
from .screen import Screen
from .secret import from_file

__all__ = ["doctor"]

OLDEST_SQLITE = (3, 37)  # the first with STRICT tables


@command()
def doctor(frame: Frame) -> Outcome:
    """Check this machine and this home; each line says what mends it. Nothing is changed."""
    probes = (probe_machine, probe_passphrase, probe_home, probe_keys, probe_book, probe_registries)
    checks = [check for probe in probes for check in probe(frame)]
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
        if "extra ==" in line:  # for a log that is served, which few homes do
            continue
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
