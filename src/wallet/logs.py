"""The logs that a wallet knows, each with its pinned key, and the folder or URL where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import msgspec

from ..errors import InputError, KonsensError, NotFound, NotTrusted, Unavailable
from ..registry import HeadLeaf, SealLeaf, SignedCheckpoint, VerifierKey, parse_vkey, render_vkey
from ..registry.folder import Place, Registry
from ..registry.log_place import LogPlace, LogUrl
from .kinds import KnownLog
from .scan import Where

__all__ = ["Log", "Logs", "OpenLog", "first_contact", "open_folder", "open_known"]


class Log(Protocol):
    """What a wallet asks of a log (`konsens.registry.Registry` has it)."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    @property
    def vkey(self) -> VerifierKey:
        """The key that its checkpoints are signed with."""

    def append(self, leaves: Sequence[SealLeaf]) -> list[int]:
        """Append all leaves or none; identical bytes again get their old index."""

    def entry(self, index: int) -> bytes:
        """Return the bytes of entry `index`."""

    def find(self, seal: bytes) -> int | None:
        """Return the index of the leaf that broke `seal`, also beyond the last checkpoint."""

    def broken_many(self, seals: Sequence[bytes]) -> dict[bytes, int]:
        """Return seal and index of those among `seals` that are broken."""

    def find_public(self, digest: bytes) -> int | None:
        """Return the index of the public leaf over `digest`, or None."""

    def head_before(self, index: int) -> datetime | None:
        """Return the time of the last head leaf before `index`."""

    def checkpoint(self) -> SignedCheckpoint | None:
        """Return the newest published checkpoint."""

    def head_of(self, size: int) -> HeadLeaf:
        """Return the head leaf that a checkpoint of `size` entries ends with."""

    @property
    def is_copy(self) -> bool:
        """Whether this is not the store that the wallet knows: it says nothing about now."""

    def close(self) -> None:
        """Let go of it."""


OpenLog = Callable[[KnownLog], Log]


def open_folder(known: KnownLog) -> Log:
    """Open the folder of a log at its recorded place."""
    return Registry.open(Path(known.folder), place=msgspec.convert(known.place, Place))


def open_known(known: KnownLog) -> Log:
    """Open the folder of a log, or the URL where it is served; nothing is asked of it yet."""
    if not known.url:
        return open_folder(known)
    from ..registry.remote import LogClient, SmallLog  # who has folders only does without the extra

    place = LogUrl(known.url)
    return SmallLog(LogClient(place.url, parse_vkey(known.vkey), loopback=place.loopback))


def first_contact(
    places: Sequence[LogPlace], known: Mapping[str, KnownLog] = MappingProxyType({})
) -> list[KnownLog]:
    """Return what a wallet pins of the logs at `places`: origin, key, place; the first one is its home.

    Of one that is `known` by its origin, key and place stay as they were pinned; at a known URL nothing is
    asked.
    """
    logs: dict[str, KnownLog] = {}
    at_url = {log.url: log for log in known.values() if log.url}
    for rank, place in enumerate(places):
        found = at_url.get(str(place)) or (_at_url(place) if isinstance(place, LogUrl) else _in_folder(place))
        if found.origin in logs:
            raise InputError("wallet.same_log_twice", origin=found.origin)
        pinned = known.get(found.origin, found)
        logs[found.origin] = msgspec.structs.replace(pinned, folder=found.folder, url=found.url, rank=rank)
    return list(logs.values())


def _at_url(place: LogUrl) -> KnownLog:
    from ..registry.remote import first_contact as ask

    try:
        vkey = ask(place.url, loopback=place.loopback)
    except Unavailable as error:
        raise Unavailable("wallet.log_unreachable", origin=place, problem=error.code) from error
    return KnownLog(vkey.name, render_vkey(vkey), "", {}, 0, place.url)


def _in_folder(folder: Path) -> KnownLog:
    with _registry(folder) as log:
        place, vkey = msgspec.to_builtins(log.place), render_vkey(log.vkey)
        return KnownLog(log.origin, vkey, str(folder.absolute()), place, 0)


def _registry(folder: Path) -> Registry:
    try:
        return Registry.open(folder)
    except NotFound as error:
        raise Unavailable("wallet.log_unreachable", origin=folder, problem=error.code) from error


class Logs:
    """The logs by origin, home first. Each is opened when it is first asked.

    A log that cannot be read, or is not the one that was pinned, is no log for the moment: `named` says why,
    searches go on in the others, and only when none is left they raise too.
    """

    def __init__(self, known: Iterable[KnownLog], *, open_log: OpenLog = open_known) -> None:
        self._known = {log.origin: log for log in sorted(known, key=lambda log: (log.rank, log.origin))}
        self.open_log = open_log
        self._open: dict[str, Log] = {}

    @property
    def origins(self) -> tuple[str, ...]:
        """The names of all known logs, home first."""
        return tuple(self._known)

    @property
    def vkeys(self) -> Mapping[str, str]:
        """The pinned keys by origin."""
        return {origin: log.vkey for origin, log in self._known.items()}

    def named(self, origin: str) -> Log:
        """Return an open log, or raise `wallet.log_unreachable` or `registry.other_key`."""
        if origin not in self._open:
            known = self._known.get(origin)
            if known is None:
                raise Unavailable("wallet.no_common_log", origin=origin)
            log = _opened(known, self.open_log)
            if render_vkey(log.vkey) != known.vkey:  # the key's name is the origin
                raise NotTrusted("registry.other_key", origin=origin)
            self._open[origin] = log
        return self._open[origin]

    @property
    def current(self) -> bool:
        """Whether every log can be read, and none is a copy."""
        try:
            for origin in self.origins:
                log = self.named(origin)
                if self._known[origin].url:
                    log.checkpoint()  # opening it has asked nothing
                if log.is_copy:
                    return False
        except KonsensError:
            return False
        return True

    @property
    def served(self) -> tuple[str, ...]:
        """The names of the logs that are served over HTTP."""
        return tuple(origin for origin, log in self._known.items() if log.url)

    def close(self) -> None:
        """Let go of every log; it is opened again when it is asked again."""
        for log in self._open.values():
            log.close()
        self._open.clear()

    def broken_many(self, seals: list[bytes]) -> dict[bytes, Where]:
        """Return where those among `seals` that are broken were broken; home is asked first."""
        found: dict[bytes, Where] = {}
        errors: list[KonsensError] = []
        for origin in self.origins:
            try:
                answer = self.named(origin).broken_many(seals)
            except KonsensError as error:
                errors.append(error)
                continue
            found = {seal: (origin, index) for seal, index in answer.items()} | found
        if len(errors) == len(self.origins):
            raise errors[0] if errors else Unavailable("wallet.no_log")
        return found

    def holds_public(self, digest: bytes) -> bool:
        """Tell whether one of the logs has a public leaf over `digest`; home is asked first.

        If none has it, and one could not be read or is a copy, that one's error is raised.
        """
        errors: list[KonsensError] = [] if self.origins else [Unavailable("wallet.no_log")]
        for origin in self.origins:
            try:
                log = self.named(origin)
                if log.is_copy:
                    raise Unavailable("registry.copy", folder=origin)
                if log.find_public(digest) is not None:
                    return True
            except KonsensError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return False

    def entry(self, where: Where) -> bytes:
        """Return the bytes of a leaf."""
        origin, index = where
        return self.named(origin).entry(index)


def _opened(known: KnownLog, open_log: OpenLog) -> Log:
    try:
        return open_log(known)
    except KonsensError as error:
        if error.code == "registry.copy" or isinstance(error, NotTrusted):
            raise
        raise Unavailable("wallet.log_unreachable", origin=known.origin, problem=error.code) from error
