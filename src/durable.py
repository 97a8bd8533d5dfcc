"""Making sure that what was written outlives a loss of power.

>>> from tempfile import mkdtemp
>>> sync(Path(mkdtemp()))
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sync"]


def sync(path: Path) -> None:
    """Return when a file's bytes, or the names in a folder, are on the medium (fsync(2) of either)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
