"""Where a log is: in a folder of this machine, or at the URL where it is served.

>>> [str(place) for place in parse_places("reg:https://log.muster.example:8443/a:http://[::1]:8080")]
['reg', 'https://log.muster.example:8443/a', 'http://[::1]:8080']
>>> parse_place("http://127.0.0.1:8080/").loopback
True
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from ..fetch import check_url

__all__ = ["LogPlace", "LogUrl", "parse_place", "parse_places"]

_SCHEMES = ("https://", "http://")
# A colon before digits is a port, any other ends the URL: what else may stand in one is for `check_url`.
_URL = re.compile(
    r"https?://(?:[^/:@]*:[^/:@]*@)?(?:\[[^\]]*\]|[^/:\[]*)(?::[0-9]+(?=[/:]|\Z))?(?:/[^:]*)?[^:]*"
)
_FOLDER = re.compile(r"[^:]*")


class LogUrl(msgspec.Struct, frozen=True):
    """The URL below which a log's files are, as its user typed it; without the slash at its end."""

    url: str

    @property
    def loopback(self) -> bool:
        """Whether it is one on this machine, without TLS: only what the user has typed may be."""
        return self.url.startswith("http://")

    def __str__(self) -> str:
        return self.url


LogPlace = Path | LogUrl
"""A path would eat one of a URL's slashes, so what was typed is told apart before anything else."""


def parse_place(text: str) -> LogPlace:
    """Return the place that a user has typed; `fetch.address` for a URL that is not fetched.

    `http` is for a log on this machine, named in digits; everything else needs TLS.
    """
    if not text.startswith(_SCHEMES):
        return Path(text)
    check_url(text, loopback=text.startswith("http://"))
    return LogUrl(text.rstrip("/"))


def parse_places(text: str) -> tuple[LogPlace, ...]:
    """Return the places in a list that is separated by colons, as in `KONSENS_REGISTRY`.

    A colon inside a URL's address belongs to it. A path with a colon cannot be said so.
    """
    parts, at = [], 0
    while at <= len(text):
        found = (_URL if text.startswith(_SCHEMES, at) else _FOLDER).match(text, at)
        end = found.end() if found else len(text)
        parts.append(text[at:end])
        at = end + 1
    return tuple(parse_place(part) for part in parts if part)
