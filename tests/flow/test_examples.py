"""The examples run, in the folder that the README leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.world import World
from tests.flow.conftest import ROOT


def example(name: str, *words: str) -> tuple[int, str]:
    script = ROOT / "examples" / f"{name}.py"
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_each_example_does_what_it_says(world: World, tmp_path: Path) -> None:
    world.granted()
    assert example("customer", "customer", "pp") == (0, "given Muster-Shop newsletter email\n")
    code, said = example("company", "shop", "C-1001", "newsletter", "email")
    assert (code, said.partition(":")[0]) == (0, "ok")

    assert example("customer", "customer", "pp", "Muster-Shop") == (
        0,
        "withdrawn Muster-Shop newsletter email\n",
    )
    code, said = example("company", "shop", "C-1001", "newsletter", "email")
    assert (code, said.partition(":")[0]) == (1, "consent.seal_broken")

    world.run("shop", "registry", "policy", "reg", "--out", "trust.toml")
    world.run("shop", "trail", "export", "--format", "bundle", "--out", "trail.zip")
    code, said = example("officer", "trail.zip", "trust.toml")
    assert (code, "FAILED" in said) == (0, False), said
    data = bytearray((tmp_path / "trail.zip").read_bytes())
    data[300] ^= 1
    (tmp_path / "trail.zip").write_bytes(data)
    assert example("officer", "trail.zip", "trust.toml")[0] in (6, 9)


def test_a_log_that_is_away_or_copied_is_never_a_yes(world: World, tmp_path: Path) -> None:
    world.granted()
    (tmp_path / "reg").rename(tmp_path / "moved")
    code, said = example("company", "shop", "C-1001", "newsletter", "email")
    assert (code, said.startswith("ok:")) == (1, False)
