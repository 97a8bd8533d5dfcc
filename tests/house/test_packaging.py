"""What is declared, what lies in the folders, what type checkers see and what gets pinned stay in step."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOT, SHIPPED, source_files, tracked_files

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)


def package_of(folder: Path) -> str:
    """Return the import name of a folder: `src/did` is `konsens.did`."""
    top, *rest = folder.relative_to(ROOT).parts
    return ".".join([SHIPPED[top], *rest])


def pins(name: str) -> set[tuple[str, str]]:
    return set(PIN.findall((ROOT / "requirements" / name).read_text("utf-8")))


def test_every_folder_with_code_is_a_declared_package_and_nothing_else_is() -> None:
    assert sorted(SETUPTOOLS["packages"]) == sorted({package_of(path.parent) for path in source_files()})


def test_the_renaming_map_names_the_folders_at_the_top() -> None:
    assert SETUPTOOLS["package-dir"] == {name: folder for folder, name in SHIPPED.items()}


def test_every_package_has_a_face_with_a_docstring() -> None:
    folders = {path.parent for path in source_files()}
    faceless = [folder for folder in folders if not (folder / "__init__.py").is_file()]
    mute = [
        folder
        for folder in folders - set(faceless)
        if not (folder / "__init__.py").read_text("utf-8").startswith('"""')
    ]
    assert (faceless, mute) == ([], [])


def test_every_data_file_enters_the_wheel() -> None:
    """A pattern is read from the folder of the package that the file lies in, or from one above it."""
    patterns = SETUPTOOLS["package-data"]["*"]
    packages = {path.parent for path in source_files()}
    left_out = []
    for path in tracked_files():
        if path.relative_to(ROOT).parts[0] not in SHIPPED or path.suffix == ".py":
            continue
        package = next(folder for folder in path.parents if folder in packages)
        inside = path.relative_to(package)
        if not any(
            fnmatch(inside.name, pattern.rpartition("/")[2])
            and str(inside.parent) == (pattern.rpartition("/")[0] or ".")
            for pattern in patterns
        ):
            left_out.append(path)
    assert left_out == []


def test_type_checkers_see_a_link_to_every_package_and_module() -> None:
    wanted = {"cli": ROOT / "cli"} | {
        path.name: path for path in (ROOT / "src").iterdir() if not path.name.startswith((".", "__py"))
    }
    links = {
        path.name: path for path in (ROOT / "typings" / "konsens").iterdir() if path.name != "__pycache__"
    }
    assert sorted(links) == sorted(wanted)
    for name, link in links.items():
        assert link.is_symlink(), f"{name} is no link"
        assert not link.readlink().is_absolute(), f"{name} must point relatively"
        assert link.resolve() == wanted[name]


def test_every_package_at_the_top_has_its_floor_in_the_import_contract() -> None:
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]
    floors = {name.strip() for layer in contract["layers"] for name in re.split("[|:]", layer)}
    there = {
        path.stem
        for folder in SHIPPED
        for path in (ROOT / folder).glob("*")
        if path.suffix == ".py" or (path / "__init__.py").is_file()
        if folder != "cli"
    }
    assert floors == there - {"__init__"} | {"cli"}


def test_every_dependency_is_pinned_with_its_hash_and_the_demo_needs_no_other_version_than_the_tests() -> (
    None
):
    run, dev = pins("run.txt"), pins("dev.txt")
    named = {re.split(r"[<>=!~\[ ]", text)[0].lower() for text in PROJECT["project"]["dependencies"]}
    assert named <= {name for name, _ in run}
    assert {"setuptools", "wheel"} <= {name for name, _ in run}
    assert run <= dev
    for name in ("run.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text("utf-8")
        assert len(PIN.findall(text)) == len(re.findall(r"^[^#\s-][^#]*?--hash=sha256:", text, re.MULTILINE))


@pytest.mark.parametrize("judge", ["pymerkle", "pyshacl", "sd-jwt", "openvc-core", "proofbundle", "pytest"])
def test_a_judge_stays_out_of_the_runtime(judge: str) -> None:
    assert judge in {name for name, _ in pins("dev.txt")}
    assert judge not in {name for name, _ in pins("run.txt")}
