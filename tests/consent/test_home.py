"""A company's home opens without a key; what of its logs cannot be read makes a decision no, and says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from konsens.consent import open_home
from konsens.errors import NotFound
from konsens.records import seal_label
from konsens.registry import NoteSigner, Registry, make_seal_leaf, render_vkey

from .world import ORIGIN, Customer, World, message

Settings = dict[str, Any]


def settings_of(world: World) -> Settings:
    place = world.registry.place
    log = {
        "origin": ORIGIN,
        "vkey": render_vkey(world.registry.vkey),
        "folder": place.path,
        "inode": place.inode,
        "born": place.born,
    }
    return {"kind": "company", "did": world.did, "registries": [log]}


@pytest.fixture
def given(world: World, anna: Customer) -> World:
    world.receive(anna.give(world.publish()))
    return world


def code_in(world: World, anna: Customer, settings: Settings) -> str:
    folder = world.folder / "shop"
    (folder / "konsens.json").write_text(json.dumps(settings))
    with open_home(folder) as shop:
        return shop.decide(anna.did, "newsletter", "email", now=world.now).code


def test_a_home_decides_without_a_key(given: World, anna: Customer) -> None:
    assert code_in(given, anna, settings_of(given)) == "ok"


def log_gone(settings: Settings, _: Path) -> None:
    settings["registries"][0]["folder"] += "-gone"


def other_key(settings: Settings, folder: Path) -> None:
    other = Registry.create(folder / "other", origin=ORIGIN, signer=NoteSigner(ORIGIN, bytes(32)))
    settings["registries"][0]["vkey"] = render_vkey(other.vkey)
    other.close()


def moved(settings: Settings, _: Path) -> None:
    settings["registries"][0]["inode"] += 1


def no_log(settings: Settings, _: Path) -> None:
    settings["registries"] = []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (log_gone, "company.log_unreachable"),
        (other_key, "registry.other_key"),
        (moved, "registry.copy"),
        (no_log, "company.no_registry"),
    ],
)
def test_a_log_that_cannot_be_believed_is_no(
    change: Callable[[Settings, Path], None], code: str, given: World, anna: Customer
) -> None:
    settings = settings_of(given)
    change(settings, given.folder)
    assert code_in(given, anna, settings) == code


def test_a_further_log_may_be_away_unless_somebody_named_it(given: World, anna: Customer) -> None:
    settings = settings_of(given)
    settings["registries"].append(settings["registries"][0] | {"origin": "b.example", "folder": "nowhere"})
    assert code_in(given, anna, settings) == "ok"


def test_a_stop_in_a_further_log_is_seen(world: World, anna: Customer) -> None:
    notice, origin, folder = world.publish(), "b.example", world.folder / "shop"
    with Registry.create(world.folder / "b", origin=origin, signer=NoteSigner(origin, bytes(32))) as second:
        settings, place = settings_of(world), second.place
        further = {"origin": origin, "vkey": render_vkey(second.vkey), "folder": place.path}
        settings["registries"].append(further | {"inode": place.inode, "born": place.born})
        (folder / "konsens.json").write_text(json.dumps(settings))
        with open_home(folder) as shop:
            data = message(anna.open(), anna.give(notice, logs=(ORIGIN, origin)))
            shop.receive(world.keys, data, now=world.now)
            assert shop.decide(anna.did, "newsletter", "email", now=world.now)
            key = anna.seed.derive(seal_label(anna.company, 1, 1))
            second.append([make_seal_leaf(key, bytes(32), origin=origin)])
            code = shop.decide(anna.did, "newsletter", "email", now=world.now).code
            assert code == "consent.seal_broken"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (None, "home.missing"),
        ({"kind": "customer"}, "home.other_kind"),
        ({"kind": "company"}, "home.other_kind"),
    ],
)
def test_what_is_no_companys_home_is_named(settings: Settings | None, code: str, tmp_path: Path) -> None:
    if settings is not None:
        (tmp_path / "konsens.json").write_text(json.dumps(settings))
    with pytest.raises(NotFound) as refused, open_home(tmp_path):
        raise AssertionError("opened")
    assert refused.value.code == code
