"""The customer's side: one encrypted vault, the 24 words behind it, its backup.

>>> from pathlib import Path
>>> from tempfile import mkdtemp
>>> import msgspec
>>> class Note(msgspec.Struct, frozen=True):
...     text: str
>>> NOTES = Kind("note", Note)
>>> with Vault.create(Path(mkdtemp()) / "wallet.sqlite", "correct horse", cost=Cost(64, 1, 1)) as vault:
...     vault.put(NOTES, "first", Note("milk"))
...     vault.list(NOTES)
{'first': Note(text='milk')}
"""

from .backup import Summary, create_backup, restore_backup, verify_backup
from .header import Cost
from .vault import Kind, Vault, has_passphrase
from .words import parse_words, words_of

__all__ = [
    "Cost",
    "Kind",
    "Summary",
    "Vault",
    "create_backup",
    "has_passphrase",
    "parse_words",
    "restore_backup",
    "verify_backup",
    "words_of",
]
