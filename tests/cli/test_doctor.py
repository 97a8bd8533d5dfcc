"""`doctor` finds what is wrong, says what mends it, and changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import msgspec
import pytest

from konsens.cli.answers import ANSWERS
from konsens.cli.frame import Common, Frame
from konsens.cli.probes import probe_book
from tests.cli.company_world import Shop
from tests.cli.conftest import Konsens
from tests.cli.world import cheap_passphrases


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_passphrases(monkeypatch)


@pytest.fixture
def home(fresh: Shop, konsens: Konsens, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a company that operates the log in `reg`."""
    monkeypatch.setenv("KONSENS_HOME", str(fresh.home))
    assert fresh.init().exit == 0
    assert konsens("registry", "checkpoint").exit == 0
    return fresh.home


def test_all_is_well_and_says_so(home: Path, konsens: Konsens) -> None:
    ran = konsens("doctor", "--json")
    assert ran.exit == 0
    jsonschema.validate(ran.json["data"], msgspec.json.schema(ANSWERS["doctor"]))
    assert all(check["ok"] and check["fix"] is None for check in ran.json["data"]["checks"])
    assert "canary" not in ran.out
    people = konsens("doctor", "--lang", "de", "--plain")
    assert "Alles in Ordnung." in people.err
    assert "ok machine.sqlite" in people.out


def copied(folder: Path) -> None:
    (folder / "reg").rename(folder / "original")
    shutil.copytree(folder / "original", folder / "reg")


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        pytest.param(lambda tmp: (tmp / "shop").chmod(0o755), "home.private", id="home open to others"),
        pytest.param(
            lambda tmp: (tmp / "shop" / "konsens.json").chmod(0o644), "home.private", id="file open to others"
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
        pytest.param(copied, "registry.place", id="registry replaced by a copy of itself"),
        pytest.param(
            lambda tmp: (tmp / "reg" / "log.sqlite").write_bytes(b"x" * 8192),
            "registry.readable",
            id="registry is another kind of file",
        ),
        pytest.param(
            lambda tmp: (tmp / "reg" / "vkey").write_text("x\n"),
            "registry.readable",
            id="key of the log changed",
        ),
        pytest.param(lambda tmp: (tmp / "shop" / "keys.sqlite").unlink(), "keys.readable", id="keys gone"),
        pytest.param(
            lambda tmp: (tmp / "shop" / "keys.sqlite").write_bytes(b"x" * 8192),
            "keys.readable",
            id="keys are another kind of file",
        ),
        pytest.param(lambda tmp: (tmp / "shop" / "book.sqlite").unlink(), "book.sound", id="book gone"),
        pytest.param(
            lambda tmp: (tmp / "shop" / "book.sqlite").write_bytes(b"x" * 8192),
            "book.sound",
            id="book is another kind of file",
        ),
        pytest.param(
            lambda tmp: (tmp / "shop" / "konsens.json").write_text("{}"), "home.there", id="settings damaged"
        ),
    ],
)
def test_each_harm_is_found_by_name_with_what_mends_it(
    harm: Callable[[Path], object], name: str, home: Path, tmp_path: Path, konsens: Konsens
) -> None:
    harm(tmp_path)
    ran = konsens("doctor", "--json")
    assert (ran.exit, ran.json["code"]) == (9, "doctor.failed")
    assert [check["name"] for check in ran.json["data"]["checks"] if not check["ok"]] == [name]
    assert all(check["fix"] for check in ran.json["data"]["checks"] if not check["ok"])
    assert name in konsens("doctor").err


def test_an_empty_passphrase_is_a_warning(home: Path, tmp_path: Path, konsens: Konsens) -> None:
    (tmp_path / "pp").write_text("")
    ran = konsens("doctor", "--json")
    assert ran.exit == 0
    (check,) = [check for check in ran.json["data"]["checks"] if check["name"] == "passphrase.empty"]
    assert check["ok"]
    assert check["fix"]


def test_a_copy_named_by_the_environment_is_found(
    home: Path, tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tmp_path / "reg", tmp_path / "copy")
    monkeypatch.setenv("KONSENS_REGISTRY", str(tmp_path / "copy"))
    ran = konsens("doctor", "--json")
    assert [check["name"] for check in ran.json["data"]["checks"] if not check["ok"]] == ["registry.named"]


def test_what_is_allowed_but_unwise_is_no_failure(
    fresh: Shop, tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pp").write_text("")
    monkeypatch.setenv("KONSENS_HOME", str(tmp_path / "operator"))
    assert konsens("registry", "init", tmp_path / "log", "--origin", "log.example").exit == 0
    assert konsens("registry", "checkpoint").exit == 0
    ran = konsens("doctor", "--json")
    assert ran.exit == 0
    unwise = [check["name"] for check in ran.json["data"]["checks"] if check["fix"]]
    assert unwise == ["passphrase.empty", "keys.passphrase"]


def test_a_wallet_is_looked_at_without_its_passphrase(
    fresh: Shop, tmp_path: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONSENS_HOME", str(tmp_path / "mine"))
    assert konsens("init", "--words-file", tmp_path / "words").exit == 0
    (tmp_path / "pp").write_text("another\n")
    ran = konsens("doctor", "--json")
    assert ran.exit == 0
    assert "keys.readable" in [check["name"] for check in ran.json["data"]["checks"]]


def test_without_a_home_it_says_how_to_make_one(konsens: Konsens) -> None:
    ran = konsens("doctor", "--json")
    assert ran.exit == 0
    assert "konsens init" in [check["fix"] for check in ran.json["data"]["checks"]]


def test_a_library_that_is_missing_is_named(
    home: Path, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ["no-such-library>=1", 'nor-this-one>=1; extra == "service"']
    monkeypatch.setattr("importlib.metadata.requires", lambda _: wanted)
    (check,) = [c for c in konsens("doctor", "--json").json["data"]["checks"] if not c["ok"]]
    assert (check["name"], check["fix"]) == ("machine.libraries", "pip install no-such-library")


def test_nothing_is_changed(home: Path, tmp_path: Path, konsens: Konsens) -> None:
    def look() -> dict[str, tuple[int, bytes]]:
        files = (path for path in tmp_path.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_mode, path.read_bytes()) for path in files}

    before = look()
    konsens("doctor")
    assert look() == before


def test_a_person_sees_how_far_the_check_of_a_book_is(shop: Shop) -> None:
    shop.granted()
    told: list[tuple[int, int]] = []

    class Watched(Frame):
        @contextmanager
        def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
            assert what == "Checking events"
            yield lambda done, total: told.append((done, total))

    [check] = probe_book(Watched("doctor", Common(home=shop.home, lang="en")))
    assert check.ok
    assert told == [(1, 3), (2, 3), (3, 3)]
