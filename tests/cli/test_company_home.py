"""A company's home is made whole or not at all, and says how its keys and its log are found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from konsens.cli import company_setup
from konsens.cli.home import DRAFT
from konsens.did import KeyHistory, parse_document
from konsens.registry import Registry
from tests.cli.company_world import PASSPHRASE, Shop
from tests.cli.conftest import Konsens
from tests.consent.world import ORIGIN


def test_a_home_is_made_with_its_registry(fresh: Shop) -> None:
    data = fresh.init().json["data"]
    assert data["did"].startswith("did:key:z6Mk")
    assert (data["name"], data["home"]) == ("Muster-Shop", str(fresh.home))
    assert data["registry"]["origin"] == ORIGIN
    assert data["registry"]["vkey"] == (fresh.reg / "vkey").read_text().strip()
    assert data["registry"]["folder"] == str(fresh.reg)
    assert data["registry"]["operator"] is True
    assert fresh.konsens("doctor", "--home", fresh.home).exit == 0
    secrets = [PASSPHRASE.encode(), b"seed"]
    for path in fresh.home.iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert not any(secret in path.read_bytes() for secret in secrets)


def test_twice_is_a_conflict_and_changes_nothing(fresh: Shop) -> None:
    fresh.init()
    before = (fresh.home / "konsens.json").read_bytes()
    again = fresh.init("--new-registry", fresh.folder / "other", "--origin", ORIGIN)
    assert (again.exit, again.json["code"]) == (12, "home.exists")
    assert (fresh.home / "konsens.json").read_bytes() == before
    assert not (fresh.folder / "other").exists()


def test_a_second_company_uses_the_registry_of_the_first(fresh: Shop, konsens: Konsens) -> None:
    fresh.init()
    other = Shop(fresh.folder, konsens)
    other.home = fresh.folder / "second"
    data = other.init("--registry", fresh.reg).json["data"]
    assert (data["registry"]["origin"], data["registry"]["operator"]) == (ORIGIN, False)
    assert data["did"] != fresh.did


def test_without_a_registry_there_is_a_home_that_can_prove_nothing(fresh: Shop) -> None:
    ran = fresh("init", "Muster-Shop")
    assert (ran.exit, ran.json["data"]["registry"]) == (0, None)
    published = fresh("notice", "publish", fresh.folder / "newsletter.toml")
    assert (published.exit, published.json["code"]) == (8, "company.no_registry")
    words = ("--notice", "newsletter", "--purpose", "newsletter", "--out", fresh.folder / "ask.json")
    assert fresh("ask", *words).json["code"] == "company.no_registry"


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--new-registry", "reg"], "company.registry_choice", 2),
        (["--origin", ORIGIN], "company.registry_choice", 2),
        (["--new-registry", "reg", "--origin", ORIGIN, "--registry", "r"], "company.registry_choice", 2),
        (["--new-registry", "reg", "--origin", "konsens/x"], "registry.origin", 2),
        (["--new-registry", "full", "--origin", ORIGIN], "registry.exists", 12),
        (["--registry", "nowhere"], "registry.not_found", 5),
        (["--did", "did:web:muster.example"], "company.web_needs_registry", 2),
        (["--did", "did:web:localhost", "--registry", "r"], "did.web_name", 2),
        (["--did", "did:key:z6Mk", "--registry", "r"], "did.web_name", 2),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    words: list[str], code: str, exit_code: int, fresh: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fresh.folder)
    (fresh.folder / "full").mkdir()
    (fresh.folder / "full" / "letter").touch()
    ran = fresh("init", "Muster-Shop", *words)
    assert (ran.exit, ran.json["code"]) == (exit_code, code)
    assert not fresh.home.exists()
    assert not fresh.reg.exists()


def test_a_name_must_be_seen(fresh: Shop) -> None:
    for name in ("", "  ", "a" * 201, "Muster\u202eShop"):
        assert fresh("init", name).json["code"] == "company.name"


def test_a_weak_name_of_a_log_is_a_warning(fresh: Shop) -> None:
    ran = fresh.konsens(
        "company", "init", "Shop", "--new-registry", fresh.reg, "--origin", "log", "--home", fresh.home
    )
    assert ran.exit == 0
    assert "warning[company.origin_weak]" in ran.err
    assert not company_setup.is_weak_origin("log.muster.example/2026")


def test_a_stop_on_the_way_leaves_no_home_and_no_registry(
    fresh: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("konsens.cli.home.Home.save", stop)
        ran = fresh("init", "Muster-Shop", "--new-registry", fresh.reg, "--origin", ORIGIN)
    assert (ran.exit, ran.json["code"]) == (3, "input.cancelled")
    assert not fresh.home.exists()
    assert not fresh.reg.exists()
    assert fresh.init().exit == 0


def test_a_draft_that_a_crash_left_is_no_home_and_no_hindrance(fresh: Shop) -> None:
    (fresh.home / DRAFT).mkdir(parents=True)
    (fresh.home / DRAFT / "book.sqlite").write_bytes(b"half")
    listed = fresh("notice", "list")
    assert (listed.exit, listed.json["code"]) == (5, "home.missing")
    assert fresh.init().exit == 0
    assert not (fresh.home / DRAFT).exists()


def test_a_did_of_the_web_shows_its_keys_and_their_history(fresh: Shop) -> None:
    did = "did:web:muster.example"
    data = fresh.init("--new-registry", fresh.reg, "--origin", ORIGIN, "--did", did).json["data"]
    assert data["did"] == did
    document = parse_document((fresh.home / "did.json").read_bytes(), did=did)
    history = KeyHistory.parse((fresh.home / "key-history.json").read_bytes())
    assert [relation.kid for relation in document.relations] == [history.keys[0].kid]
    with Registry.open(fresh.reg) as log:
        assert log.find_public(history.digest) == 0
    fresh.publish()
    fresh.ask()
    request = json.loads((fresh.folder / "ask.json").read_text())
    assert request["company"]["id"] == did
    assert request["key_history"]["keys"][0]["kid"] == history.keys[0].kid
    fresh.granted()
    assert fresh.data("check", "C-1001", "newsletter", "--channel", "email", "--deep")["allowed"]


def test_only_a_companys_home_is_a_companys_home(fresh: Shop) -> None:
    fresh.init()
    settings = json.loads((fresh.home / "konsens.json").read_text()) | {"kind": "customer"}
    (fresh.home / "konsens.json").write_text(json.dumps(settings))
    assert fresh("notice", "list").json["code"] == "home.other_kind"


@pytest.mark.parametrize(
    ("harm", "code", "exit_code"),
    [
        pytest.param("copy", "registry.copy", 8, id="a copy named by --registry"),
        pytest.param("moved", "company.log_unreachable", 8, id="the folder has moved"),
        pytest.param("other", "registry.other_key", 8, id="another log under the same name"),
    ],
)
def test_a_log_that_is_not_ours_proves_nothing_about_now(
    harm: str, code: str, exit_code: int, shop: Shop, konsens: Konsens
) -> None:
    shop.granted()
    elsewhere = shop.folder / "elsewhere"
    named: list[str | Path] = ["--registry", elsewhere]
    if harm == "copy":
        shutil.copytree(shop.reg, elsewhere)
    elif harm == "moved":
        shop.reg.rename(elsewhere)
        named = []
    else:
        other = Shop(shop.folder, konsens)
        other.home = shop.folder / "second"
        other.init("--new-registry", elsewhere, "--origin", ORIGIN)
    ran = shop("check", "C-1001", "newsletter", "--channel", "email", *named)
    assert (ran.exit, ran.json["code"]) == (exit_code, code)
    assert ran.json["data"]["allowed"] is False
    used = shop("record-use", "C-1001", "newsletter", "--channel", "email", "--campaign", "x", *named)
    assert (used.exit, used.json["data"]["use"]) == (exit_code, None)
    published = shop("notice", "publish", shop.folder / "newsletter.toml", *named)
    assert published.exit in (0, 8, 10)
