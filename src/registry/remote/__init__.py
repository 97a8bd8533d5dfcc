"""A log that runs elsewhere, over HTTP (extra `[service]`): append to it, read its files.

>>> from konsens.fetch import Fetcher
>>> from konsens.registry import NoteSigner
>>> client = LogClient("https://log.muster.example", NoteSigner("log.muster.example", bytes(32)).vkey)
>>> client.url
'https://log.muster.example'
"""

from .client import LogClient, first_contact
from .mirrored import MirroredLog
from .small import SmallLog

__all__ = ["LogClient", "MirroredLog", "SmallLog", "first_contact"]
