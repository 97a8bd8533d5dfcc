"""Two devices of one seed, a restored backup, a hostile company and a hostile operator.

Whatever they do and in whatever order: no withdrawal is lost, and nobody is contacted without a grant.
"""

from __future__ import annotations

import copy
import shutil
import sqlite3
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from konsens.consent import Company
from konsens.errors import KonsensError, NotFound
from konsens.records import AnchoredEvent, Matter
from konsens.registry import Registry, fsck

from .world import Customer, World, message

WHO = ("newsletter", "email")


class Device(Customer):
    """A wallet that asks the log before it acts: where another device was first, its own lane has ended."""

    def is_broken(self, lane: int, seq: int) -> bool:
        return self.world.registry.find(bytes.fromhex(self.seal(lane, seq))) is not None

    def first_whole(self, lane: int) -> int:
        seq = 0
        while self.is_broken(lane, seq):
            seq += 1
        return seq

    def in_step(self, lane: int) -> bool:
        return self.first_whole(lane) == len(self.lanes.get(lane, []))

    def used_lanes(self) -> list[int]:
        return [lane for lane in range(12) if self.is_broken(lane, 0)]

    def break_open(self, lane: int) -> int:
        return self.break_bare(lane, self.first_whole(lane))

    def ready(self, matter: Matter) -> None:
        """Go on in the own lane, or end every lane that others used and take a fresh one."""
        lane = self.lane_of(matter)
        if self.in_step(lane) and (self.lanes.get(lane) or not self.used_beside(matter)):
            return
        for used in self.used_beside(matter):
            self.break_open(used)
        self.matters[matter] = max([0, *self.used_lanes(), *self.lanes]) + 1

    def used_beside(self, matter: Matter) -> list[int]:
        """Lanes of the seed that may be about this matter; without a backup that is any of them."""
        others = {lane for other, lane in self.matters.items() if other != matter}
        relation = {0} if matter.kind == "consent" else set()
        return [lane for lane in self.used_lanes() if lane not in others | relation]


class Machine(RuleBasedStateMachine):
    events = Bundle("events")

    @initialize(target=events)
    def begin(self) -> AnchoredEvent:
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.notice = self.world.publish()
        first = Customer.new(self.world)
        self.devices = [Device(self.world, first.seed, controller=self.world.did) for _ in range(2)]
        self.backup = copy.deepcopy(self.remembered(0))
        self.log: list[tuple[int, str]] = []
        self.otto = Customer.new(self.world, "otto")
        opened = self.devices[0].open()
        self.devices[1].lanes[0] = [opened]
        return opened

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()
            shutil.rmtree(self.folder)

    # --- the customer, on either device

    @rule(target=events, number=st.integers(0, 1))
    def give(self, number: int) -> AnchoredEvent:
        return self.grant_on(number)

    def grant_on(self, number: int) -> AnchoredEvent:
        device = self.devices[number]
        device.ready(device.matter())
        event = device.give(self.notice)
        self.log.append((event.leaf_index, "grant"))
        return event

    @rule(target=events, number=st.integers(0, 1))
    def withdraw(self, number: int) -> AnchoredEvent | None:
        device = self.devices[number]
        lane = device.lane_of(device.matter())
        if device.lanes.get(lane) and device.in_step(lane):
            event = device.withdraw()
            self.log.append((event.leaf_index, "stop"))
            return event
        for used in device.used_beside(device.matter()):
            self.log.append((device.break_open(used), "stop"))
        return None

    @rule(number=st.integers(0, 1))
    def withdraw_with_the_words_alone(self, number: int) -> None:
        device = self.devices[number]
        for lane in device.used_lanes():
            self.log.append((device.break_open(lane), "stop"))

    @rule(target=events, number=st.integers(0, 1))
    def object_to(self, number: int) -> AnchoredEvent | None:
        device = self.devices[number]
        if not device.in_step(0):
            return None
        event = device.object_to()
        self.log.append((event.leaf_index, "stop"))
        return event

    @rule(number=st.integers(0, 1))
    def back_up(self, number: int) -> None:
        self.backup = copy.deepcopy(self.remembered(number))

    @rule(number=st.integers(0, 1))
    def restore_the_old_backup(self, number: int) -> None:
        self.devices[number].lanes, self.devices[number].matters = copy.deepcopy(self.backup)

    def remembered(self, number: int) -> tuple[dict[int, list[AnchoredEvent]], dict[Matter, int]]:
        return self.devices[number].lanes, self.devices[number].matters

    # --- the company: takes in what it likes, when it likes

    @rule(event=events)
    def receive(self, event: AnchoredEvent | None) -> None:
        if event is not None:
            with suppress(KonsensError):
                self.deliver(event)

    def deliver(self, *events: AnchoredEvent) -> None:
        shop, keys = self.world.shop, self.world.keys
        shop.receive(keys, message(*events), now=self.world.now)

    @rule(event=consumes(events))
    def drop(self, event: AnchoredEvent | None) -> None:
        pass

    @rule(number=st.integers(0, 1))
    def receive_all_that_a_device_knows(self, number: int) -> None:
        for _, lane in sorted(self.devices[number].lanes.items()):
            with suppress(KonsensError):
                self.deliver(*lane)

    @rule(target=events, number=st.integers(0, 1))
    def give_and_receive(self, number: int) -> AnchoredEvent:
        event = self.grant_on(number)
        self.receive_all_that_a_device_knows(number)
        return event

    @rule(event=events, how=st.sampled_from(["index", "salt", "origin", "hours"]))
    def forge(self, event: AnchoredEvent | None, how: str) -> None:
        book = self.world.shop.ledger.book
        if event is None or book.has(event.event.event_hash):
            return
        prev = event.event.event.prev
        if prev is not None and not book.has(prev):
            return
        forged = {
            "index": lambda: msgspec.structs.replace(event, leaf_index=event.leaf_index + 1),
            "salt": lambda: msgspec.structs.replace(event, salt=bytes(32)),
            "origin": lambda: msgspec.structs.replace(event, origin="log.other.example"),
            "hours": lambda: event,
        }[how]()
        earlier = self.world.clock.now
        if how == "hours":
            self.world.clock.now = earlier - timedelta(hours=3)
        with pytest.raises(KonsensError):
            self.deliver(forged)
        self.world.clock.now = earlier

    @rule()
    def replay_another_customers_grant(self) -> None:
        if not self.otto.lanes:
            event = self.otto.give(self.notice)
            self.world.receive(event)
        assert self.world.code(self.otto.did) == "ok"

    @rule()
    def record_a_letter(self) -> None:
        with suppress(NotFound):
            self.world.shop.withdraw(self.world.keys, self.did, method="letter", now=self.world.now)
            assert self.world.code(self.did) != "ok"

    @rule()
    def use(self) -> None:
        use, _ = self.world.shop.record_use(
            self.world.keys, self.did, *WHO, campaign="spring", now=self.world.now
        )
        assert use is None or self.may_be_used()

    @rule()
    def checkpoint(self) -> None:
        self.world.checkpoint()

    # --- the operator of the folder

    @precondition(lambda self: any(kind == "stop" for _, kind in self.log))
    @rule()
    def operator_deletes_a_broken_row(self) -> None:
        """The row of a withdrawn seal vanishes: nobody can sign or verify this log any longer."""
        self.world.checkpoint()
        index = next(index for index, kind in reversed(self.log) if kind == "stop")
        with sqlite3.connect(self.world.folder / "reg" / "log.sqlite") as db:
            trigger = db.execute("SELECT sql FROM sqlite_master WHERE name = 'broken_DELETE'").fetchone()[0]
            row = db.execute("SELECT seal, idx FROM broken WHERE idx = ?", (index,)).fetchone()
            db.execute("DROP TRIGGER broken_DELETE")
            db.execute("DELETE FROM broken WHERE idx = ?", (index,))
            db.execute(trigger)
        db.close()
        report = fsck(self.world.folder / "reg", vkey=self.world.registry.vkey)
        assert report.failed
        with sqlite3.connect(self.world.folder / "reg" / "log.sqlite") as db:
            db.execute("INSERT INTO broken VALUES (?, ?)", row)
        db.close()

    @rule()
    def operator_restores_an_old_copy(self) -> None:
        """Whatever an older folder says, it is not the place that the company remembers."""
        older = self.folder / "older"
        if not older.exists():
            shutil.copytree(self.world.folder / "reg", older)
            return
        with (
            Registry.open(older, place=self.world.registry.place) as log,
            Company.open(self.folder / "shop", did=self.world.did, home=log) as shop,
        ):
            decision = shop.decide(self.did, *WHO, now=self.world.now)
            assert not decision

    # --- what must hold

    @property
    def did(self) -> str:
        return self.devices[0].did

    def may_be_used(self) -> bool:
        """The customer's newest word in the log is a grant."""
        return bool(self.log) and max(self.log)[1] == "grant"

    @invariant()
    def no_withdrawal_is_lost_and_nothing_is_permitted_without_a_grant(self) -> None:
        if not hasattr(self, "world"):
            return
        if self.world.shop.decide(self.did, *WHO, now=self.world.now):
            assert self.may_be_used()

    @invariant()
    def the_fast_look_is_the_slow_fold_is_the_deep_one(self) -> None:
        if not hasattr(self, "world"):
            return
        fast = self.world.code(self.did)
        assert self.world.code(self.did, as_of=self.world.now) == fast
        assert self.world.code(self.did, deep=True) == fast


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
)
