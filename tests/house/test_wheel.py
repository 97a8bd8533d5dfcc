"""The wheel, built and installed as a user would, holds everything and runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from konsens import __version__
from tests.house.tree import ROOT, SHIPPED, tracked_files


def quietly(*command: str | Path, cwd: Path) -> str:
    """Run a command as a user without our environment would, and return what it printed."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "COVERAGE", "KONSENS_"))
    }
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy: a `build/` left in the tree would ship files that were deleted."""
    folder = tmp_path_factory.mktemp("build")
    for path in tracked_files():
        inside = path.relative_to(ROOT)
        if inside.parts[0] in {*SHIPPED, "pyproject.toml", "README.md", "LICENSE"}:
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / inside)
    quietly(
        sys.executable,
        "-c",
        "from setuptools.build_meta import build_wheel; build_wheel('wheels')",
        cwd=folder,
    )
    (built,) = (folder / "wheels").glob("*.whl")
    return built


def test_the_wheel_holds_every_file_that_ships_under_its_import_name(wheel: Path) -> None:
    inside = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = set()
    for path in tracked_files():
        top, *rest = path.relative_to(ROOT).parts
        if top in SHIPPED:
            wanted.add("/".join([*SHIPPED[top].split("."), *rest]))
    assert inside == wanted


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    assert any(name.endswith("/licenses/LICENSE") for name in ZipFile(wheel).namelist())


def test_the_installed_command_runs_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "fresh", symlinks=True)
    python = tmp_path / "fresh" / "bin" / "python"
    quietly(
        sys.executable,
        *("-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"),
        *("--disable-pip-version-check", wheel),
        cwd=tmp_path,
    )
    # The dependencies come from here, so that no network is needed. A path named in a .pth file is searched,
    # but the .pth files in it are not read: our own editable install stays out.
    packages = Path(
        quietly(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = quietly(python, "-c", "import konsens.cli; print(konsens.cli.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)
    answer = json.loads(quietly(tmp_path / "fresh" / "bin" / "konsens", "version", "--json", cwd=tmp_path))
    assert answer["ok"] is True
    assert answer["data"]["version"] == __version__
