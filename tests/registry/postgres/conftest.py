"""A real server for the tests of one process, and a schema of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from .nodes import Node

NUMBERS = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Node]:
    node = Node.create("tests")
    yield node
    node.remove()


@pytest.fixture
def schema() -> str:
    return f"log_{next(NUMBERS)}"


@pytest.fixture(scope="session")
def spare() -> Iterator[Node]:
    node = Node.create("spare")
    yield node
    node.remove()


@pytest.fixture
def node(spare: Node) -> Node:
    """Lend a server that the test may stop, kill and set back to an older state."""
    if not spare.runs:
        spare.start()
    return spare
