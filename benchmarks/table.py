"""Run every benchmark and print one table: `make bench`. With `--json`, one object per line instead.

Each other file in this folder is a program of its own; `--json` makes it print
`{"benchmark", "figures": [{"name", "value", "unit", "limit", "peers", "aim", "holds"}]}`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent


def run(program: Path) -> dict[str, Any] | None:
    """Return what the program measured, or None when it failed (it has said why on stderr)."""
    done = subprocess.run(
        [sys.executable, str(program), "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def figure(value: float | None) -> str:
    """Return a number as a person reads it."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> int:
    """Print the table; a figure that misses its aim is marked, a benchmark that fails ends with 1."""
    programs = sorted(path for path in HERE.glob("*.py") if path.name[0] != "_" and path != Path(__file__))
    programs.append(HERE / "failover" / "by_hand.py")  # Patroni's needs a Patroni
    table = Table("benchmark", "figure", "value", "unit", "limit", "peers", "aim", "holds")
    failed: list[str] = []
    for program in programs:
        print(f"{program.stem} …", file=sys.stderr, flush=True)
        measured = run(program)
        if measured is None:
            failed.append(program.stem)
            continue
        if "--json" in sys.argv:
            print(json.dumps(measured, ensure_ascii=False), flush=True)
        for row in measured["figures"]:
            peers = ", ".join(f"{name} {figure(value)}" for name, value in (row.get("peers") or {}).items())
            holds = {True: "✔", False: "✖ misses its aim", None: ""}[row.get("holds")]
            table.add_row(
                measured["benchmark"],
                row["name"],
                figure(row["value"]),
                row["unit"],
                figure(row.get("limit")),
                peers,
                figure(row.get("aim")),
                holds,
            )
    if "--json" not in sys.argv:
        Console(width=None if sys.stdout.isatty() else 150).print(table)
    for name in failed:
        print(f"{name}: failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
