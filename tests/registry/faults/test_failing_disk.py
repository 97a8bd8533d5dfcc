"""EIO from fsync and ENOSPC from write, below SQLite and below our own files, at every single call.

Each time: the error has its name and exit code, everything opens and verifies afterwards, nothing that was
acknowledged, signed, cosigned or shown is lost, and the same act done again comes to its end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NAMED = {"registry.cannot_write 8", "static.storage 8", "witness.cannot_write 8", "witness.down 8"}


def run(shim: Path, home: Path, kind: str, how: str, step: int) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.registry.faults.driver", home, kind, how, str(step)],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(shim), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    report = json.loads(done.stdout)
    print(report)
    assert report["points"] > 20
    codes: dict[str, int] = report["codes"]
    return codes


@pytest.mark.parametrize(
    ("kind", "how", "step"),
    [("flush", "once", 1), ("flush", "always", 4), ("write", "once", 9), ("write", "always", 15)],
)
def test_a_disk_that_fails_at_any_moment_loses_nothing_that_was_promised(
    shim: Path, tmp_path: Path, kind: str, how: str, step: int
) -> None:
    codes = run(shim, tmp_path, kind, how, step)
    assert codes.keys() <= NAMED
    assert len(codes) > 1


@pytest.mark.long
@pytest.mark.parametrize("how", ["once", "always"])
@pytest.mark.parametrize("kind", ["flush", "write"])
def test_a_disk_that_fails_at_every_single_moment_loses_nothing_that_was_promised(
    shim: Path, tmp_path: Path, kind: str, how: str
) -> None:
    assert run(shim, tmp_path, kind, how, 1).keys() <= NAMED
