"""The tree as the tests of the house see it: where it is, and which files belong to it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_OURS = {"__pycache__", "build", "dist", "site", "node_modules"}


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return the files under version control; in an unpacked archive, all that are not made by a tool."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        names = [name for name in done.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [
            str(path.relative_to(ROOT))
            for path in ROOT.rglob("*")
            if not any(part in NOT_OURS or part.endswith(".egg-info") for part in path.parts)
            and not any(part.startswith(".") and part != ".ci" for part in path.relative_to(ROOT).parts)
        ]
    return tuple(sorted(path for name in names if (path := ROOT / name).is_file() and not path.is_symlink()))


def source_files() -> list[Path]:
    """Return every Python file that ships."""
    return [
        path
        for path in tracked_files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in SHIPPED
    ]


SHIPPED = {"src": "konsens", "cli": "konsens.cli"}
