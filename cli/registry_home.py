"""Which log a command is about, and what this home knows of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from konsens.errors import Conflict, KonsensError, NotFound

from .frame import Frame
from .home import RegistryPlace, Settings
from .log_home import LogHome, open_log, place_of

if TYPE_CHECKING:
    from konsens.registry import Remembered, VerifierKey
    from konsens.wallet import Wallet

__all__ = ["check_remembered", "folder_and_key", "key_of", "open_registry", "settings_of", "use_registry"]


def settings_of(frame: Frame) -> Settings:
    """Return what the home of this run remembers; without a home, nothing.

    A wallet keeps its logs in the vault, so there the passphrase is asked.
    """
    if not frame.home.exists:
        return Settings(kind="operator")
    settings = frame.home.settings()
    if settings.kind != "customer":
        return settings
    from .wallet_home import open_wallet

    with open_wallet(frame) as wallet:
        return msgspec.structs.replace(settings, registries=_places(wallet))


def _places(wallet: Wallet) -> tuple[RegistryPlace, ...]:
    from konsens.registry import Place
    from konsens.wallet.kinds import LOG

    known = sorted(wallet.vault.list(LOG).values(), key=lambda log: log.rank)
    places = [(log, msgspec.convert(log.place, Place)) for log in known if log.place is not None]
    return tuple(
        RegistryPlace(
            origin=log.origin, vkey=log.vkey, folder=at.path, device=0, inode=at.inode, born=at.born
        )
        for log, at in places
    )


@contextmanager
def open_registry(frame: Frame, folder: Path | None = None) -> Iterator[LogHome]:
    """Open the log in `folder`, else that of `--registry`, else the home's first one.

    A folder that bears the name of a log that the home knows is compared with it: another key ends with
    `registry.other_key`, another place makes it a copy.
    """
    from konsens.registry import Registry

    settings = settings_of(frame)
    folder = folder or next(iter(frame.registries), None)
    place = next(iter(settings.registries), None)
    if folder is not None:
        with Registry.open(folder) as there:
            origin = there.origin
        place = next((known for known in settings.registries if known.origin == origin), None)
    if place is not None:
        registry = open_log(place, folder)
    elif folder is not None:
        registry = Registry.open(folder)
    else:
        raise NotFound("registry.none_named")
    known = (place,) if place else ()
    with registry:
        yield LogHome(frame, msgspec.structs.replace(settings, registries=known), registry)


def folder_and_key(frame: Frame, folder: Path | None) -> tuple[Path, RegistryPlace | None]:
    """Return the folder to examine, and the log that this home knows by that name or in that place.

    The folder may be damaged, so it is not opened for this.
    """
    settings = settings_of(frame)
    folder = folder or next(iter(frame.registries), None)
    if folder is None:
        if not settings.registries:
            raise NotFound("registry.none_named")
        return Path(settings.registries[0].folder), settings.registries[0]
    if not folder.is_dir():
        raise NotFound("registry.not_found", folder=folder)
    try:
        origin = (folder / "vkey").read_text("utf-8", "replace").partition("+")[0]
    except OSError:
        origin = ""
    here = str(folder.resolve())
    for known in settings.registries:
        if known.folder == here or known.origin == origin:
            return folder, known
    return folder, None


def key_of(place: RegistryPlace | None) -> VerifierKey | None:
    """Return the key that the home pinned."""
    from konsens.registry import parse_vkey

    return parse_vkey(place.vkey) if place else None


def check_remembered(frame: Frame, folder: Path, place: RegistryPlace) -> int:
    """Raise unless the log in `folder` holds all that the home remembers of it; return how many leaves."""
    from konsens.registry import check_holds_all

    remembered = _remembered(frame, place)
    check_holds_all(folder, remembered)
    return len(remembered.leaves)


def use_registry(frame: Frame, folder: Path) -> RegistryPlace:
    """Remember a log and its place, or the new place of one that was moved.

    Raises `registry.still_there` while the folder that the home knows lies where it did: then `folder` is a
    copy, which may lack a withdrawal.
    """
    from konsens.registry import Registry

    settings = frame.home.settings()
    with Registry.open(folder) as found:
        place = place_of(found)
    if settings.kind == "customer":
        from .wallet_home import open_wallet

        with open_wallet(frame) as wallet:
            _check_moved(_places(wallet), place)
            wallet.use_log(folder)
        return place
    _check_moved(settings.registries, place)
    known = {log.origin: log for log in settings.registries}
    if before := known.get(place.origin):
        check_remembered(frame, folder, before)
        place = msgspec.structs.replace(place, operator=before.operator)
    known[place.origin] = place
    frame.home.save(msgspec.structs.replace(settings, registries=tuple(known.values())))
    return place


def _check_moved(logs: Iterable[RegistryPlace], place: RegistryPlace) -> None:
    for known in logs:
        if known.origin != place.origin or (known.folder, known.inode) == (place.folder, place.inode):
            continue
        try:
            with open_log(known) as log:
                log.check_own()
        except KonsensError:
            continue  # it went away, or is no longer what it was
        raise Conflict("registry.still_there", origin=known.origin, folder=known.folder)


def _remembered(frame: Frame, place: RegistryPlace) -> Remembered:
    from konsens.registry import Remembered, SignerHead, parse_vkey

    from .log_home import SIGNED

    kind = frame.home.settings().kind
    size, root = 0, b""
    if place.operator and (signed := SignerHead(frame.home.file(SIGNED)).load(place.origin)):
        size, root = signed.size, bytes.fromhex(signed.root)
    leaves: list[tuple[int, bytes]] = []
    if kind == "company":
        from .company_home import open_company

        with open_company(frame) as shop:
            leaves = [
                (event.leaf_index, event.leaf)
                for event in shop.company.ledger.book.events()
                if event.origin == place.origin
            ]
    elif kind == "customer":
        from .wallet_home import open_wallet

        with open_wallet(frame) as wallet:
            leaves = [
                (act.leaf_index, act.leaf)
                for act in wallet.acts()
                if act.origin == place.origin and act.leaf_index is not None
            ]
    return Remembered(parse_vkey(place.vkey), size, root, leaves)
