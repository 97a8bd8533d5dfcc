"""A disk that is full and a folder that takes nothing: a clear error, and nothing is lost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.world import World

GRANT = ("grant", "ask.json", "--all", "--yes", "--out", "grant.json", "--home", "customer")
WRITING = {
    "grant": GRANT,
    "init": ("init", "--registry", "reg", "--words-file", "w", "--home", "new"),
    "backup": ("backup", "create", "backup", "--home", "customer"),
    "receive": ("company", "receive", "given.json", "--ref", "C-1001", "--home", "shop"),
    "withdraw": ("withdraw", "Muster-Shop", "--yes", "--home", "customer"),
    "checkpoint": ("registry", "checkpoint", "--home", "shop"),
    "export": ("trail", "export", "--format", "bundle", "--out", "trail.zip", "--home", "shop"),
}


def limited(bytes_: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a line in a process that may write no file beyond a size."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))

    return subprocess.run(
        [sys.executable, "-c", "from konsens.cli.app import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("bytes_", [0, 4096, 40960])
def test_a_full_disk_is_named_and_the_command_run_again_finishes(
    name: str, bytes_: int, world: World
) -> None:
    world.ask()
    if name != "grant":
        world.me("grant", "ask.json", "--all", "--yes", "--out", "given.json")
    if name not in ("grant", "receive"):
        world.shop("receive", "given.json", "--ref", "C-1001")
    words = WRITING[name]
    done = limited(bytes_, *words)
    assert done.returncode in (0, 2, 4, 8), done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "error[" in done.stderr
    for home in ("customer", "shop"):
        assert world.run(home, "doctor", ok=False)["exit"] == 0
    assert world.run("shop", "registry", "fsck", "reg")["failed"] == []
    if done.returncode:
        ran = world.konsens(*words, "--force") if "--out" in words else world.konsens(*words)
        again = ran.exit in (0, 5) if name == "withdraw" else ran.exit == 0
        assert again, ran.err


@pytest.mark.parametrize("name", ["grant", "backup", "export"])
def test_a_folder_that_takes_nothing_is_named_before_anything_is_done(
    name: str, world: World, tmp_path: Path
) -> None:
    world.ask()
    size = (tmp_path / "reg" / "log.sqlite").stat().st_size
    words = [*WRITING[name]]
    at = words.index("--out") + 1 if "--out" in words else 2
    for place in ("/proc/x", "missing/x", "pp/x"):
        words[at] = place
        ran = world.konsens(*words)
        assert ran.exit in (2, 5), ran.err
        assert "error[file." in ran.err
        assert (tmp_path / "reg" / "log.sqlite").stat().st_size == size
    assert world.me("history")["events"] == []
    assert os.listdir(tmp_path / "customer")
