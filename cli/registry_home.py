"""Which log a command is about, and what this home knows of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from konsens.errors import Conflict, InputError, KonsensError, NotFound, NotTrusted

from .frame import Frame
from .home import RegistryPlace, Settings
from .log_home import LogHome, open_log, place_of
from .log_source import key_shown_by, place_at_url

if TYPE_CHECKING:
    from konsens.registry import Registry, Remembered, VerifierKey
    from konsens.registry.log_place import LogPlace, LogUrl
    from konsens.registry.remote import MirroredLog
    from konsens.wallet import Wallet

__all__ = [
    "check_remembered",
    "folder_and_key",
    "key_of",
    "open_known",
    "open_registry",
    "settings_of",
    "use_registry",
]


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
    places = [(log, None if log.url else msgspec.convert(log.place, Place)) for log in known]
    return tuple(
        RegistryPlace(
            origin=log.origin,
            vkey=log.vkey,
            folder=at.path if at else "",
            device=0,
            inode=at.inode if at else 0,
            born=at.born if at else 0,
            url=log.url,
        )
        for log, at in places
    )


@contextmanager
def open_registry(frame: Frame, folder: Path | None = None) -> Iterator[LogHome]:
    """Open the log in `folder`, else that of `--registry`, else the home's first one.

    A folder that bears the name of a log that the home knows is compared with it: another key ends with
    `registry.other_key`, another place makes it a copy. A served log is read from a company's own copy;
    where there is none, `registry.served`.
    """
    from konsens.registry import Registry

    settings = settings_of(frame)
    folder, place = _named(frame, settings, folder)
    registry: Registry
    if folder is not None:
        with Registry.open(folder) as there:
            origin = there.origin
        place = next((known for known in settings.registries if known.origin == origin), None)
    if place is not None:
        registry = open_known(frame, place) if folder is None else open_log(place, folder)
    elif folder is not None:
        registry = Registry.open(folder)
    else:
        raise NotFound("registry.none_named")
    known = (place,) if place else ()
    with registry:
        yield LogHome(frame, msgspec.structs.replace(settings, registries=known), registry)


def _named(frame: Frame, settings: Settings, folder: Path | None) -> tuple[Path | None, RegistryPlace | None]:
    """Return the folder that this run names, or the log that it means: by its URL, else the first known.

    Raises `registry.served` for a served log that has no copy in this home.
    """
    named = folder or next(iter(frame.registries), None)
    if named is None:
        place = next(iter(settings.registries), None)
    elif isinstance(named, Path):
        return named, None
    else:
        place = next((known for known in settings.registries if known.url == named.url), None)
        if place is None:
            raise NotFound("registry.served", origin=named.url, url=named.url)
    if place is not None and place.url and settings.kind == "customer":
        raise NotFound("registry.served", origin=place.origin, url=place.url)
    return None, place


def open_known(frame: Frame, place: RegistryPlace) -> Registry:
    """Open a log where this home knows it: its folder, or this home's copy of a served one."""
    return _open_copy(frame, place) if place.url else open_log(place)


def _open_copy(frame: Frame, place: RegistryPlace) -> MirroredLog:
    from konsens.consent.served import Service, open_served
    from konsens.registry.log_place import LogUrl

    return open_served(
        frame.home.folder,
        LogUrl(place.url),
        vkey=place.vkey,
        policy=place.policy,
        service=Service(now=frame.now),
    )


def folder_and_key(frame: Frame, folder: Path | None) -> tuple[Path, RegistryPlace | None]:
    """Return the folder to examine, and the log that this home knows by that name or in that place.

    The folder may be damaged, so it is not opened for this.
    """
    settings = settings_of(frame)
    folder, known_one = _named(frame, settings, folder)
    if folder is None:
        if known_one is None:
            raise NotFound("registry.none_named")
        return Path(known_one.folder), known_one
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


def use_registry(frame: Frame, where: LogPlace, *, policy: str = "") -> RegistryPlace:
    """Remember a log and its place, or the new place of one that was moved.

    Raises `registry.still_there` while the folder that the home knows lies where it did: then `where` is a
    copy, which may lack a withdrawal. `policy` is for a served log: its key, and who must cosign.
    """
    if isinstance(where, Path):
        return _use_folder(frame, where)
    return _use_url(frame, where, policy)


def _use_url(frame: Frame, url: LogUrl, policy: str) -> RegistryPlace:
    settings = frame.home.settings()
    place = place_at_url(frame, url, vkey=_key_in(policy) if policy else None, policy=policy)
    if settings.kind == "customer":
        from konsens.registry import render_vkey

        from .wallet_home import open_wallet

        if policy and render_vkey(key_shown_by(url.url)) != place.vkey:
            raise NotTrusted("registry.other_key", origin=place.origin)
        with open_wallet(frame) as wallet:
            wallet.use_log(url)
        return place
    known = {log.origin: log for log in settings.registries}
    before = known.get(place.origin)
    if before is not None:
        if before.vkey != place.vkey:
            raise NotTrusted("registry.other_key", origin=place.origin)
        if before.operator:
            raise Conflict("registry.still_there", origin=place.origin, folder=before.folder)
        place = msgspec.structs.replace(place, policy=policy or before.policy)
    with _undone(Path(place.folder)), _open_copy(frame, place) as log:
        log.await_size(1)  # one that has just begun has signed nothing yet
        log.check_own()
    if before is not None:
        check_remembered(frame, Path(place.folder), before)
    known[place.origin] = place
    frame.home.save(msgspec.structs.replace(settings, registries=tuple(known.values())))
    return place


@contextmanager
def _undone(folder: Path) -> Iterator[None]:
    """Take away a copy that was begun in the block, if that fails and it is no evidence of anything."""
    there = folder.exists()
    try:
        yield
    except BaseException:
        if not there and not (folder / "evidence").exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _key_in(policy: str) -> VerifierKey:
    """Return the key of the one log that a policy is about."""
    from konsens.registry import parse_policy

    logs = parse_policy(policy).logs
    if len(logs) != 1:
        raise InputError("mirror.which_log", count=len(logs))
    return logs[0].key


def _use_folder(frame: Frame, folder: Path) -> RegistryPlace:
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
            if known.url:
                key_shown_by(known.url)
            else:
                with open_log(known) as log:
                    log.check_own()
        except KonsensError:
            continue  # it went away, or is no longer what it was
        raise Conflict("registry.still_there", origin=known.origin, folder=known.where)


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
