"""Whole files: consents from before konsens, and which rows of a list may be contacted."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.company_world import EMAIL, Shop, look
from tests.cli.conftest import in_its_own_process
from tests.house.tree import ROOT

IMPORTS = ROOT / "examples" / "imports"


def take(shop: Shop, name: str = "mailchimp", *more: str | Path) -> Any:
    return shop.data("import", IMPORTS / f"{name}.csv", "--mapping", name, *more)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def code_of(shop: Shop, who: str) -> str:
    return str(shop("check", who, "newsletter", "--channel", "email").json["code"])


@pytest.mark.parametrize(
    ("name", "accepted", "rejected", "yes", "no"),
    [
        ("mailchimp", 3, ["import.no_consent"], "a1b2c3d4e5", "b1b2c3d4e6"),
        ("hubspot", 2, ["import.no_consent"], "10250001", "10250002"),
        ("mautic", 2, ["import.no_consent"], "17", "18"),
        (
            "salesforce",
            2,
            ["import.no_consent", "import.channel"],
            "0PK000000000001AAA",
            "0PK000000000002AAA",
        ),
    ],
)
def test_the_exports_of_others_are_taken_in(
    name: str, accepted: int, rejected: list[str], yes: str, no: str, shop: Shop
) -> None:
    rejects = shop.folder / "rejects.csv"
    data = take(shop, name, "--rejects", rejects)
    assert (data["accepted"], data["rejected"], data["duplicates"]) == (accepted, len(rejected), 0)
    assert data["rows"] == accepted + len(rejected)
    assert len(data["batch"]) == len(data["event"]) == 64
    assert data["leaf_index"] is not None
    assert [row["code"] for row in rows_of(rejects)] == rejected
    assert (code_of(shop, yes), code_of(shop, no)) == ("ok", "consent.withdrawn")
    assert shop.data("check", yes, "newsletter", "--channel", "email")["assurance"] == "attested"


def test_again_nothing_is_new(shop: Shop) -> None:
    take(shop)
    before = look(shop.reg)
    data = take(shop)
    assert (data["accepted"], data["duplicates"], data["batch"]) == (0, 3, None)
    assert look(shop.reg) == before


def test_a_rehearsal_needs_no_key_and_writes_nothing(shop: Shop) -> None:
    before = look(shop.home, shop.reg)
    (shop.folder / "pp").rename(shop.folder / "away")
    data = take(shop, "mailchimp", "--dry-run", "--rejects", shop.folder / "rejects.csv")
    assert (data["accepted"], data["batch"], data["dry_run"]) == (3, None, True)
    assert look(shop.home, shop.reg) == before
    assert not (shop.folder / "rejects.csv").exists()


def test_rejects_overwrite_nothing(shop: Shop) -> None:
    (shop.folder / "mine.csv").write_text("precious")
    before = look(shop.home, shop.reg)
    ran = shop("import", IMPORTS / "mautic.csv", "--mapping", "mautic", "--rejects", shop.folder / "mine.csv")
    assert (ran.exit, ran.json["code"]) == (12, "file.exists")
    assert look(shop.home, shop.reg) == before


@pytest.mark.parametrize(
    ("file", "mapping", "code", "exit_code"),
    [
        ("id,email\n1\x00,x", "mautic", "import.no_column", 2),
        ("a,b\n1,2\n", "mailchimp", "import.no_id_column", 2),
        ("", "mailchimp", "import.csv", 2),
        ("id\n1\n", "sap", "import.no_mapping", 5),
        ("id\n1\n", "own.toml", "import.no_mapping", 5),
        (None, "mailchimp", "file.missing", 5),
        ("id\n1\n", ".", "import.no_mapping", 5),
    ],
)
def test_a_file_that_cannot_be_read(
    file: str | None, mapping: str, code: str, exit_code: int, shop: Shop
) -> None:
    path = shop.folder / "list.csv"
    if file is not None:
        path.write_text(file)
    ran = shop("import", path, "--mapping", mapping)
    assert (ran.exit, ran.json["code"]) == (exit_code, code)


def test_people_see_why_rows_were_refused(shop: Shop) -> None:
    words = ("company", "import", IMPORTS / "mautic.csv", "--mapping", "mautic", "--home", shop.home)
    out = shop.konsens(*words, "--lang", "de").out
    assert "Zurückgewiesen:" in out
    assert "Die Zeile sagt nicht, dass eine Einwilligung vorliegt." in out


@pytest.fixture
def mailing(shop: Shop) -> Path:
    """A list of numbers: one yes, one no, one stranger, one row without a number."""
    shop.granted()
    take(shop)
    path = shop.folder / "list.csv"
    path.write_text("nr,name\nC-1001,Anna\na1b2c3d4e5,Anna\nb1b2c3d4e6,Bernd\nC-9,Zoe\n,\n")
    return path


def filtered(shop: Shop, mailing: Path, *more: str | Path) -> Any:
    out = ("--out", shop.folder / "yes.csv", "--refused", shop.folder / "no.csv")
    return shop("filter", mailing, "newsletter", "--channel", "email", "--column", "nr", *out, *more)


def test_a_list_is_parted(shop: Shop, mailing: Path) -> None:
    (shop.folder / "pp").rename(shop.folder / "away")  # nothing is unlocked
    before = look(shop.home, shop.reg)
    data = filtered(shop, mailing).json["data"]
    assert (data["rows"], data["allowed"], data["invalid"], data["use"]) == (5, 2, 1, None)
    assert data["refused"] == {"consent.none": 1, "consent.withdrawn": 1}
    assert data["as_of"] < data["valid_until"]
    yes, no = rows_of(shop.folder / "yes.csv"), rows_of(shop.folder / "no.csv")
    assert [row["nr"] for row in yes] == ["C-1001", "a1b2c3d4e5"]
    assert {row["konsens_valid_until"] for row in yes} == {data["valid_until"]}
    assert [row["konsens_code"] for row in no] == ["consent.withdrawn", "consent.none", "filter.invalid"]
    assert look(shop.home, shop.reg) == before


def test_a_list_of_addresses(shop: Shop) -> None:
    shop.granted()
    path = shop.folder / "list.csv"
    path.write_text(f"nr\n{EMAIL}\nsomebody@else.example\n")
    data = filtered(shop, path, "--by", "address").json["data"]
    assert (data["allowed"], data["refused"]) == (1, {"consent.none": 1})


def test_a_use_covers_all_rows_of_the_list(shop: Shop, mailing: Path) -> None:
    data = filtered(shop, mailing, "--use", "may").json["data"]
    assert len(data["use"]) == 32
    assert {row["konsens_use"] for row in rows_of(shop.folder / "yes.csv")} == {data["use"]}


def test_a_rehearsed_list_writes_no_file_and_no_use(shop: Shop, mailing: Path) -> None:
    before = look(shop.home, shop.reg)
    data = filtered(shop, mailing, "--use", "may", "--dry-run").json["data"]
    assert (data["allowed"], data["dry_run"]) == (2, True)
    assert look(shop.home, shop.reg) == before
    assert not (shop.folder / "yes.csv").exists()


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--column", "no-such"], "filter.no_column", 2),
        (["--out", "same.csv", "--refused", "same.csv"], "filter.two_files", 2),
        (["--out", "-"], "filter.two_files", 2),
        (["--refused", "list.csv"], "file.exists", 12),
        (["--registry", "copy"], "registry.copy", 8),
    ],
)
def test_what_ends_without_any_file(
    words: list[str],
    code: str,
    exit_code: int,
    shop: Shop,
    mailing: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import shutil

    monkeypatch.chdir(shop.folder)
    shutil.copytree(shop.reg, "copy")
    given = {"--column": "nr", "--out": "yes.csv", "--refused": "no.csv"}
    given |= dict(zip(words[::2], words[1::2], strict=True))
    line = [word for pair in given.items() for word in pair]
    ran = shop("filter", mailing, "newsletter", "--channel", "email", *line)
    assert (ran.exit, ran.json["code"]) == (exit_code, code)
    assert not {"yes.csv", "no.csv", "same.csv"} & {path.name for path in shop.folder.iterdir()}


def test_a_folder_is_no_file(shop: Shop) -> None:
    ran = shop("import", shop.folder, "--mapping", "mailchimp")
    assert (ran.exit, ran.json["code"]) == (2, "file.unreadable")
    ran = filtered(shop, shop.folder)
    assert (ran.exit, ran.json["code"]) == (2, "file.unreadable")


def test_lists_come_by_stdin_too(shop: Shop) -> None:
    words = ("--json", "--home", str(shop.home))
    text = (IMPORTS / "mailchimp.csv").read_bytes()
    ran = in_its_own_process("company", "import", "-", "--mapping", "mailchimp", *words, stdin=text)
    assert (ran.exit, ran.json["data"]["accepted"]) == (0, 3), ran
    out = ("--out", str(shop.folder / "yes.csv"), "--refused", str(shop.folder / "no.csv"))
    line = ("company", "filter", "-", "newsletter", "--channel", "email", "--column", "nr", *out, *words)
    ran = in_its_own_process(*line, stdin=b"nr\na1b2c3d4e5\nb1b2c3d4e6\n")
    assert (ran.json["data"]["allowed"], ran.json["data"]["rows"]) == (1, 2)


@pytest.mark.parametrize(
    ("text", "more", "code"),
    [
        ("nr,konsens_use\n1,2\n", [], "filter.column_twice"),
        ("nr,nr\n1,2\n", [], "filter.column_twice"),
        ("nr\n1\n", ["--out", "./list.csv"], "filter.over_source"),
        ("nr\n1\n", ["--refused", "list.csv"], "filter.over_source"),
    ],
)
def test_no_answer_spoils_the_list(
    text: str, more: list[str], code: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop.folder)
    Path("list.csv").write_text(text)
    given = {"--out": "yes.csv", "--refused": "no.csv"} | dict([more] if more else [])
    line = [word for pair in given.items() for word in pair]
    ran = shop("filter", "list.csv", "newsletter", "--channel", "email", "--column", "nr", *line, "--force")
    assert (ran.exit, ran.json["code"]) == (2, code)
    assert Path("list.csv").read_text() == text


def test_people_see_an_unusable_value_apart_from_none(shop: Shop) -> None:
    path = shop.folder / "list.csv"
    path.write_text("nr,name\nnobody,Zoe\n,Otto\n,Max\n")
    out = ("--out", shop.folder / "yes.csv", "--refused", shop.folder / "no.csv", "--by", "address")
    line = ("company", "filter", path, "newsletter", "--channel", "email", "--column", "nr", *out)
    said = shop.konsens(*line, "--home", shop.home).out
    assert re.search(r"Without a value:\s+2", said)
    assert re.search(r"Unusable value:\s+1", said)


@pytest.mark.parametrize("together", [True, False], ids=["in one file", "one after the other"])
def test_an_address_under_two_numbers_with_different_states_is_told(together: bool, shop: Shop) -> None:
    head = "EUID,Email Address,OPTIN_TIME,UNSUB_TIME\n"
    yes, no = "5001,dup@x.example,2024-01-01,\n", "5002,DUP@x.example,2024-01-01,2025-01-01\n"
    path = shop.folder / "dup.csv"
    warned = []
    for text in [yes + no] if together else [no, yes]:
        path.write_text(head + text)
        words = ("company", "import", path, "--mapping", "mailchimp", "--home", shop.home)
        warned.append("1 stand under another number" in shop.konsens(*words).err)
    assert warned == ([True] if together else [False, True])
    asked = ("check", "5001", "newsletter", "--channel", "email", "--address", "dup@x.example")
    assert shop(*asked).json["code"] == "consent.withdrawn"
