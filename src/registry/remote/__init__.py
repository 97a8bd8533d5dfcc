"""A log that runs elsewhere, over HTTP (extra `[service]`): append to it, read its files, ask its witnesses.

>>> from konsens.fetch import Fetcher
>>> from konsens.registry import NoteSigner
>>> client = LogClient("https://log.muster.example", NoteSigner("log.muster.example", bytes(32)).vkey)
>>> client.url
'https://log.muster.example'
"""

from .client import LogClient
from .transport import witness_transport

__all__ = ["LogClient", "witness_transport"]
