"""The page for operators promises nothing that no test holds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "registry.md"
HEADING = "## What is promised, and what holds it"


def promises() -> list[tuple[str, list[str]]]:
    """Return each promise of the table, and the tests that it names."""
    part = PAGE.read_text("utf-8").partition(HEADING)[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ")][1:]
    return [(cells[0].strip(), cells[1].replace("`", " ").replace(",", " ").split()) for cells in rows]


def marks_in(path: Path) -> dict[str, list[str]]:
    """Return the tests of a file with the names of their marks."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            found[node.name] = [ast.unparse(mark) for mark in node.decorator_list]
    return found


@pytest.mark.parametrize(("promise", "named"), promises(), ids=lambda value: str(value)[:60])
def test_every_promise_names_tests_that_run(promise: str, named: list[str]) -> None:
    assert named, promise
    for one in named:
        file, _, name = one.partition("::")
        path = ROOT / "tests" / file
        assert path.is_file(), one
        marks = marks_in(path).get(name)
        assert marks is not None, one
        # What runs only now and then holds no promise.
        assert not [mark for mark in marks if any(word in mark for word in ("long", "skip", "xfail"))], one


def test_there_are_promises() -> None:
    assert len(promises()) >= 15
