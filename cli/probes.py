"""What `doctor` looks at in a home: the folder, its keys, its book, and the logs that it knows."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from konsens.errors import KonsensError, Unavailable

from .answers import CheckWithFix
from .frame import Frame
from .home import RegistryPlace, Settings
from .log_home import KEYS, open_log
from .registry_home import open_known

__all__ = ["probe_book", "probe_home", "probe_keys", "probe_registries"]

COPIES = "logs"  # of what is public; the folder itself is private

USE = "konsens registry use DIR"


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
        yield _failed(frame, "home.there", error)
        return
    words = {"customer": ("Brieftasche", "wallet"), "company": ("Unternehmen", "company")}
    german, english = words.get(kind, ("Register", "registry"))
    detail = f"{home.folder} ({frame.pick(de=german, en=english)})"
    yield CheckWithFix(name="home.there", ok=True, detail=detail, fix=None)
    inside = sorted(
        path for path in home.folder.rglob("*") if path.relative_to(home.folder).parts[:-1][:1] != (COPIES,)
    )
    open_to_others = [str(path) for path in [home.folder, *inside] if _is_open(path)]
    yield CheckWithFix(
        name="home.private",
        ok=not open_to_others,
        detail=", ".join(open_to_others[:5]) or frame.pick(de="nur für Sie lesbar", en="for you alone"),
        fix=f"chmod -R go= {home.folder}" if open_to_others else None,
    )


def probe_keys(frame: Frame) -> Iterator[CheckWithFix]:
    """Check that the vault with the keys can be read, as far as that goes without the passphrase."""
    from konsens.wallet.vault import has_passphrase

    from .wallet_home import WALLET

    settings = _settings(frame)
    if settings is None:
        return
    path = frame.home.file(WALLET if settings.kind == "customer" else KEYS)
    try:
        locked = has_passphrase(path)
    except KonsensError as error:
        yield _failed(frame, "keys.readable", error)
        return
    yield CheckWithFix(name="keys.readable", ok=True, detail=str(path), fix=None)
    if not locked:
        yield CheckWithFix(
            name="keys.passphrase",
            ok=True,
            detail=frame.pick(
                de="ohne Passphrase: Wer die Datei hat, kann unterschreiben.",
                en="no passphrase: whoever has the file can sign.",
            ),
            fix=frame.pick(
                de="Halten Sie die Datei geheim, oder legen Sie einen neuen Ordner mit Passphrase an.",
                en="Keep the file secret, or make a new home with a passphrase.",
            ),
        )


def probe_book(frame: Frame) -> Iterator[CheckWithFix]:
    """Check the file of a company's book and every event in it, from the bytes."""
    settings = _settings(frame)
    if settings is None or settings.kind != "company":
        return
    from konsens.records import Book, check_book

    try:
        what = frame.pick(de="Ereignisse prüfen", en="Checking events")
        with Book.open(frame.home.file("book.sqlite")) as book, frame.progress(what) as progress:
            count = check_book(book, progress=progress)
    except KonsensError as error:
        yield _failed(frame, "book.sound", error)
        return
    detail = frame.pick(de=f"{count} Ereignisse", en=f"{count} events")
    yield CheckWithFix(name="book.sound", ok=True, detail=detail, fix=None)


def probe_registries(frame: Frame) -> Iterator[CheckWithFix]:
    """Check that every log that the home remembers can be read and is no copy; and those of this run."""
    settings = _settings(frame)
    known = settings.registries if settings else ()
    for place in known:
        yield from _probe_log(frame, place)
    for named in frame.registries:
        if isinstance(named, Path):
            yield _probe_named(frame, known, named)


def _probe_log(frame: Frame, place: RegistryPlace) -> Iterator[CheckWithFix]:
    where = f"{place.origin}: {place.where}"
    try:
        with open_known(frame, place) as log:
            log.check_own()
            newest = log.checkpoint()
            waiting = log.size() - (newest.checkpoint.size if newest else 0)
    except Unavailable as error:
        yield CheckWithFix(name="registry.place", ok=False, detail=error.message(frame.lang), fix=USE)
        return
    except KonsensError as error:
        yield _failed(frame, "registry.readable", error)
        return
    yield CheckWithFix(name="registry.place", ok=True, detail=where, fix=None)
    if place.operator and waiting:
        yield CheckWithFix(
            name="registry.signed",
            ok=True,
            detail=frame.pick(
                de=f"{waiting} Einträge warten auf eine Unterschrift.",
                en=f"{waiting} entries wait to be signed.",
            ),
            fix="konsens registry checkpoint",
        )


def _probe_named(frame: Frame, known: tuple[RegistryPlace, ...], folder: Path) -> CheckWithFix:
    """Check a folder that `KONSENS_REGISTRY` puts in the place of the home's own."""
    from konsens.registry import Registry

    name = "registry.named"
    try:
        with Registry.open(folder) as log:
            origin = log.origin
        for place in known:
            if place.origin == origin:
                with open_log(place, folder) as log:
                    log.check_own()
    except KonsensError as error:
        return _failed(frame, name, error)
    return CheckWithFix(name=name, ok=True, detail=f"{origin}: {folder}", fix=None)


def _settings(frame: Frame) -> Settings | None:
    """Return what the home remembers; what is wrong with that, `probe_home` has said."""
    try:
        return frame.home.settings() if frame.home.exists else None
    except KonsensError:
        return None


def _failed(frame: Frame, name: str, error: KonsensError) -> CheckWithFix:
    return CheckWithFix(
        name=name, ok=False, detail=error.message(frame.lang), fix=error.hint(frame.lang) or None
    )


def _is_open(path: Path) -> bool:
    return not path.is_symlink() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
