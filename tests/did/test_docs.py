"""The examples in docs/did.md and in the package run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import konsens.did

PAGE = Path(__file__).parents[2] / "docs" / "did.md"


def test_the_examples_of_the_page_run_one_after_the_other() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    namespace: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), namespace)


@pytest.mark.parametrize(
    "name", ["", *(f".{module.name}" for module in pkgutil.iter_modules(konsens.did.__path__))]
)
def test_the_example_of_a_module_runs(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(f"konsens.did{name}"))
    assert failed == 0


def test_the_codes_that_the_page_names_are_raised() -> None:
    named = set(re.findall(r"`((?:key|jws|did)\.[a-z_]+)`", PAGE.read_text("utf-8")))
    source = "".join(path.read_text("utf-8") for path in Path(konsens.did.__file__).parent.glob("*.py"))
    assert {code for code in named if f'"{code}"' not in source} == set()
