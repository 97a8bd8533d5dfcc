"""A company's home, as `konsens company init` makes it, opened from a program of the company's own.

Opening asks for no passphrase, and deciding needs none. What lies in the folder is told in `docs/formats.md`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from ..did import DidDocument, KeyHistory, OfflineResolver, PinnedResolver, PublicKey, document_of
from ..errors import KonsensError, NotFound, NotTrusted, Unavailable
from ..registry import Place, Registry, SignerHead, render_vkey
from ..registry.log_place import LogPlace, LogUrl
from ..strict_json import convert, parse
from .company import Company
from .log import Log
from .served import Service, open_served

__all__ = ["document_in", "open_home"]

_SERVICE = Service()


class _Log(msgspec.Struct, frozen=True):
    """A log as the home knows it."""

    origin: str
    vkey: str
    folder: str
    inode: int
    born: int = 0
    operator: bool = False
    url: str = ""
    policy: str = ""

    @property
    def place(self) -> LogPlace:
        """Where it is."""
        return LogUrl(self.url) if self.url else Path(self.folder)


class _Settings(msgspec.Struct, frozen=True):
    """What this reads of `konsens.json`."""

    kind: str
    did: str | None = None
    registries: tuple[_Log, ...] = ()


@contextmanager
def open_home(
    folder: Path,
    *,
    folders: Sequence[LogPlace] = (),
    random: Callable[[int], bytes] = os.urandom,
    service: Service = _SERVICE,
) -> Iterator[Company]:
    """Open the company whose home is `folder`, with the logs that it knows.

    `folders` stand in for the logs' own, the home log's first; each is then a copy, which proves the past
    only. A URL among them is no copy: what is served there is verified, and `service` says how old it may be
    and who signs what is appended. A log that cannot be read is no error here: each decision that needs it
    says no and why. Raises `home.missing` where there is no company's home.
    """
    path = folder / "konsens.json"
    if not path.is_file():
        raise NotFound("home.missing", path=folder)
    settings = convert(parse(path.read_bytes()), _Settings)
    if settings.kind != "company" or settings.did is None:
        raise NotFound("home.other_kind", path=folder, kind="company")
    with ExitStack() as stack:
        home: Log | None = None
        error: KonsensError | None = Unavailable("company.no_registry")
        others = []
        for number, known in enumerate(settings.registries):
            try:
                place = folders[number] if number < len(folders) else known.place
                log = _open(folder, known, place, service)
            except KonsensError as reason:
                error = reason if number == 0 else error
                continue
            stack.callback(log.close)
            if number == 0:
                home, error = log, None
            else:
                others.append(log)
        seen = 0
        try:
            seen = _signed_size(folder, settings)
        except KonsensError as reason:
            home, error = None, reason
        company = Company.open(
            folder,
            did=settings.did,
            home=home,
            others=others,
            origin=settings.registries[0].origin if settings.registries else "",
            log_error=error,
            seen=seen,
            resolver=_resolver(folder / "key-history.json"),
            random=random,
        )
        stack.callback(company.close)
        yield company


def _signed_size(folder: Path, settings: _Settings) -> int:
    """Return up to where this home has signed the log that it operates."""
    if not settings.registries or not settings.registries[0].operator:
        return 0
    signed = SignerHead(folder / "signed.json").load(settings.registries[0].origin)
    return signed.size if signed else 0


def _open(home: Path, known: _Log, place: LogPlace, service: Service) -> Registry:
    if isinstance(place, LogUrl):
        return open_served(home, place, vkey=known.vkey, policy=known.policy, service=service)
    try:
        log = Registry.open(place, place=Place(known.folder, known.inode, known.born))
    except NotFound as error:
        raise Unavailable("company.log_unreachable", origin=known.origin, folder=place) from error
    if render_vkey(log.vkey) != known.vkey:
        log.close()
        raise NotTrusted("registry.other_key", origin=known.origin)
    return log


def _resolver(path: Path) -> PinnedResolver:
    """Resolve a did:web of our own by the key history in the home; a did:key speaks for itself."""
    if not path.exists():
        return PinnedResolver([], then=OfflineResolver())
    return PinnedResolver([document_in(KeyHistory.parse(path.read_bytes()))], then=OfflineResolver())


def document_in(history: KeyHistory) -> DidDocument:
    """Return the DID document that a key history stands for: the keys that still speak."""
    keys = {
        entry.kid.partition("#")[2]: PublicKey.from_multikey(entry.public_key_multibase)
        for entry in history.keys
        if entry.until is None
    }
    return document_of(history.did, keys)
