"""A log at a URL: what the commands about registries say of it, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Konsens
from tests.cli.world import ORIGIN
from tests.flow.served_world import ServedWorld


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedWorld]:
    world = ServedWorld(tmp_path, konsens, monkeypatch)
    with world.operator():
        yield world


def policy(world: ServedWorld, *, witnesses: str = "quorum none\n", vkey: str = "") -> str:
    """Write a policy, and return the name of its file."""
    (world.folder / "policy.txt").write_text(f"log {vkey or world.vkey}\n{witnesses}")
    return "policy.txt"


def test_a_companys_home_answers_about_a_log_at_a_url(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = policy(world)
    used = world.run("shop", "registry", "use", world.url, "--policy", wanted, ok=False)
    assert used["data"]["folder"] == world.url
    assert "mirror.first_contact" not in json.dumps(used)
    published = world.shop("notice", "publish", world.notice())["notice"]["leaf_index"]
    for name in ("verify", "fsck"):
        report = world.run("shop", "registry", name)
        assert (report["failed"], report["checkpoint"]["origin"]) == ([], ORIGIN)
        assert report["entries"] > published
    proof = world.run("shop", "registry", "prove", "--leaf", str(published))
    assert proof["kind"] == "inclusion"
    assert world.run("shop", "registry", "prove", "--open", "11" * 32)["kind"] == "open"
    missing = world.run("shop", "registry", "prove", "--leaf", "1000", ok=False)
    assert (missing["exit"], missing["code"]) == (5, "registry.no_entry")
    refused = world.run("shop", "registry", "checkpoint", ok=False)
    assert (refused["exit"], refused["code"]) == (12, "registry.not_operator")
    world.run("shop", "registry", "policy", "--out", "trust.toml")
    assert world.vkey in (world.folder / "trust.toml").read_text()
    doctor = {check["name"]: check for check in world.run("shop", "doctor")["checks"]}
    assert doctor["registry.place"]["detail"] == f"{ORIGIN}: {world.url}"
    # The URL may be named for one run, too; a folder is a copy, also the home's own.
    monkeypatch.setenv("KONSENS_REGISTRY", world.url)
    assert world.run("shop", "registry", "prove", "--leaf", str(published))["leaf_index"] == published
    [mirror] = (world.folder / "shop" / "logs").iterdir()
    assert world.run("shop", "registry", "fsck", str(mirror))["failed"] == []


def test_a_customers_home_names_how_to_get_a_copy(world: ServedWorld) -> None:
    registry = world.me("init", "--registry", world.url, "--words-file", "words")["registry"]
    assert registry == {"origin": ORIGIN, "vkey": world.vkey, "folder": world.url}
    assert world.run("customer", "registry", "use", world.url)["folder"] == world.url
    for words in (("prove", "--leaf", "0"), ("verify",), ("fsck",), ("policy", "--out", "x")):
        answer = world.run("customer", "registry", *words, ok=False)
        assert (answer["exit"], answer["code"]) == (5, "registry.served")
        assert world.url in answer["hint"]


def test_what_is_no_log_to_use_is_refused(world: ServedWorld) -> None:
    wanted = policy(world)
    for home, line, code in (
        ("shop", ("reg", "--policy", wanted), "registry.policy_for_url"),
        ("shop", ("http://log.muster.example",), "fetch.address"),
        ("shop", ("http://127.0.0.1:9",), "fetch.unreachable"),
        ("op", (world.url,), "registry.still_there"),
    ):
        assert world.run(home, "registry", "use", *line, ok=False)["code"] == code


def test_a_policy_pins_the_key_and_demands_its_witnesses(world: ServedWorld) -> None:
    other = world.run("else", "registry", "init", "other", "--origin", ORIGIN)["vkey"]
    wrong = world.run("shop", "registry", "use", world.url, "--policy", policy(world, vkey=other), ok=False)
    assert wrong["exit"] in {6, 10}
    witness = world.run("wit", "registry", "witness", "key", "witness.example")["vkey"]
    demanding = policy(world, witnesses=f"witness w {witness}\nquorum w\n")
    unwitnessed = world.run("shop", "registry", "use", world.url, "--policy", demanding, ok=False)
    assert unwitnessed["exit"] in {8, 10}
    assert world.run("shop", "registry", "use", world.url, "--policy", policy(world))["vkey"] == world.vkey


def test_a_company_begins_with_a_url_and_a_did_web_does_not(world: ServedWorld) -> None:
    made = world.run("new", "company", "init", "Neu", "--registry", world.url, ok=False)
    assert made["data"]["registry"] == {
        "origin": ORIGIN,
        "vkey": world.vkey,
        "folder": world.url,
        "operator": False,
    }
    line = ("company", "init", "Netz", "--did", "did:web:muster.example", "--registry", world.url)
    assert world.run("web", *line, ok=False)["code"] == "company.web_served"
    # It is no member yet, and is told so when it publishes.
    refused = world.run("new", "company", "notice", "publish", world.notice(), ok=False)
    assert refused["code"] == "append.not_a_member"
