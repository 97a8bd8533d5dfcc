"""Typed records: what a vault stores, and how each sort of it is written."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from ..errors import Damaged

__all__ = ["Kind", "Record"]

T = TypeVar("T")

Record = tuple[str, str, bytes]
"""A record as (kind, key, JSON)."""


class Kind(msgspec.Struct, Generic[T], frozen=True):
    """A sort of record: its name in the vault and the type of its values."""

    name: str
    type: type[T]

    def row(self, key: str, value: T) -> Record:
        """Return a value as a record."""
        return self.name, key, msgspec.json.encode(value)

    def parse(self, value: bytes) -> T:
        """Return the value behind its JSON, or raise `wallet.record` if it has another shape."""
        try:
            return msgspec.json.decode(value, type=self.type)
        except msgspec.MsgspecError as error:
            raise Damaged("wallet.record") from error
