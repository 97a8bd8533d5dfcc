"""`doctor` finds what is wrong, says what mends it, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import pytest

from konsens.cli.answers import ANSWERS
from konsens.cli.home import Home, RegistryPlace, Settings
from tests.cli.conftest import Konsens


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    registry = tmp_path / "reg"
    registry.mkdir()
    (registry / "log.sqlite").touch()
    found = (registry / "log.sqlite").stat()
    place = RegistryPlace(
        origin="log.example", vkey="k", folder=str(registry), device=found.st_dev, inode=found.st_ino
    )
    made = Home(tmp_path / "home")
    made.create(Settings(kind="company", registries=(place,)))
    secret = tmp_path / "pp"
    secret.touch(mode=0o600)
    secret.write_text("correct horse\n")
    monkeypatch.setenv("KONSENS_PASSPHRASE_FILE", str(secret))
    return made


def test_all_is_well_and_says_so(home: Home, konsens: Konsens) -> None:
    ran = konsens("doctor", "--json")
    assert ran.exit == 0
    jsonschema.validate(ran.json["data"], msgspec.json.schema(ANSWERS["doctor"]))
    assert all(check["ok"] and check["fix"] is None for check in ran.json["data"]["checks"])
    assert "horse" not in ran.out
    people = konsens("doctor", "--lang", "de", "--plain")
    assert "Alles in Ordnung." in people.err
    assert "ok machine.sqlite" in people.out


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        pytest.param(lambda tmp: (tmp / "home").chmod(0o755), "home.private", id="home open to others"),
        pytest.param(
            lambda tmp: (tmp / "home" / "konsens.json").chmod(0o644), "home.private", id="file open to others"
        ),
        pytest.param(lambda tmp: (tmp / "pp").chmod(0o644), "passphrase.source", id="passphrase for all"),
        pytest.param(lambda tmp: (tmp / "pp").unlink(), "passphrase.source", id="passphrase file gone"),
        pytest.param(
            lambda tmp: (tmp / "reg").rename(tmp / "elsewhere"), "registry.place", id="registry gone"
        ),
        pytest.param(
            lambda tmp: ((tmp / "reg").rename(tmp / "old"), (tmp / "reg").mkdir()),
            "registry.place",
            id="registry replaced by another folder",
        ),
        pytest.param(
            lambda tmp: (tmp / "home" / "konsens.json").write_text("{}"), "home.there", id="settings damaged"
        ),
    ],
)
def test_each_harm_is_found_by_name_with_what_mends_it(
    harm: Callable[[Path], object], name: str, home: Home, tmp_path: Path, konsens: Konsens
) -> None:
    harm(tmp_path)
    ran = konsens("doctor", "--json")
    assert (ran.exit, ran.json["code"]) == (9, "doctor.failed")
    assert [check["name"] for check in ran.json["data"]["checks"] if not check["ok"]] == [name]
    assert all(check["fix"] for check in ran.json["data"]["checks"] if not check["ok"])
    assert name in konsens("doctor").err


def test_an_empty_passphrase_is_a_warning(home: Home, tmp_path: Path, konsens: Konsens) -> None:
    (tmp_path / "pp").write_text("")
    ran = konsens("doctor", "--json")
    assert ran.exit == 0
    (check,) = [check for check in ran.json["data"]["checks"] if check["name"] == "passphrase.empty"]
    assert check["ok"]
    assert check["fix"]


def test_without_a_home_it_says_how_to_make_one(konsens: Konsens) -> None:
    ran = konsens("doctor", "--json")
    assert ran.exit == 0
    assert "konsens init" in [check["fix"] for check in ran.json["data"]["checks"]]


def test_a_library_that_is_missing_is_named(
    home: Home, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.requires", lambda _: ["no-such-library>=1; extra"])
    (check,) = [c for c in konsens("doctor", "--json").json["data"]["checks"] if not c["ok"]]
    assert (check["name"], check["fix"]) == ("machine.libraries", "pip install no-such-library")


def test_nothing_is_changed(home: Home, tmp_path: Path, konsens: Konsens) -> None:
    def look() -> list[tuple[str, int, float]]:
        return [(str(p), p.stat().st_mode, p.stat().st_mtime) for p in sorted(tmp_path.rglob("*"))]

    before = look()
    konsens("doctor")
    assert look() == before
