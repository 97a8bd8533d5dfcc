"""Where a log is read from that is not this home's own: a folder, or a URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from konsens.errors import NotFound

if TYPE_CHECKING:
    from konsens.registry import VerifierKey
    from konsens.registry.mirror import Source

__all__ = ["is_url", "key_shown_by", "source_at"]


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
