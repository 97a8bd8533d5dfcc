"""`demo`: every line works as it is shown, and a step that does not is no success."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import msgspec
import pytest

from konsens.cli import demo
from konsens.cli.answers import ANSWERS
from konsens.cli.commands import COMMANDS
from tests.cli.conftest import Konsens

ROOT = Path(__file__).parent.parent.parent


def test_the_whole_way_through_leaves_a_bundle_and_a_report(tmp_path: Path, konsens: Konsens) -> None:
    ran = konsens("demo", "--keep", tmp_path / "demo", "--json")
    assert ran.exit == 0, ran.out
    data = ran.json["data"]
    jsonschema.validate(data, msgspec.json.schema(ANSWERS["demo"]))
    assert [step["exit"] for step in data["steps"]] == [step.exit for step in demo.STEPS]
    codes = [step["code"] for step in data["steps"] if step["exit"]]
    assert codes[0] == "consent.seal_broken"
    assert codes[1].startswith("trust.")
    assert codes[2].startswith("bundle.")
    again = konsens("verify", data["bundle"], "--trust", tmp_path / "demo" / "trust.toml")
    assert again.exit == 0
    assert "<html" in Path(data["report"]).read_text("utf-8")


def test_a_newcomer_reads_what_happens_in_their_language(
    tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "STEPS", demo.STEPS[:2])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ran = konsens("demo", "--lang", "de")
    assert ran.exit == 0
    assert " 1. Ein Laden legt Schlüssel an" in ran.out
    assert "    $ konsens company notice publish newsletter.toml --home shop\n" in ran.out
    assert "Das war der ganze Weg." in ran.err


def test_a_step_that_goes_wrong_ends_the_demo_with_1(
    tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = demo.Step("version --nonsense", de="Falsch.", en="Wrong.")
    monkeypatch.setattr(demo, "STEPS", (wrong, *demo.STEPS))
    ran = konsens("demo", "--keep", tmp_path / "demo", "--json")
    assert (ran.exit, ran.json["code"]) == (1, "demo.failed")
    assert [(step["exit"], step["code"]) for step in ran.json["data"]["steps"]] == [
        (2, "usage.unknown_option")
    ]
    assert ran.json["data"]["bundle"] is None


def test_a_folder_that_is_in_use_is_not_taken(tmp_path: Path, konsens: Konsens) -> None:
    (tmp_path / "there").touch()
    ran = konsens("demo", "--keep", tmp_path, "--json")
    assert (ran.exit, ran.json["code"]) == (12, "demo.folder_taken")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_its_lines_are_commands_and_its_notice_is_the_example() -> None:
    for step in demo.STEPS:
        assert any(f"{step.line} ".startswith(f"{name} ") for name in COMMANDS)
    notice = ROOT / "cli" / demo.NOTICE
    assert notice.read_bytes() == (ROOT / "examples" / "notices" / demo.NOTICE).read_bytes()
