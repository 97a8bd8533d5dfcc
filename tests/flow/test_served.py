"""The whole way with a log that is served over HTTP in place of a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Any

import jsonschema
import msgspec
import pytest

from konsens.cli.answers import ANSWERS
from tests.cli.conftest import Konsens
from tests.flow.served_world import ServedWorld, rules, serving
from tests.flow.test_contract import SCRIPT, recorded

Make = Callable[..., ServedWorld]


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        sleep(0.1)
    raise AssertionError("it never came")


@pytest.fixture
def make(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make the world with limits of one's choice; the operator still has to be started."""

    def make(**limits: int) -> ServedWorld:
        return ServedWorld(tmp_path, konsens, monkeypatch, **limits)

    return make


def test_the_script_of_the_contract_ends_as_designed_with_a_served_log(
    tmp_path: Path, desk: dict[str, str]
) -> None:
    program, environ = Path(sys.executable).with_name("konsens"), desk | {"KONSENS_PASSPHRASE_FILE": "pp"}
    (tmp_path / "pp").write_text("correct horse\n")
    (tmp_path / "pp").chmod(0o600)

    def run(*words: str) -> Any:
        said = subprocess.run(
            [program, *words, "--json"], cwd=tmp_path, env=environ, capture_output=True, check=True
        )
        return json.loads(said.stdout)["data"]

    run("registry", "init", "reg", "--origin", "log.muster.example", "--home", "op")
    (tmp_path / "rules.toml").write_text(
        rules(run("company", "init", "Muster-Shop", "--home", "shop")["did"], per_minute=60)
    )
    with serving(tmp_path, "reg", "--rules", "rules.toml", "--port", "0", environ=environ) as url:
        script = SCRIPT.replace(
            "company init Muster-Shop --new-registry reg --origin log.muster.example", f"registry use {url}"
        )
        script = script.replace("--registry reg", f"--registry {url}").replace("policy reg", "policy")
        steps = recorded(script, tmp_path, desk)
    for step in steps:
        if step.data is not None:
            jsonschema.validate(step.data, msgspec.json.schema(ANSWERS[step.name]))
    assert [(step.name, step.exit) for step in steps] == [
        ("registry use", 0),
        ("company notice publish", 0),
        ("company ask", 0),
        ("init", 0),
        ("grant", 0),
        ("company receive", 0),
        ("card import", 0),
        ("company check", 0),
        ("withdraw", 0),
        ("company check", 7),
        ("registry policy", 0),
        ("trail export", 0),
        ("verify", 0),
        ("verify", 10),
        ("verify", 9),
    ]
    receive, withdraw, no, export = steps[5], steps[8], steps[9], steps[11]
    assert "company.receipts_unproven" not in str(receive.answer)
    assert withdraw.data["registry"]["acknowledged"] == "sequenced"
    assert withdraw.data["registry"]["size"] > withdraw.data["records"][0]["leaf_index"]
    assert no.answer["code"] == "consent.seal_broken"
    assert export.data["checkpoint"]["size"] >= withdraw.data["registry"]["size"]


def test_a_withdrawal_gets_in_beyond_every_limit(make: Make) -> None:
    world = make(per_minute=4)
    with world.operator():
        world.begin()
        granted = world.confirmed()
        assert world.check() == (0, "ok")
        world.exhaust(first=0)
        assert (
            world.me("withdraw", "Muster-Shop", "newsletter", "--yes")["records"][0]["state"] == "withdrawn"
        )
        assert world.check() == (7, "consent.seal_broken")
        # The shop may ask about something else, and its request brings what opens the log for the answer.
        world.ask("more.json", "--purpose", "survey", "--channel", "email", "--who", granted["did"])
        request = json.loads((world.folder / "more.json").read_text())
        assert [len(given) for given in request["vouchers"].values()] == [2]
        world.exhaust(first=100)
        world.me("grant", "more.json", "--all", "--yes", "--out", "more-grant.json")
        world.shop("receive", "more-grant.json", "--receipts", "more-receipts.json")
        # Asked for again, a receipt has the same voucher.
        world.shop("receive", "more-grant.json", "--receipts", "again.json")
        again, first = ((world.folder / n).read_bytes() for n in ("again.json", "more-receipts.json"))
        assert [r["vouchers"] for r in json.loads(again)["receipts"]] == [
            r["vouchers"] for r in json.loads(first)["receipts"]
        ]


def test_while_the_operator_is_away_nothing_is_known_for_long_and_nothing_is_lost(make: Make) -> None:
    world = make()
    with world.operator():
        world.begin()
        world.confirmed()
        assert world.check() == (0, "ok")
    assert world.check() == (0, "ok")  # a quarter of an hour is what it may be old
    world.ahead = timedelta(minutes=16)
    assert world.check() == (8, "fetch.unreachable")
    (world.folder / "list.csv").write_text("nr\nC-1001\n")
    line = ("filter", "list.csv", "newsletter", "--channel", "email", "--column", "nr")
    assert world.shop(*line, "--out", "yes.csv", "--refused", "no.csv")["allowed"] == 1
    world.ahead = timedelta(hours=25)
    assert world.shop(*line, "--out", "yes2.csv", "--refused", "no2.csv", ok=False)["exit"] == 8
    world.ahead = timedelta()
    kept = world.me("withdraw", "Muster-Shop", "newsletter", "--yes", ok=False)
    assert (kept["exit"], kept["code"]) == (8, "wallet.not_sent")
    assert world.me("consents")["records"][0]["state"] == "withdrawn"
    with world.operator():
        sent = world.me("withdraw", "Muster-Shop", "newsletter", "--yes")
        assert sent["records"][0]["leaf_index"] is not None
        assert world.check() == (7, "consent.seal_broken")


def test_an_operator_who_goes_back_or_shows_two_pasts_makes_it_a_no(make: Make) -> None:
    world = make(per_minute=6000)
    with world.operator():
        world.begin()
    world.keep("older")
    with world.operator():
        world.confirmed()
        assert world.check() == (0, "ok")
    world.bring_back("older")
    with world.operator():
        world.ahead = timedelta(minutes=16)
        assert world.check() == (8, "mirror.rolled_back")
        world.ahead = timedelta()
        world.stranger(first=0, count=20)
        wait_for(lambda: world.check() != (0, "ok"))
        assert world.check() == (8, "registry.convicted")
        # The wallet sees it too, and withdraws all the same: whatever he shows to whom, it is signed for.
        assert world.me("consents")["warnings"] == ["wallet.unchecked"]
        withdrawn = world.me("withdraw", "Muster-Shop", "newsletter", "--yes")
        assert withdrawn["records"][0]["state"] == "withdrawn"
        assert list((world.folder / "shop" / "logs").glob("*/evidence/*.json"))
