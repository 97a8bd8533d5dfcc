"""Fixtures of the consent tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .world import Customer, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A shop with its own log."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def anna(world: World) -> Customer:
    """A customer of the shop."""
    return Customer.new(world)
