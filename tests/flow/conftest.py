"""The whole of konsens as its users run it: real files, and where it matters real processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Konsens, _clean_environment, konsens
from tests.cli.world import World

__all__ = ["_clean_environment", "konsens"]

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def world(
    tmp_path: Path,
    konsens: Konsens,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """Return a shop and a customer with cheap passphrases, whose commands run in this process."""
    return World(tmp_path, konsens, monkeypatch)


@pytest.fixture
def desk(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a shell in `tmp_path`, with `konsens` on its PATH and `examples/` at hand."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KONSENS_")}
    return environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PWD": str(tmp_path)}
