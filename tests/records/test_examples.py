"""The examples in the docstrings run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import konsens.records

MODULES = [
    "konsens.records",
    *(f"konsens.records.{m.name}" for m in pkgutil.iter_modules(konsens.records.__path__)),
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
