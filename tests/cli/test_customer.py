"""A customer's decisions: what each command answers, writes, and ends with."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import msgspec
import pytest

from konsens.cli.answers import ANSWERS
from konsens.cli.frame import Frame
from tests.cli.conftest import Konsens
from tests.cli.world import ORIGIN, World

GRANT = ("grant", "ask.json", "--all", "--yes", "--out", "grant.json")


@pytest.fixture
def world(tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, konsens, monkeypatch)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file's bytes, but for what SQLite keeps beside a file while it is open."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal", ".lock"))
    }


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
    assert world.me("withdraw", "--all", "--yes", ok=False)["exit"] == 5


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


# What is typed, how it ends, and why.
WRONG = [
    (("grant", "ask.json", "--yes", "--out", "o"), 2, "wallet.nothing_chosen"),
    (("grant", "ask.json", "--all", "--out", "o", "--no-input"), 2, "input.needed"),
    (("refuse", "ask.json", "--out", "o", "--no-input"), 2, "input.needed"),
    (("grant", "ask.json", "--all", "--yes", "--out", "-"), 2, "input.stdout_taken"),
    (("grant", "ask.json", "--purpose", "x", "--yes", "--out", "o"), 2, "wallet.not_offered"),
    ((*GRANT[:-1], "o", "--address", "email"), 2, "wallet.address_form"),
    ((*GRANT[:-1], "o", "--address", "phone=+49301234567"), 2, "wallet.address_without_channel"),
    ((*GRANT[:-1], "o", "--until", "2020-01-01"), 11, "grant.until"),
    (("grant", "nothing", "--all", "--yes", "--out", "o"), 5, "file.missing"),
    (("grant", "receipts.json", "--all", "--yes", "--out", "o"), 2, "input.wrong_type"),
    ((*GRANT[:-1], "grant.json"), 12, "file.exists"),
    ((*GRANT[:-1], "no/o"), 5, "file.no_folder"),
    (("refuse", "ask.json", "--yes", "--out", "o"), 11, "wallet.nothing_to_refuse"),
    (("withdraw",), 2, "input.needed"),
    (("withdraw", "Muster-Shop", "--no-input"), 2, "input.needed"),
    (("withdraw", "Muster-Shop", "newsletter", "--all"), 2, "wallet.all_or_purpose"),
    (("withdraw", "Muster-Shop", "survey", "--yes"), 5, "wallet.nothing_to_withdraw"),
    (("withdraw", "Nobody", "--yes"), 5, "wallet.company_unknown"),
    (("withdraw", "Muster-Shop", "--yes", "--out", "pp"), 12, "file.exists"),
    (("object", "Nobody", "--yes"), 5, "wallet.company_unknown"),
    (("object", "Muster-Shop", "--no-input"), 2, "input.needed"),
    (("history", "abcdef"), 5, "wallet.record_unknown"),
    (("request", "show", "grant.json"), 2, "input.wrong_type"),
]


@pytest.mark.parametrize(("words", "code", "error"), WRONG)
def test_what_is_wrong_has_its_code_and_changes_nothing(
    words: tuple[str, ...], code: int, error: str, world: World
) -> None:
    world.granted()
    before = snapshot(world.folder / "reg")
    answer = world.me(*words, ok=False)
    assert (answer["exit"], answer["code"]) == (code, error)
    assert answer["message"]
    assert answer["hint"]
    assert answer["data"] is None
    assert snapshot(world.folder / "reg") == before
    assert not (world.folder / "o").exists()


def tampered(world: World, member: str) -> str:
    message = json.loads((world.folder / "ask.json").read_text())
    head, payload, signature = message[member].split(".")
    message[member] = ".".join([head, payload, ("A" if signature[0] != "A" else "B") + signature[1:]])
    (world.folder / "forged.json").write_text(json.dumps(message))
    return "forged.json"


@pytest.mark.parametrize("member", ["request", "notice"])
@pytest.mark.parametrize("words", [("request", "show"), ("grant", "--all", "--yes", "--out", "o")])
def test_a_forged_request_is_exit_6(member: str, words: tuple[str, ...], world: World) -> None:
    world.ask()
    at = 2 if words[0] == "request" else 1
    answer = world.me(*words[:at], tampered(world, member), *words[at:], ok=False)
    assert answer["exit"] == 6


def test_a_registry_that_is_away_is_exit_8_and_nothing_is_lost(world: World) -> None:
    world.granted()
    world.ask("second.json", "--purpose", "survey")
    (world.folder / "reg").rename(world.folder / "away")
    for words in (
        ("grant", "second.json", "--all", "--yes", "--out", "o"),
        ("withdraw", "Muster-Shop", "--yes"),
        ("withdraw", "--all", "--yes"),
        ("object", "Muster-Shop", "--yes"),
    ):
        answer = world.me(*words, ok=False)
        assert (answer["exit"], answer["code"]) == (8, "wallet.log_unreachable"), words
    ran = world.konsens("consents", "--home", "customer")
    assert ran.exit == 0
    assert "given" in ran.out
    assert "warning[wallet.unchecked]" in ran.err
    (world.folder / "away").rename(world.folder / "reg")
    assert world.check() == (0, "ok")
    world.me("withdraw", "Muster-Shop", "--yes")
    assert world.check()[0] == 7


def test_a_copy_of_the_registry_takes_no_withdrawal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.granted()
    shutil.copytree(world.folder / "reg", world.folder / "copy")
    answer = world.me("withdraw", "Muster-Shop", "--yes", "--registry", "copy", ok=False)
    assert (answer["exit"], answer["code"]) == (8, "registry.copy")
    monkeypatch.setenv("KONSENS_REGISTRY", "copy")
    assert world.me("withdraw", "Muster-Shop", "--yes", ok=False)["exit"] == 8


def test_another_key_for_a_known_origin_is_exit_10(world: World) -> None:
    world.run("other", "company", "init", "Other", "--new-registry", "other-reg", "--origin", ORIGIN)
    world.run("other", "company", "notice", "publish", "notice.toml")
    ask = ("ask", "--notice", "newsletter", "--purpose", "newsletter", "--out", "other.json")
    world.run("other", "company", *ask)
    for words in (("request", "show", "other.json"), ("grant", "other.json", *GRANT[2:])):
        answer = world.me(*words, ok=False)
        assert (answer["exit"], answer["code"]) == (10, "registry.other_key")


def test_a_request_for_somebody_else_or_out_of_date_is_exit_11(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run("berta", "init", "--registry", "reg", "--words-file", "berta-words")
    berta = world.run("berta", "id", "show")["did"]
    world.ask("hers.json", "--purpose", "newsletter", "--who", berta)
    assert world.me("request", "show", "hers.json", ok=False)["code"] == "request.other_customer"
    assert world.me("grant", "hers.json", *GRANT[2:], ok=False)["exit"] == 11
    assert world.run("berta", "grant", "hers.json", *GRANT[2:])["did"] == berta
    world.ask()
    later = datetime.now(UTC) + timedelta(days=15)
    monkeypatch.setattr(Frame, "now", lambda _: later.replace(microsecond=0))
    answer = world.me("grant", "ask.json", *GRANT[2:-1], "o", ok=False)
    assert (answer["exit"], answer["code"]) == (11, "request.expired")


def test_another_answer_to_the_same_request_is_exit_12(world: World) -> None:
    world.granted()
    world.me("withdraw", "Muster-Shop", "newsletter", "--yes")
    answer = world.me(*GRANT[:-1], "again.json", ok=False)
    assert (answer["exit"], answer["code"]) == (12, "wallet.answered_before")


def test_a_wrong_passphrase_is_exit_4(world: World) -> None:
    (world.folder / "pp").write_text("wrong battery staple")
    for words in (("consents",), ("withdraw", "--all", "--yes")):
        answer = world.me(*words, ok=False)
        assert (answer["exit"], answer["code"]) == (4, "wallet.passphrase")
        assert "battery" not in str(answer)


def test_a_damaged_wallet_is_exit_9(world: World) -> None:
    path = world.folder / "customer" / "wallet.sqlite"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    assert world.me("consents", ok=False)["exit"] == 9


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
