"""Seals and rows to make maps of."""

from __future__ import annotations

from hashlib import sha256

from konsens.registry.seal_map import Row, SealMap, source_of


def seal(number: int) -> bytes:
    return sha256(f"seal {number}".encode()).digest()


def rows(count: int) -> list[Row]:
    return [(seal(number), number) for number in range(count)]


def prove(all_rows: list[Row], asked: bytes, *, size: int | None = None) -> bytes:
    return SealMap(source_of(all_rows), size=len(all_rows) if size is None else size).prove(asked)


FIVE = rows(5)
TWINS = [(bytes(32), 0), (bytes(31) + b"\x01", 1)]  # they share 255 bits
