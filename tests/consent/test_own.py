"""The company's own lanes: one goes on until its seal breaks without an event to show."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from konsens.consent import Company
from konsens.errors import Damaged, Unavailable
from konsens.records import StoredEvent

from .world import Customer, World


def own_events(world: World, anna: Customer) -> list[StoredEvent]:
    """What the company signed in anna's matter, in the order of the log."""
    events = world.shop.ledger.book.events(anna.matter().record_id)
    return sorted((one for one in events if one.signer == world.did), key=lambda one: one.leaf_index)


def restore(world: World, backup: Path) -> None:
    """Put an older state of the company's folder in the place of the newer one."""
    world.shop.close()
    shutil.rmtree(world.folder / "shop")
    shutil.copytree(backup, world.folder / "shop")
    world.shop = Company.open(world.folder / "shop", did=world.did, home=world.registry)


def back_up(world: World) -> Path:
    world.shop.close()
    backup = shutil.copytree(world.folder / "shop", world.folder / "backup")
    world.shop = Company.open(world.folder / "shop", did=world.did, home=world.registry)
    return backup


def test_one_lane_goes_on(world: World, anna: Customer) -> None:
    world.receive(anna.give(world.publish()), ref="C-1")
    world.shop.withdraw(world.keys, "C-1", method="letter", now=world.now)
    first, second = own_events(world, anna)
    assert (first.type, second.type, second.lane, second.seq) == ("countersigned", "withdrawn", first.lane, 1)


def test_a_restored_book_begins_a_new_lane(world: World, anna: Customer) -> None:
    """What it forgot has broken the seal that it remembers as open: nobody may sign a second successor."""
    notice = world.publish()
    world.receive(anna.give(notice), ref="C-1")
    backup = back_up(world)
    world.shop.withdraw(world.keys, "C-1", method="letter", now=world.now)
    forgotten = own_events(world, anna)[-1]
    restore(world, backup)
    world.shop.withdraw(world.keys, "C-1", method="phone", now=world.clock.tick(60))
    first, again = own_events(world, anna)
    assert (again.type, again.seq) == ("withdrawn", 0)
    assert again.lane != first.lane
    assert again.leaf_index > forgotten.leaf_index
    assert world.code("C-1") == "consent.withdrawn"


def test_a_restored_book_passes_over_lanes_that_it_forgot(world: World, anna: Customer) -> None:
    notice = world.publish()
    backup = back_up(world)
    world.receive(anna.give(notice), ref="C-1")
    forgotten = own_events(world, anna)
    restore(world, backup)
    bert = Customer.new(world, "bert")
    world.receive(bert.give(notice), ref="C-2")
    (mine,) = own_events(world, bert)
    assert mine.seal not in {one.seal for one in forgotten}
    assert mine.leaf_index > forgotten[-1].leaf_index


def test_a_log_out_of_reach_keeps_the_lane(
    world: World, anna: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log cannot say whether the seal is whole: the word is kept, and its leaf waits."""
    world.receive(anna.give(world.publish()), ref="C-1")

    def away(*_: object, **_more: object) -> None:
        raise Unavailable("registry.cannot_write", problem="away")

    with monkeypatch.context() as patch:
        for name in ("find", "append", "check_own"):
            patch.setattr(world.registry, name, away)
        world.shop.withdraw(world.keys, "C-1", method="letter", now=world.now)
    world.shop.finish(now=world.now)
    first, second = own_events(world, anna)
    assert (second.type, second.lane, second.seq) == ("withdrawn", first.lane, 1)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Damaged("registry.rolled_back", seen=2, size=1), None),
        (Damaged("registry.damaged", problem="x"), "registry.damaged"),
    ],
)
def test_a_letter_waits_for_no_log_and_hides_no_damage(
    world: World, anna: Customer, monkeypatch: pytest.MonkeyPatch, error: Damaged, code: str | None
) -> None:
    world.receive(anna.give(world.publish()), ref="C-1")

    def broken(**_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(world.registry, "check_own", broken)
        if code is None:
            world.shop.withdraw(world.keys, "C-1", method="letter", now=world.now)
        else:
            with pytest.raises(Damaged) as refused:
                world.shop.withdraw(world.keys, "C-1", method="letter", now=world.now)
            assert refused.value.code == code
    assert world.code("C-1") == "consent.withdrawn", "the word is in the book in any case"


def test_keys_are_never_shown(world: World) -> None:
    assert repr(world.keys) == f"{world.keys}" == "CompanyKeys(***)"
