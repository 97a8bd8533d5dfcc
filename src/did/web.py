"""did:web: a DID that is a place on the web (the did:web Method Specification, W3C CCG).

Nothing here opens a connection: a folder holds what was fetched, or the caller injects a `Fetcher`.

>>> url_of("did:web:muster.example"), url_of("did:web:muster.example%3A8443:shop:de")
('https://muster.example/.well-known/did.json', 'https://muster.example:8443/shop/de/did.json')
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..errors import InputError, NotFound
from ..strict_json import MAX_BYTES
from .document import DidDocument, parse_document
from .resolver import Resolver

__all__ = ["Fetcher", "WebResolver", "folder_fetcher", "url_of"]

Fetcher = Callable[[str], bytes]
"""Returns the bytes behind an https URL, at most 1 MiB, or raises a `KonsensError`."""

PREFIX: Final = "did:web:"
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]{0,61}[A-Za-z0-9_-])?")
MAX_LETTERS: Final = 255


def url_of(did: str) -> str:
    """Return the URL of the document (did:web, "Read (Resolve)"), or raise `did.web_name`.

    Stricter than the specification: a host is a lower-case domain name with a dot and never an address, a
    path segment has letters, digits, `-`, `_` and inner dots, and the only percent-encoding is the port's
    `%3A`. So no name can lead out of its place.
    """
    place, *segments = did.removeprefix(PREFIX).split(":")
    host, marked, port = place.partition("%3A")
    if (
        not did.startswith(PREFIX)
        or len(did) > MAX_LETTERS
        or not _HOST.fullmatch(host)
        or (marked and not (_PORT.fullmatch(port) and int(port) < 65536))
        or not all(_SEGMENT.fullmatch(segment) for segment in segments)
    ):
        raise InputError("did.web_name", did=did)
    path = "/".join(segments) or ".well-known"
    return f"https://{host}{':' + port if marked else ''}/{path}/did.json"


def folder_fetcher(folder: Path) -> Fetcher:
    """Return a fetcher that reads `FOLDER/host[:port]/path/did.json`; nothing outside can be named."""

    def fetch(url: str) -> bytes:
        try:
            with (folder / url.removeprefix("https://")).open("rb") as file:
                return file.read(MAX_BYTES + 1)  # one more than the strict door takes
        except OSError as error:
            raise NotFound("did.not_found", url=url) from error

    return fetch


class WebResolver:
    """Resolves did:web with a fetcher, and asks `then` for every other DID."""

    def __init__(self, fetch: Fetcher, *, then: Resolver) -> None:
        self._fetch = fetch
        self._then = then

    def resolve(self, did: str) -> DidDocument:
        """Return the document of `did`; its `id` must be `did` (`did.other_document`)."""
        if not did.startswith(PREFIX):
            return self._then.resolve(did)
        return parse_document(self._fetch(url_of(did)), did=did)
