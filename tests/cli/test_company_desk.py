"""At the desk: a decision before every contact, and what came by letter or phone."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from konsens.encoding import format_time
from tests.cli.company_world import EMAIL, Shop, look
from tests.cli.conftest import in_its_own_process

CHECK = ("check", "C-1001", "newsletter", "--channel", "email")
USE = ("record-use", "C-1001", "newsletter", "--channel", "email", "--campaign", "may")


def test_a_yes_says_what_it_rests_on(shop: Shop) -> None:
    anna, _ = shop.granted()
    data = shop.data(*CHECK)
    assert data["allowed"] is True
    assert (data["basis"], data["assurance"]) == ("consent", "customer_signed")
    assert data["evidence"]["checkpoint_size"] > data["evidence"]["leaf_index"] > 0
    assert all(check["ok"] for check in data["checks"])
    assert shop.data("check", anna.did, *CHECK[2:])["allowed"]
    assert shop.data(*CHECK, "--address", EMAIL.upper().replace("CANARY@MUSTER", "canary@muster"), "--deep")


def test_a_decision_loads_nothing_that_it_does_not_need(shop: Shop) -> None:
    shop.granted()
    heavy = (
        *("cryptography", "rich", "pydantic", "phonenumbers", "jinja2", "psycopg", "starlette"),
        *("asyncio", "ssl", "email", "konsens.credentials", "konsens.trail", "konsens.wallet"),
    )
    code = (
        "import sys; from konsens.cli.app import run; code = run(sys.argv[1:]); "
        f"print(sorted({{*sys.modules}} & {{*{heavy}}}), file=sys.stderr); sys.exit(code)"
    )
    line = [sys.executable, "-c", code, "company", *CHECK, "--home", str(shop.home)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()) == (0, ["[]"]), done.stderr


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["C-9", "newsletter", "--channel", "email"], "consent.none", 7),
        (["C-1001", "other", "--channel", "email"], "consent.purpose", 5),
        (["C-1001", "newsletter", "--channel", "fax"], "consent.channel", 5),
        (
            ["C-1001", "newsletter", "--channel", "email", "--address", "b@muster.example"],
            "consent.target",
            7,
        ),
        (["C-1001", "newsletter", "--channel", "email", "--data", "birthday"], "consent.data", 7),
        (["C-1001", "newsletter", "--channel", "email", "--recipient", "Nobody"], "consent.recipient", 7),
        (["C-1001", "newsletter", "--channel", "email", "--as-of", "2020-01-01"], "consent.none", 7),
    ],
)
def test_a_no_says_why_and_gives_its_decision(
    words: list[str], code: str, exit_code: int, shop: Shop
) -> None:
    shop.granted()
    ran = shop("check", *words)
    assert (ran.exit, ran.json["code"]) == (exit_code, code)
    assert ran.json["hint"]
    data = ran.json["data"]
    assert (data["allowed"], data["code"]) == (False, code)
    assert data["reason"]["en"] == ran.json["message"]
    assert data["reason"]["de"] != data["reason"]["en"]


def test_a_withdrawal_works_without_a_message_and_is_named_once_there_is_one(shop: Shop) -> None:
    anna, _ = shop.granted()
    withdrawn = anna.withdraw()
    assert shop(*CHECK).json["code"] == "consent.seal_broken"
    shop.data("receive", shop.file("w.json", withdrawn))
    assert shop(*CHECK).json["code"] == "consent.withdrawn"


def test_the_past_stays_what_it_was(shop: Shop) -> None:
    anna, _ = shop.granted()
    moment = format_time(datetime.now(UTC) + timedelta(seconds=1))
    anna.withdraw()
    assert shop(*CHECK).exit == 7
    before = format_time(datetime.now(UTC) - timedelta(days=1))
    assert shop(*CHECK, "--as-of", before).json["code"] == "consent.none"
    assert shop(*CHECK, "--as-of", moment, "--known-at", before).json["code"] == "consent.none"


def test_people_read_one_line_and_why(shop: Shop) -> None:
    shop.granted()
    home = ("--home", shop.home)
    yes = shop.konsens("company", *CHECK, *home, "--lang", "de")
    assert yes.out.startswith("✔ Ja: C-1001 · newsletter · email\n")
    assert "Gewissheit:" in yes.out
    assert "von der Person selbst unterschrieben" in yes.out
    assert "Seit:" in yes.out
    assert yes.err == ""
    no = shop.konsens("company", "check", "C-9", *CHECK[2:], *home, "--plain")
    assert no.out.startswith("failed No: C-9 · newsletter · email\n")
    assert "error[consent.none]:" in no.err
    assert "hint:" in no.err


def test_checking_asks_for_no_passphrase_and_writes_nothing(shop: Shop) -> None:
    shop.granted()
    before = look(shop.home, shop.reg)
    (shop.folder / "pp").unlink()
    assert shop(*CHECK).exit == 0
    assert look(shop.home, shop.reg) == before


def test_a_use_is_recorded_only_if_it_is_allowed(shop: Shop) -> None:
    anna, _ = shop.granted()
    data = shop.data(*USE)
    assert len(data["use"]) == 32
    assert data["decision"]["allowed"]
    anna.withdraw()
    before = look(shop.reg)
    (shop.folder / "pp").unlink()  # a no needs no keys
    ran = shop(*USE)
    assert (ran.exit, ran.json["code"], ran.json["data"]["use"]) == (7, "consent.seal_broken", None)
    assert look(shop.reg) == before


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(USE, id="use"),
        pytest.param(("withdraw", "C-1001", "--method", "letter"), id="withdraw"),
        pytest.param(("object", "C-1001", "--method", "phone"), id="object"),
    ],
)
def test_a_rehearsal_writes_nothing(words: tuple[str, ...], shop: Shop) -> None:
    shop.granted()
    before = look(shop.home, shop.reg)
    assert shop.data(*words, "--dry-run")["dry_run"] is True
    assert look(shop.home, shop.reg) == before
    assert shop(*CHECK).exit == 0
    shop.data(*words)
    assert look(shop.home, shop.reg) != before


def test_what_comes_by_letter_works_at_once(shop: Shop) -> None:
    shop.granted()
    (record,) = shop.data("withdraw", "C-1001", "newsletter", "--method", "letter")["records"]
    assert record["state"] == "withdrawn"
    assert record["leaf_index"] is not None
    assert shop(*CHECK).json["code"] == "consent.withdrawn"
    again = shop("withdraw", "C-1001", "newsletter", "--method", "letter")
    assert (again.exit, again.json["code"]) == (5, "courier.nothing_to_withdraw")


def test_an_objection_stops_everything(shop: Shop) -> None:
    shop.granted()
    words = ("object", "C-1001", "newsletter", "--channel", "email", "--method", "in-person")
    ran = shop.konsens("company", *words, "--home", shop.home)
    assert ran.exit == 0
    assert "warning[courier.every_channel]" in ran.err
    assert shop(*CHECK).json["code"] == "consent.objected"


@pytest.mark.parametrize("verb", ["withdraw", "object"])
def test_nobody_and_no_such_way(verb: str, shop: Shop) -> None:
    assert shop(verb, "C-9", "--method", "letter").json["code"] == "contact.unknown"
    assert shop(verb, "C-9", "--method", "pigeon").exit == 2
    assert shop(verb, "C-9").exit == 2


def test_a_letter_does_not_wait_for_the_log(shop: Shop) -> None:
    shop.granted()
    elsewhere = shop.reg.rename(shop.folder / "moved")
    (record,) = shop.data("withdraw", "C-1001", "--method", "phone")["records"]
    assert record["state"] == "withdrawn"
    elsewhere.rename(shop.reg)
    assert shop(*CHECK).json["code"] == "consent.withdrawn"


def test_it_is_the_same_in_a_process_of_its_own(shop: Shop, tmp_path: Path) -> None:
    shop.granted()
    words = [str(word) for word in (*CHECK, "--home", shop.home)]
    ran = in_its_own_process("company", *words, "--json")
    assert (ran.exit, ran.err) == (0, "")
    assert ran.json["data"]["allowed"]
    assert in_its_own_process("company", *USE, "--home", str(shop.home), "--json").exit == 0


def test_a_home_that_knows_its_log_was_rolled_back_never_says_yes(shop: Shop, tmp_path: Path) -> None:
    anna, _ = shop.granted()
    anna.world.registry.close()
    older = (shop.reg / "log.sqlite").read_bytes()
    assert shop.konsens("registry", "checkpoint", "--home", shop.home).exit == 0
    again = shop.customer()
    again.lanes, again.matters = anna.lanes, anna.matters
    again.withdraw()
    again.world.registry.close()
    assert shop.konsens("registry", "checkpoint", "--home", shop.home).exit == 0
    (shop.reg / "log.sqlite").write_bytes(older)
    (tmp_path / "list.csv").write_text("id\nC-1001\n")
    before = look(shop.reg)
    files = ("--out", tmp_path / "y.csv", "--refused", tmp_path / "n.csv")
    words = ("filter", tmp_path / "list.csv", "newsletter", "--channel", "email", "--column", "id", *files)
    for line in (CHECK, (*CHECK, "--deep"), USE, words):
        ran = shop(*line)
        assert (ran.exit in (8, 9), ran.json["code"]) == (True, "registry.rolled_back")
    now = format_time(datetime.now(UTC))
    proof = ("trail", "prove", *CHECK[1:], "--on", now, "--home", shop.home, "--json")
    assert shop.konsens(*proof).json["code"] == "registry.rolled_back"
    assert not (tmp_path / "y.csv").exists()
    assert look(shop.reg) == before


def test_a_moment_to_come_is_no(shop: Shop) -> None:
    shop.granted()
    ran = shop(*CHECK, "--as-of", "2099-01-01")
    assert (ran.exit, ran.json["code"]) == (8, "consent.future")
