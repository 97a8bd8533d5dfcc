"""Where a log is read from that is not this home's own folder: another folder, or a URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from konsens.errors import NotFound

from .frame import Frame
from .home import RegistryPlace

if TYPE_CHECKING:
    from konsens.registry import VerifierKey
    from konsens.registry.log_place import LogUrl
    from konsens.registry.mirror import Source

__all__ = ["first_contacts", "is_url", "key_shown_by", "place_at_url", "source_at"]


def is_url(where: str) -> bool:
    """Tell a URL from a folder."""
    return where.startswith(("https://", "http://"))


def key_shown_by(where: str) -> VerifierKey:
    """Return the key that a log shows of itself: all that there is at first contact."""
    from konsens.registry import Registry
    from konsens.registry.remote import first_contact

    if is_url(where):
        return first_contact(where, loopback=_on_loopback(where))
    if not Path(where).is_dir():
        raise NotFound("registry.not_found", folder=where)
    with Registry.open(Path(where)) as log:
        return log.vkey


def first_contacts(places: Iterable[RegistryPlace]) -> list[tuple[str, dict[str, object]]]:
    """Return the warning for each served log whose key comes from itself alone."""
    return [("mirror.first_contact", {"origin": one.origin}) for one in places if one.url and not one.policy]


def place_at_url(
    frame: Frame, place: LogUrl, *, vkey: VerifierKey | None = None, policy: str = ""
) -> RegistryPlace:
    """Return what a home remembers of a served log; without `vkey`, the key that the log shows of itself."""
    from konsens.consent.served import mirror_folder
    from konsens.registry import render_vkey
    from konsens.registry.remote import first_contact

    key = vkey or first_contact(place.url, loopback=place.loopback)
    return RegistryPlace(
        origin=key.name,
        vkey=render_vkey(key),
        folder=str(mirror_folder(frame.home.folder.absolute(), key.name)),
        device=0,
        inode=0,
        url=place.url,
        policy=policy,
    )


@contextmanager
def source_at(where: str, vkey: VerifierKey) -> Iterator[Source]:
    """Open what a mirror copies from; nothing of it is believed."""
    from konsens.registry import parse_policy, render_vkey
    from konsens.registry.mirror import FolderSource
    from konsens.registry.remote import LogClient
    from konsens.registry.static import StaticLog

    if is_url(where):
        alone = parse_policy(f"log {render_vkey(vkey)}\nquorum none\n")
        client = LogClient(where, vkey, loopback=_on_loopback(where))
        yield StaticLog(client.fetch, alone, origin=vkey.name)
        return
    with closing(FolderSource(Path(where))) as source:
        yield source


def _on_loopback(where: str) -> bool:
    """Only what the user has typed is fetched without TLS, and only from this machine."""
    return where.startswith("http://")
