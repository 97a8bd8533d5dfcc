"""What `make show-registry` shows is so, with fewer entries."""

from __future__ import annotations

import subprocess
import sys

from tests.flow.conftest import ROOT


def test_the_registry_shows_what_it_promises() -> None:
    script = ROOT / "examples" / "show_registry.py"
    words = ("--entries", "3000", "--without-failover")
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count("✓") > 40
    assert done.stdout.endswith("All is as promised.\n")
