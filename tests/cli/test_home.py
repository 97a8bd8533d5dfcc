"""The home: one folder, for its owner alone, and never one that holds something else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from konsens.cli.home import Home, RegistryPlace, Settings
from konsens.errors import KonsensError

SHOP = Settings(kind="company", name="Muster-Shop")


def code_of(home: Home, settings: Settings = SHOP) -> str:
    with pytest.raises(KonsensError) as caught:
        home.create(settings)
    return caught.value.code


@pytest.mark.parametrize("there", [False, True], ids=["a new folder", "an empty one"])
def test_a_home_is_for_its_owner_alone_and_remembers(there: bool, tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "shop")
    if there:
        home.folder.mkdir(parents=True, mode=0o755)
    assert not home.exists
    home.create(SHOP)
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.file("konsens.json").stat().st_mode) == 0o600
    assert home.settings("company") == SHOP
    place = RegistryPlace(origin="log.example", vkey="k", folder="/r", device=1, inode=2, operator=True)
    home.save(Settings(kind="company", name="Muster-Shop", registries=(place,)))
    assert home.settings().registries == (place,)


def test_a_folder_with_something_else_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    mode = tmp_path.stat().st_mode
    assert code_of(Home(tmp_path)) == "home.taken"
    assert code_of(Home(tmp_path / "letter.txt")) == "home.taken"
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    assert tmp_path.stat().st_mode == mode


def test_a_home_is_made_once(tmp_path: Path) -> None:
    Home(tmp_path / "h").create(SHOP)
    assert code_of(Home(tmp_path / "h"), Settings(kind="customer")) == "home.exists"
    assert Home(tmp_path / "h").settings() == SHOP


def test_a_home_of_another_kind_or_none_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    with pytest.raises(KonsensError) as caught:
        home.settings()
    assert caught.value.code == "home.missing"
    home.create(SHOP)
    with pytest.raises(KonsensError) as caught:
        home.settings("customer")
    assert caught.value.code == "home.other_kind"


def test_a_home_of_another_user_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "h")
    home.create(SHOP)
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(KonsensError) as caught:
        home.settings()
    assert caught.value.code == "home.other_owner"


def test_damaged_settings_are_no_settings(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    home.create(SHOP)
    home.file("konsens.json").write_text('{"v":2,"kind":"company"}')
    with pytest.raises(KonsensError) as caught:
        home.settings()
    assert caught.value.code == "input.format"


def test_the_environment_names_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONSENS_HOME", str(tmp_path / "x"))
    assert Home.default().folder == tmp_path / "x"
    monkeypatch.delenv("KONSENS_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Home.default().folder.name == "konsens"
    assert Home.default().folder.is_relative_to(tmp_path)
