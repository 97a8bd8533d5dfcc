"""A customer's decisions: what each command answers, writes, and ends with."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import msgspec
import pytest

from konsens.cli.answers import ANSWERS
from konsens.cli.frame import Frame
from konsens.errors import InputError
from tests.cli.conftest import Konsens
from tests.cli.world import GRANT, ORIGIN, World, snapshot


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, konsens, monkeypatch)


def test_a_request_is_shown_before_anything_is_decided(world: World) -> None:
    shop = world.shop("ask", "--notice", "newsletter", "--purpose", "newsletter", "--out", "ask.json")
    data = world.me("request", "show", "ask.json", "--lang", "de")
    assert data["request"] == shop["request"]
    assert data["company"] == {"did": data["company"]["did"], "name": "Muster-Shop", "known": False}
    assert data["registry"]["origin"] == ORIGIN
    assert (data["notice"]["id"], data["notice"]["language"]) == ("newsletter", "de")
    assert "Newsletter per E-Mail" in data["notice"]["text"]
    assert data["offers"] == [
        {
            "purpose": "newsletter",
            "label": "Newsletter",
            "channels": ["email", "phone"],
            "data": ["email"],
            "recipients": ["Versand GmbH"],
            "retention": "P2Y",
            "double_opt_in": False,
        }
    ]
    assert data["warnings"] == ["company.first_contact", "logs.controller_only"]
    assert data["expires_at"].endswith("Z")


def test_the_whole_way_from_yes_to_no(world: World) -> None:
    granted = world.granted()
    [record] = granted["records"]
    assert granted["out"] == "grant.json"
    assert (record["state"], record["purpose"], record["channel"]) == ("given", "newsletter", "email")
    assert record["leaf_index"] in (1, 2), "a log sorts the leaves of one append"
    assert world.check() == (0, "ok")

    [card] = world.me("card", "import", "receipts.json")["cards"]
    assert (card["status"], card["subject"]) == ("valid", granted["did"])
    assert world.me("consents")["records"] == [record]
    assert not world.me("request", "show", "ask.json")["warnings"].count("company.first_contact")

    ended = world.me("withdraw", "Muster-Shop", "newsletter", "--yes")
    assert [one["state"] for one in ended["records"]] == ["withdrawn"]
    assert (ended["registry"]["origin"], ended["registry"]["acknowledged"]) == (ORIGIN, "sequenced")
    assert ended["out"] is None
    assert world.check() == (7, "consent.seal_broken")

    types = [one["type"] for one in world.me("history")["events"]]
    assert sorted(types) == ["countersigned", "given", "opened", "withdrawn"]
    mine = world.me("history", record["record"][:6])["events"]
    assert [(one["seq"], one["record"]) for one in mine if one["type"] != "countersigned"] == [
        (0, record["record"]),
        (1, record["record"]),
    ]


def test_a_no_that_the_log_lost_is_told_and_said_again(world: World) -> None:
    log = world.folder / "reg" / "log.sqlite"

    def content() -> bytes:
        with closing(sqlite3.connect(log)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return log.read_bytes()

    world.granted()
    before = content()
    no = ("withdraw", "Muster-Shop", "newsletter", "--yes")
    world.me(*no)
    content()
    log.write_bytes(before)
    assert world.me("consents")["warnings"] == ["wallet.leaf_missing"]
    told = world.konsens("consents", "--home", "customer").err
    assert f"warning[wallet.leaf_missing]: The log {ORIGIN} lost an entry of yours about newsletter" in told
    assert "Muster-Shop" in told
    world.me(*no)
    assert world.me("consents")["warnings"] == []
    assert world.check() == (7, "consent.seal_broken")


@pytest.mark.parametrize(
    ("words", "pairs"),
    [
        pytest.param(["--all"], {"newsletter/email", "newsletter/phone", "survey/email", "survey/phone"}),
        pytest.param(["--purpose", "survey"], {"survey/email", "survey/phone"}),
        pytest.param(["--channel", "phone"], {"newsletter/phone", "survey/phone"}),
        pytest.param(["--purpose", "survey", "--channel", "email"], {"survey/email"}),
    ],
)
def test_a_grant_takes_what_is_named_and_nothing_else(
    words: list[str], pairs: set[str], world: World
) -> None:
    world.ask("ask.json", "--purpose", "newsletter", "--purpose", "survey")
    data = world.me("grant", "ask.json", *words, "--yes", "--out", "grant.json")
    assert {f"{one['purpose']}/{one['channel']}" for one in data["records"]} == pairs


def test_a_grant_may_end_by_itself_and_be_bound_to_an_address(world: World) -> None:
    world.ask()
    until = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d")
    address = "email=anna@muster.example"
    data = world.me(*GRANT, "--until", until, "--address", address)
    assert data["records"][0]["until"] == f"{until}T00:00:00Z"
    world.shop("receive", "grant.json", "--ref", "C-1001")
    check = ("check", "C-1001", "newsletter", "--channel", "email")
    assert world.shop(*check, "--address", "Anna@muster.example")["allowed"]
    assert world.shop(*check, "--address", "berta@muster.example", ok=False)["exit"] == 7


def test_a_refusal_and_a_not_now_are_told_too(world: World) -> None:
    world.ask()
    later = world.me("refuse", "ask.json", "--defer", "--yes", "--out", "later.json")
    assert [one["state"] for one in later["records"]] == ["deferred"]
    no = world.me("refuse", "ask.json", "--yes", "--out", "no.json")
    assert [one["state"] for one in no["records"]] == ["refused"]
    assert world.shop("receive", "no.json")["records"][0]["state"] == "refused"


def test_an_objection_ends_every_consent_with_that_company(world: World) -> None:
    world.granted()
    data = world.me("object", "Muster-Shop", "--yes", "--out", "objection.json")
    assert [one["state"] for one in data["records"]] == ["withdrawn"]
    assert world.check()[0] == 7
    again = world.me("object", "Muster-Shop", "--yes", ok=False)
    assert (again["exit"], again["code"]) == (12, "wallet.already_objected")


def test_all_without_a_company_ends_everything_everywhere(world: World) -> None:
    world.granted()
    data = world.me("withdraw", "--all", "--yes")
    assert {one["state"] for one in data["records"]} == {"withdrawn"}
    assert world.check()[0] == 7
    assert world.me("consents", "--state", "given")["records"] == []
    assert world.me("withdraw", "--all", "--yes")["records"] == []


@pytest.mark.parametrize(
    "again",
    [
        ("Muster-Shop", "newsletter"),
        ("Muster-Shop",),
        ("Muster-Shop", "newsletter", "--channel", "email"),
        ("Muster-Shop", "--all"),
        ("Muster-Shop", "newsletter", "--dry-run"),
    ],
)
def test_a_withdrawal_can_be_said_again(again: tuple[str, ...], world: World) -> None:
    world.granted()
    world.me("withdraw", "Muster-Shop", "newsletter", "--yes")
    data = world.me("withdraw", *again, "--yes")
    assert data["records"] == []
    other = world.me("withdraw", "Muster-Shop", "survey", "--yes", ok=False)
    assert (other["exit"], other["code"]) == (5, "wallet.nothing_to_withdraw")


def test_a_withdrawal_holds_although_its_file_cannot_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.granted()

    def full(*_: object) -> None:
        raise InputError("file.unwritable", path="no.json", reason="No space left on device")

    monkeypatch.setattr(Frame, "write", full)
    answer = world.me("withdraw", "Muster-Shop", "--yes", "--out", "no.json", ok=False)
    assert (answer["exit"], answer["code"], answer["data"]["out"]) == (2, "file.unwritable", None)
    assert [one["state"] for one in answer["data"]["records"]] == ["withdrawn"]
    assert world.check()[0] == 7


def test_a_file_for_the_company_is_made_again_by_the_same_command(world: World) -> None:
    world.ask()
    first = world.me(*GRANT)
    (world.folder / "grant.json").unlink()
    again = world.me(*GRANT)
    assert again["records"] == first["records"]
    assert world.shop("receive", "grant.json")["new"] == 2


WRITING = {
    "grant": (*GRANT, "--address", "email=anna@muster.example"),
    "refuse": ("refuse", "ask.json", "--out", "refusal.json"),
    "withdraw": ("withdraw", "Muster-Shop", "newsletter", "--out", "withdrawal.json"),
    "withdraw all": ("withdraw", "--all"),
    "object": ("object", "Muster-Shop", "--out", "objection.json"),
}


@pytest.mark.parametrize("name", WRITING)
def test_a_rehearsal_says_the_same_and_writes_nothing(name: str, world: World) -> None:
    words = WRITING[name]
    world.granted()
    if name in ("grant", "refuse"):
        world.me("withdraw", "Muster-Shop", "--yes")
        world.ask()
    (world.folder / "grant.json").unlink()
    before = snapshot(world.folder)
    rehearsed = world.me(*words, "--dry-run")
    screen = world.konsens(*words, "--home", "customer", "--dry-run").out
    assert snapshot(world.folder) == before
    assert rehearsed.pop("dry_run") is True
    assert '"seal":' in screen
    assert " bytes under the signature" in screen
    assert "anna@" not in screen
    world.me(*words, "--yes")
    jsonschema.validate(rehearsed | {"dry_run": True}, msgspec.json.schema(ANSWERS[name.split()[0]]))


def test_a_rehearsal_of_a_grant_shows_the_records_that_it_would_make(world: World) -> None:
    world.ask()
    [planned] = world.me(*GRANT, "--dry-run")["records"]
    [made] = world.me(*GRANT)["records"]
    changing = ("event", "since", "leaf_index")
    assert {k: v for k, v in planned.items() if k not in changing} == {
        k: v for k, v in made.items() if k not in changing
    }
    assert planned["leaf_index"] is None


def test_the_lists_come_a_line_each(world: World) -> None:
    world.granted()
    for words, member in ((("consents",), "records"), (("history",), "events")):
        ran = world.konsens(*words, "--home", "customer", "--jsonl")
        assert [json.loads(line) for line in ran.out.splitlines()] == world.me(*words)[member]


def test_stdin_and_stdout_are_files_too(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.ask()
    with (tmp_path / "ask.json").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        ran = world.konsens("grant", "-", "--all", "--yes", "--out", "-", "--home", "customer")
    assert ran.exit == 0
    assert json.loads(ran.out)["type"] == "konsens/events"
    assert "given" in ran.err


def test_a_company_cannot_move_the_cursor_or_turn_the_sentence(
    world: World, tmp_path: Path, konsens: Konsens
) -> None:
    text = (tmp_path / "notice.toml").read_text("utf-8")
    evil = text.replace('name = "Muster-Shop"', 'name = "Bank\\u001b[2J\\u202egro.reve\\u2066"', 1)
    (tmp_path / "evil.toml").write_text(evil.replace('id = "newsletter"', 'id = "evil"', 1), "utf-8")
    world.shop("notice", "publish", "evil.toml")
    world.shop("ask", "--notice", "evil", "--purpose", "newsletter", "--out", "evil.json")
    screens = [konsens("request", "show", "evil.json", "--home", "customer")]
    screens.append(konsens("grant", "evil.json", *GRANT[2:], "--home", "customer"))
    screens.append(konsens("consents", "--home", "customer"))
    for ran in screens:
        assert ran.exit == 0
        assert not {"\x1b", "\u202e", "\u2066"} & set(ran.out + ran.err)
    assert "Bank[2Jgro.reve" in screens[0].out


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("plain", [[], ["--plain"]])
def test_people_read_calm_lines(lang: str, plain: list[str], world: World) -> None:
    world.ask()
    for words in (
        ("request", "show", "ask.json"),
        GRANT,
        ("consents",),
        ("history",),
        ("withdraw", "Muster-Shop", "--yes"),
        ("id", "list"),
    ):
        ran = world.konsens(*words, "--home", "customer", "--lang", lang, *plain)
        assert ran.exit == 0
        shown = ran.out + ran.err
        assert not any(stray in shown for stray in ("None", "\t", "{"))
        if plain:
            assert "  " not in ran.out.replace("\n\n", "")
