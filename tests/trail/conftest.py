"""One full town for all tests that only look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .town import Town, full


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A company with everything in its book; nobody changes it."""
    made = full(tmp_path_factory.mktemp("town"))
    yield made
    made.close()
