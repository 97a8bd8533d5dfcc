"""A small vault with a cheap passphrase, and the record type that the tests store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from konsens.wallet import Cost, Kind, Vault

CHEAP = Cost(memory_kib=64, iterations=1, lanes=1)


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Any record will do."""

    text: str


@pytest.fixture
def cheap() -> Cost:
    """Let a guess of the passphrase cost nothing: these tests open thousands of vaults."""
    return CHEAP


@pytest.fixture
def notes() -> Kind[Note]:
    return Kind("note", Note)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wallet.sqlite"


@pytest.fixture
def vault_of(notes: Kind[Note]) -> Callable[..., Vault]:
    """Make a vault that holds the given notes."""

    def make(path: Path, passphrase: str = "pp", **texts: str) -> Vault:
        vault = Vault.create(path, passphrase, cost=CHEAP, wait=0.05)
        with vault.write():
            for key, text in texts.items():
                vault.put(notes, key, Note(text))
        return vault

    return make
