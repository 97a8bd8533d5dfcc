"""What people read from a company's commands: one language, one word for a thing, and nothing untrue."""

from __future__ import annotations

import re

from tests.cli.company_world import Shop

USE = ("record-use", "C-1001", "newsletter", "--channel", "email", "--campaign", "may")
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\dZ")


def test_a_rehearsal_says_that_nothing_happened(shop: Shop) -> None:
    shop.granted()
    home = ("--home", shop.home)
    assert shop.konsens("company", *USE, "--dry-run", *home).err == "None of this has happened.\n"
    german = shop.konsens("company", *USE, "--dry-run", *home, "--lang", "de")
    assert german.err == "Nichts davon ist geschehen.\n"
    assert "is in the log." in shop.konsens("company", *USE, *home).err


def test_german_answers_are_german(shop: Shop) -> None:
    anna, _ = shop.granted()
    home = ("--home", shop.home, "--lang", "de")
    found = shop.konsens("trail", "search", *home)
    assert found.exit == 0
    assert "erteilt" in found.out
    assert "given" not in found.out
    assert TIME.search(found.out)
    gone = shop.konsens("company", "withdraw", "C-1001", "--method", "letter", *home)
    assert "✖ widerrufen" in gone.out
    assert f"Unternehmen (für {anna.did[:14]}" in shop.konsens("trail", "search", *home).out
    out = shop.folder / "trail.csv"
    made = shop.konsens("trail", "export", "--format", "csv", "--out", out, *home)
    assert made.out.startswith("Datei:")
    assert made.err.startswith("1 Datensatz mit ")
    on = ("--channel", "email", "--on", "2020-01-01")
    asked = shop.konsens("trail", "prove", "C-1001", "newsletter", *on, *home)
    assert "Nein: C-1001 · newsletter · email" in asked.out


def test_a_notice_under_another_name_is_published_with_a_warning(shop: Shop) -> None:
    file = shop.folder / "other.toml"
    text = (shop.folder / "newsletter.toml").read_text().replace("Muster-Shop", "Other Ltd")
    file.write_text(text.replace('id = "newsletter"', 'id = "other"', 1))
    ran = shop.konsens("company", "notice", "publish", file, "--home", shop.home)
    assert ran.exit == 0
    assert "warning[notice.other_name]:" in ran.err
