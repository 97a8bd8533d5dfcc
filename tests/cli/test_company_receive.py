"""Asking and receiving: from a request to receipts, and every way in which a delivery is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from konsens.consent import parse_message
from konsens.consent.message import ReceiptsMessage
from tests.cli.company_world import EMAIL, PASSPHRASE, Shop, look
from tests.cli.conftest import in_its_own_process


def test_a_request_names_what_is_asked(shop: Shop) -> None:
    words = ("--notice", "newsletter", "--purpose", "newsletter", "--valid", "24h", "--many")
    data = shop.data("ask", *words, "--out", shop.folder / "poster.json")
    assert data["offers"] == [{"purpose": "newsletter", "channels": ["email"]}]
    assert (data["customer"], len(data["nonce"])) == (None, 22)
    message = json.loads((shop.folder / "poster.json").read_text())
    assert message["type"] == "konsens/request"
    assert [log["vkey"] for log in message["logs"]] == [(shop.reg / "vkey").read_text().strip()]


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--notice", "other", "--purpose", "newsletter"], "notice.unknown", 5),
        (["--notice", "newsletter", "--purpose", "other"], "notice.no_purpose", 5),
        (["--notice", "newsletter", "--purpose", "newsletter", "--channel", "fax"], "notice.no_channel", 5),
        (["--notice", "newsletter", "--purpose", "newsletter", "--who", "C-9"], "contact.unknown", 5),
        (["--notice", "newsletter", "--purpose", "newsletter", "--valid", "9999d"], "request.valid", 11),
        (["--notice", "newsletter", "--purpose", "newsletter", "--valid", "soon"], "usage.bad_span", 2),
        (
            ["--notice", "newsletter", "--purpose", "newsletter", "--who", "C-1", "--many"],
            "company.many_or_who",
            2,
        ),
        (["--notice", "newsletter"], "usage.missing", 2),
    ],
)
def test_a_request_that_cannot_be_written(words: list[str], code: str, exit_code: int, shop: Shop) -> None:
    ran = shop("ask", *words, "--out", shop.folder / "ask.json")
    assert (ran.exit, ran.json["code"]) == (exit_code, code)
    assert not (shop.folder / "ask.json").exists()


def test_a_customer_who_said_no_is_not_asked_again_soon(shop: Shop) -> None:
    anna, _ = shop.granted()
    shop.data("receive", shop.file("no.json", anna.withdraw()))
    words = ("--notice", "newsletter", "--purpose", "newsletter", "--who", "C-1001")
    ran = shop("ask", *words, "--out", shop.folder / "again.json")
    assert (ran.exit, ran.json["code"]) == (11, "request.too_soon")


def test_a_delivery_is_taken_in_and_answered_with_receipts(shop: Shop) -> None:
    anna = shop.customer()
    notice, request = shop.ask()
    path = shop.file("grant.json", anna.open(), anna.give(notice, request))
    data = shop.data("receive", path, "--ref", "C-1001", "--receipts", shop.folder / "receipts.json")
    assert data["customer"] == {"did": anna.did, "ref": "C-1001"}
    assert (data["new"], data["known"], data["out"]) == (2, 0, str(shop.folder / "receipts.json"))
    (record,) = data["records"]
    assert (record["purpose"], record["channel"], record["state"]) == ("newsletter", "email", "given")
    assert record["company"] == shop.did
    receipts = parse_message((shop.folder / "receipts.json").read_bytes(), ReceiptsMessage).receipts
    assert len(receipts) == len(data["receipts"]) == 1
    assert receipts[0].proof  # this home operates the registry, so there is one


def test_the_same_file_twice_changes_nothing(shop: Shop) -> None:
    _, path = shop.granted()
    first = shop.data("receive", path, "--receipts", shop.folder / "one.json")
    before = look(shop.reg)
    second = shop.data("receive", path, "--receipts", shop.folder / "two.json")
    assert look(shop.reg) == before
    assert (second["new"], second["known"]) == (0, 2)
    assert second | {"out": None} == first | {"out": None}
    assert (shop.folder / "one.json").read_bytes() == (shop.folder / "two.json").read_bytes()


def test_receipts_overwrite_nothing_and_that_is_found_before_anything_is_done(shop: Shop) -> None:
    anna = shop.customer()
    notice, request = shop.ask()
    path = shop.file("grant.json", anna.open(), anna.give(notice, request))
    (shop.folder / "mine.json").write_text("precious")
    before = look(shop.reg, shop.home)
    ran = shop("receive", path, "--receipts", shop.folder / "mine.json")
    assert (ran.exit, ran.json["code"]) == (12, "file.exists")
    assert look(shop.reg, shop.home) == before
    assert (shop.folder / "mine.json").read_text() == "precious"
    assert shop.data("receive", path, "--receipts", shop.folder / "mine.json", "--force")["new"] == 2


def test_a_rehearsal_says_what_would_be_and_writes_nothing(shop: Shop) -> None:
    anna = shop.customer()
    notice, request = shop.ask()
    path = shop.file("grant.json", anna.open(), anna.give(notice, request))
    before = look(shop.reg, shop.home)
    words = ("receive", path, "--ref", "C-1", "--receipts", shop.folder / "receipts.json")
    would = shop.data(*words, "--dry-run")
    assert would.pop("dry_run") is True
    assert look(shop.reg, shop.home) == before
    assert not (shop.folder / "receipts.json").exists()
    done = shop.data(*words)
    at_their_own_time = {"receipts": None, "records": None}
    assert {**would, **at_their_own_time} == {**done, **at_their_own_time}
    assert [record["state"] for record in would["records"]] == ["given"]


def test_elsewhere_receipts_say_that_their_proof_is_to_come(shop: Shop) -> None:
    other = Shop(shop.folder, shop.konsens)
    other.home = shop.folder / "second"
    other.init("--registry", shop.reg)
    other.publish()
    bea = other.customer("bea")
    notice, request = other.ask("ask-bea.json")
    path = other.file("grant-bea.json", bea.open(), bea.give(notice, request))
    words = ("company", "receive", path, "--receipts", shop.folder / "r.json", "--home", other.home)
    ran = shop.konsens(*words)
    assert ran.exit == 0
    assert "warning[company.receipts_unproven]" in ran.err
    receipts = parse_message((shop.folder / "r.json").read_bytes(), ReceiptsMessage).receipts
    assert [receipt.proof for receipt in receipts] == [None]


def test_a_file_that_is_no_delivery(shop: Shop) -> None:
    shop.ask()
    assert shop("receive", shop.folder / "ask.json").json["code"] == "input.wrong_type"
    assert shop("receive", shop.folder / "nothing.json").exit == 5
    (shop.folder / "junk.json").write_bytes(b"\xff{")
    assert shop("receive", shop.folder / "junk.json").exit == 2


def test_a_changed_byte_is_refused_with_all_of_the_file(shop: Shop) -> None:
    anna = shop.customer()
    notice, request = shop.ask()
    path = shop.file("grant.json", anna.open(), anna.give(notice, request))
    found = json.loads(path.read_text())
    found["events"][1]["salt"] = found["events"][0]["salt"]
    path.write_text(json.dumps(found))
    ran = shop("receive", path)
    assert ran.exit == 6
    assert shop("check", anna.did, "newsletter", "--channel", "email").json["code"] == "consent.none"


def test_a_request_for_one_is_used_up_by_one(shop: Shop) -> None:
    anna, bea = shop.customer("anna"), shop.customer("bea")
    notice, request = shop.ask()
    shop.data("receive", shop.file("a.json", anna.open(), anna.give(notice, request)))
    ran = shop("receive", shop.file("b.json", bea.open(), bea.give(notice, request)))
    assert (ran.exit, ran.json["code"]) == (12, "request.used")


def test_a_number_means_one_customer(shop: Shop) -> None:
    shop.granted("anna", "C-1")
    bea = shop.customer("bea")
    notice, request = shop.ask("ask-bea.json")
    path = shop.file("b.json", bea.open(), bea.give(notice, request))
    ran = shop("receive", path, "--ref", "C-1")
    assert (ran.exit, ran.json["code"]) == (12, "contact.ref_taken")


def test_a_copy_of_the_log_takes_nothing(shop: Shop) -> None:
    anna = shop.customer()
    notice, request = shop.ask()
    path = shop.file("grant.json", anna.open(), anna.give(notice, request))
    elsewhere = shop.reg.rename(shop.folder / "moved")
    assert shop("receive", path).exit == 8
    assert shop("receive", path, "--registry", elsewhere).json["code"] == "registry.copy"


def test_a_wrong_passphrase_and_none_at_all(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = shop.granted()
    (shop.folder / "pp").write_text("wrong\n")
    ran = shop("receive", path)
    assert (ran.exit, ran.json["code"]) == (4, "wallet.passphrase")
    monkeypatch.delenv("KONSENS_PASSPHRASE_FILE")
    ran = shop("receive", path, "--no-input")
    assert (ran.exit, ran.json["code"]) == (2, "input.passphrase_needed")


def test_no_secret_and_no_address_is_ever_shown(shop: Shop) -> None:
    anna = shop.customer()
    notice, request = shop.ask()
    target, contact = anna.target(EMAIL)
    path = shop.file("g.json", anna.open(), anna.give(notice, request, target=target), contacts=[contact])
    broken = json.loads(path.read_text())
    broken["contacts"][0]["address"] = f"x{EMAIL}"
    (shop.folder / "broken.json").write_text(json.dumps(broken))
    lines: list[list[str | Path]] = [
        ["receive", shop.folder / "broken.json"],
        ["receive", path, "--ref", "C-1", "--receipts", shop.folder / "r.json"],
        ["check", "C-1", "newsletter", "--channel", "email", "--address", EMAIL],
        ["check", "C-1", "newsletter", "--channel", "email", "--address", f"y{EMAIL}"],
        ["withdraw", "C-1", "--method", "phone", "--note", f"called from {EMAIL}"],
    ]
    home, debug = str(shop.home), "1"
    exits = []
    for line in lines:
        ran = in_its_own_process("company", *line, "--home", home, KONSENS_DEBUG=debug)
        exits.append(ran.exit)
        assert "canary" not in ran.out + ran.err
        assert PASSPHRASE not in ran.out + ran.err
    assert exits == [6, 0, 0, 7, 0]
    for path in shop.home.iterdir():
        assert b"canary" not in path.read_bytes()
