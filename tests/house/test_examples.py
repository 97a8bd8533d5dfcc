"""Every example in a docstring, and those of the pages about keys and credentials, run as they stand."""

from __future__ import annotations

import doctest
import importlib
import re
from typing import Any

import pytest

from tests.house.tree import ROOT, SHIPPED, source_files


def modules_with_examples() -> list[str]:
    names = []
    for path in source_files():
        if "\n>>> " in path.read_text("utf-8"):
            top, *rest = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join([SHIPPED[top], *rest]).removesuffix(".__init__"))
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_example_of_a_module_runs(name: str) -> None:
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module)
    assert failed == 0
    assert tried


@pytest.mark.parametrize("page", ["credentials.md", "did.md"])
def test_the_examples_of_a_page_run_one_after_the_other(page: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / page).read_text("utf-8"), re.S | re.M)
    assert blocks
    namespace: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)


def test_the_codes_that_the_page_about_keys_names_are_raised() -> None:
    page = (ROOT / "docs" / "did.md").read_text("utf-8")
    named = set(re.findall(r"`((?:key|jws|did)\.[a-z_]+)`", page))
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src" / "did").glob("*.py"))
    assert {code for code in named if f'"{code}"' not in source} == set()
