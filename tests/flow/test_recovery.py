"""A lost machine, an old backup, two devices: whoever has the words can always say no."""

from __future__ import annotations

import shutil

from tests.cli.world import World

ASK_MORE = ("--purpose", "survey", "--channel", "email")
GRANT = ("grant", "ask.json", "--all", "--yes", "--force", "--out", "grant.json")


def test_from_the_words_alone_everything_stops(world: World) -> None:
    world.granted()
    world.ask("ask.json", *ASK_MORE)
    world.me(*GRANT)
    world.shop("receive", "grant.json")
    shutil.rmtree(world.folder / "customer")

    found = world.run("phone", "recover", "--words-file", "words", "--registry", "reg")
    assert found["records_without_text"] == 2
    ended = world.run("phone", "withdraw", "--all", "--yes")
    assert len(ended["records"]) == 3, "two consents, and the stop seal"
    assert world.check()[0] == 7
    assert world.shop("check", "C-1001", "survey", "--channel", "email", ok=False)["exit"] == 7


def test_an_old_backup_takes_up_where_the_log_is(world: World) -> None:
    world.me("backup", "create", "empty")
    world.granted()
    world.me("backup", "create", "granted")
    world.me("withdraw", "Muster-Shop", "newsletter", "--yes")
    world.ask()
    world.me(*GRANT)
    world.shop("receive", "grant.json")
    assert world.check() == (0, "ok")

    for backup in ("empty", "granted"):
        home = f"{backup}-home"
        world.run(home, "backup", "restore", backup)
        world.run(home, "withdraw", "--all", "--yes")
        assert world.check()[0] == 7
        world.ask()
        did = world.run(home, *GRANT)["did"]
        world.shop("receive", "grant.json")
        again = world.shop("check", did, "newsletter", "--channel", "email", ok=False)
        assert again["data"]["allowed"], "the customer may say yes again, from any of the homes"
        world.run(home, "withdraw", "--all", "--yes")


def test_two_devices_of_one_seed_stop_each_others_consents(world: World) -> None:
    world.granted()
    world.me("backup", "create", "b")
    world.run("phone", "backup", "restore", "b")
    assert world.run("phone", "consents")["records"] == world.me("consents")["records"]

    world.run("phone", "withdraw", "Muster-Shop", "newsletter", "--yes")
    assert world.check() == (7, "consent.seal_broken")
    assert [one["state"] for one in world.me("consents")["records"]] == ["withdrawn"]
    assert world.me("withdraw", "Muster-Shop", "newsletter", "--yes", ok=False)["exit"] in (0, 5)

    world.ask()
    world.me(*GRANT)
    world.shop("receive", "grant.json", "--ref", "C-1001")
    assert world.check() == (0, "ok")
    world.run("phone", "object", "Muster-Shop", "--yes")
    assert world.check()[0] == 7
