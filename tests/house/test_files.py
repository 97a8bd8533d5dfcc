"""What may stand in no file: the host of a package registry, a path of somebody's machine, a secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, tracked_files

# Written in pieces, so that this file is no finding of its own.
FORBIDDEN = {
    "package host": "|".join(["pypi" + r"\.org", "python" + "hosted", "npm" + "js", r"registry\." + "npm"]),
    "index address": "--(extra-)?index" + "-url|--find" + "-links|extra-index" + "-url",
    "machine path": r"(?<![\w.~-])/(work" + r"|root|Users|opt|home/[a-z]+)/",
    "private key": "-----BEGIN [A-Z ]*PRIVATE" + " KEY-----",
}
OFFICIAL = ROOT / "tests" / "vectors"  # other people's data, kept as it came


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    findings = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        if not is_official(path)
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line.replace("--no-emit-index-url", ""))
    ]
    assert findings == []


def is_official(path: Path) -> bool:
    return path.is_relative_to(OFFICIAL) and not path.is_relative_to(OFFICIAL / "konsens")


def test_official_data_comes_with_its_source_and_its_licence() -> None:
    lacking = [
        f"{folder.name}: {what}"
        for folder in sorted(OFFICIAL.iterdir())
        if folder.is_dir() and folder.name != "konsens"
        for what, pattern in {"SOURCE.md": "SOURCE.md", "licence": "LICEN[CS]E*"}.items()
        if not list(folder.glob(pattern)) + list(folder.glob(f"*/{pattern}"))
    ]
    assert lacking == []


def test_no_file_waits_for_later() -> None:
    marker = re.compile(r"\b(TO" + "DO|FIX" + r"ME|XX" + r"X)\b")
    findings = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        if path.suffix in {".py", ".toml", ".sh"} and not path.is_relative_to(OFFICIAL)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if marker.search(line)
    ]
    assert findings == []
