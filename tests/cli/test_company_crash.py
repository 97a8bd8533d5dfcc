"""Killed at any moment, a company's command leaves a home that opens, verifies and finishes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from konsens.registry import fsck, parse_vkey
from tests.cli.company_world import Shop
from tests.cli.conftest import in_its_own_process
from tests.house.tree import ROOT


def killed(shop: Shop, *words: str | Path, chance: random.Random) -> None:
    """Run a command in a process of its own and kill it somewhere in its second half, where it writes."""
    begun = time.perf_counter()
    in_its_own_process("company", *words, "--home", shop.folder / "no-home")  # as long as it takes to start
    after = (time.perf_counter() - begun) * chance.uniform(1.0, 2.5)
    line = ["company", *map(str, words), "--home", str(shop.home), "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from konsens.cli.app import main; main()", *line],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()


def check_log(shop: Shop) -> None:
    found = fsck(shop.reg, vkey=parse_vkey((shop.reg / "vkey").read_text().strip()))
    assert not found.failed


@pytest.mark.parametrize("number", range(3))
def test_a_delivery_is_taken_in_whole_however_often_it_is_interrupted(number: int, shop: Shop) -> None:
    chance = random.Random(number)
    anna = shop.customer()
    notice, request = shop.ask()
    path = shop.file("grant.json", anna.open(), anna.give(notice, request))
    for _ in range(2):
        killed(shop, "receive", path, "--ref", "C-1", chance=chance)
    data = shop.data("receive", path, "--ref", "C-1", "--receipts", shop.folder / "receipts.json")
    assert (data["new"] + data["known"], len(data["receipts"])) == (2, 1)
    assert shop.data("check", "C-1", "newsletter", "--channel", "email", "--deep")["allowed"]
    check_log(shop)


def test_uses_and_imports_are_there_whole_or_not_at_all(shop: Shop) -> None:
    chance = random.Random(7)
    shop.granted()
    use = ("record-use", "C-1001", "newsletter", "--channel", "email", "--campaign", "may")
    source = ROOT / "examples" / "imports" / "mailchimp.csv"
    for _ in range(2):
        killed(shop, *use, chance=chance)
        killed(shop, "import", source, "--mapping", "mailchimp", chance=chance)
    assert shop.data(*use)["use"]
    data = shop.data("import", source, "--mapping", "mailchimp")
    assert data["accepted"] + data["duplicates"] == 3
    assert (data["accepted"] == 0) == (data["batch"] is None)
    assert shop.data("check", "a1b2c3d4e5", "newsletter", "--channel", "email", "--deep")["allowed"]
    check_log(shop)


def test_init_killed_on_its_way_can_be_made_again(fresh: Shop) -> None:
    chance = random.Random(3)
    for number in range(3):
        fresh.home = fresh.folder / f"shop-{number}"
        registry = fresh.folder / f"reg-{number}"
        words = ("init", "Muster-Shop", "--new-registry", registry, "--origin", "log.muster.example")
        killed(fresh, *words, chance=chance)
        if (fresh.home / "konsens.json").exists():
            assert fresh("notice", "publish", fresh.folder / "newsletter.toml").exit == 0
        else:
            again = (
                fresh("init", "Muster-Shop", "--registry", registry) if registry.exists() else fresh(*words)
            )
            assert again.exit == 0


def test_two_at_once_do_not_spoil_each_other(shop: Shop) -> None:
    shop.granted()
    line = ["company", "record-use", "C-1001", "newsletter", "--channel", "email", "--json"]
    program = [sys.executable, "-c", "from konsens.cli.app import main; main()"]
    running = [
        subprocess.Popen(
            [*program, *line, "--home", str(shop.home), "--campaign", str(number)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    check_log(shop)
