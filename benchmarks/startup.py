"""How long a command needs to start, above the bare interpreter.

python benchmarks/startup.py [--json]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15
AIMS = {
    "--help": 150.0,
    "version --json": None,
    "company check C-1001 newsletter --channel email --home shop": 250.0,
}
PROGRAM = "from konsens.cli.app import main; main()"
# Whoever uses konsens has its bytecode on disk, so the first round, which writes it, does not count.
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def milliseconds(folder: Path, code: str, *words: str) -> float:
    """Return the time of one run from start to end; the check ends with 7, for the demo has withdrawn."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, capture_output=True, check=False, env=ENVIRON
    )
    return (time.perf_counter() - begun) * 1000


def measure(folder: Path) -> dict[str, object]:
    """Run everything in turns, so that a busy machine is busy for all alike, and take the medians."""
    milliseconds(folder, PROGRAM, "demo", "--keep", ".")
    times: dict[str, list[float]] = {"": [], **{line: [] for line in AIMS}}
    for line in AIMS:
        milliseconds(folder, PROGRAM, *line.split())
    for _ in range(ROUNDS):
        times[""].append(milliseconds(folder, "pass"))
        for line in AIMS:
            times[line].append(milliseconds(folder, PROGRAM, *line.split()))
    bare = statistics.median(times[""])
    figures = []
    for line, aim in AIMS.items():
        value = statistics.median(times[line]) - bare
        figures.append(
            {
                "name": f"konsens {line}, above the bare interpreter",
                "value": round(value, 1),
                "unit": "ms",
                "limit": round(bare, 1),
                "peers": {},
                "aim": aim,
                "holds": None if aim is None else value <= aim,
            }
        )
    return {"benchmark": "startup", "figures": figures}


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder))
    if "--json" in sys.argv:
        print(json.dumps(measured))
        return
    for figure in measured["figures"]:  # type: ignore[attr-defined]  # a list, by measure()
        print(f"{figure['name']}: {figure['value']} {figure['unit']} (aim: {figure['aim']})")


if __name__ == "__main__":
    main()
