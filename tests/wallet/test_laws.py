"""Whatever two devices and an old backup do, in whatever order: a no is a no until the next yes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.errors import Conflict, NotFound
from konsens.wallet import Act, Wallet, insist, plan_objection, plan_withdrawal

World = Any  # the fixture of conftest.py
Move = tuple[int, tuple[str, str | None], bool]
"""Which device, what it does about which purpose, and whether the company gets the message."""

PURPOSES = ("newsletter", "survey")
DONE_ALREADY = {"wallet.nothing_to_withdraw", "wallet.already_objected"}

verbs = st.sampled_from(
    [
        ("grant", "newsletter"),
        ("grant", "survey"),
        ("withdraw", "newsletter"),
        ("withdraw", "survey"),
        ("withdraw", None),
        ("object", None),
    ]
)
moves_of_a_life = st.lists(st.tuples(st.sampled_from([0, 1]), verbs, st.booleans()), max_size=8)


class Life:
    """Two devices of one person, one company, and what the person's last word was on each purpose."""

    def __init__(self, world: World) -> None:
        self.world = world
        first = world.wallet()
        self.devices = [first]
        self.may = {"newsletter": False, "survey": False}
        self.move(0, ("grant", "newsletter"), deliver=True)
        self.devices.append(world.device(first))
        self.did = first.identity_for(world.did).did

    def move(self, device: int, verb: tuple[str, str | None], *, deliver: bool) -> None:
        wallet, (name, purpose) = self.devices[device], verb
        if name == "grant":
            self.world.grant(wallet, self.world.ask(purpose, channels=["email"]))
        else:
            acts, told = self.end(wallet, name, purpose)
            assert told in (None, *DONE_ALREADY)
            if deliver and any(act.event for act in acts):
                self.world.deliver(wallet, acts)
        for concerned in PURPOSES if purpose is None else (purpose,):
            self.may[concerned] = name == "grant"

    def end(self, wallet: Wallet, name: str, purpose: str | None) -> tuple[list[Act], str | None]:
        """Withdraw or object; return the acts, or the code that says that there was nothing to do."""
        world, at = self.world, self.world.tick()
        try:
            if name == "object":
                return insist(wallet, lambda: plan_objection(wallet, world.did, at=at)), None
            return insist(
                wallet, lambda: plan_withdrawal(wallet, at=at, company=world.did, purpose=purpose)
            ), None
        except (NotFound, Conflict) as error:
            return [], error.code

    def check(self) -> None:
        """Hold the company to every no."""
        for purpose, may in self.may.items():
            assert may or not self.world.decide(self.did, purpose).allowed

    def close(self) -> None:
        for wallet in self.devices:
            wallet.close()
        self.world.company.close()
        self.world.registry.close()


def live(world: World, moves: list[Move]) -> None:
    life = Life(world)
    for device, verb, deliver in moves:
        life.move(device, verb, deliver=deliver)
        life.check()
    life.move(1, ("object", None), deliver=False)
    life.check()
    life.close()


@settings(max_examples=10, deadline=None)
@given(moves=moves_of_a_life)
def test_a_no_is_a_no_until_the_next_yes(make_world: Callable[[Path], World], moves: list[Move]) -> None:
    with TemporaryDirectory() as folder:
        live(make_world(Path(folder)), moves)


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(moves=moves_of_a_life)
def test_a_no_is_a_no_in_four_hundred_lives(make_world: Callable[[Path], World], moves: list[Move]) -> None:
    with TemporaryDirectory() as folder:
        live(make_world(Path(folder)), moves)
