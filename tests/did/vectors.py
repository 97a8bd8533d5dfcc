"""The official files, read once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[1] / "vectors"


class Case(NamedTuple):
    """One case of a Wycheproof file, and the group that it stands in."""

    group: dict[str, Any]
    test: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.test['tcId']} {self.test['comment']}"

    @property
    def valid(self) -> bool:
        return bool(self.test["result"] == "valid")


def wycheproof(name: str) -> list[Case]:
    content = json.loads((FOLDER / "wycheproof" / f"{name}.json").read_text("utf-8"))
    cases = [Case(group, test) for group in content["testGroups"] for test in group["tests"]]
    assert len(cases) == content["numberOfTests"]
    return cases


def did_key(name: str) -> dict[str, Any]:
    documents: dict[str, Any] = json.loads((FOLDER / "did-key" / f"{name}.json").read_text("utf-8"))
    return documents
