"""Every code of a decision; unknown is no; the fast look and the slow fold agree."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from konsens.consent import Company, act
from konsens.consent.filter import filter_list
from konsens.errors import Damaged, KonsensError, Unavailable
from konsens.registry import Registry
from konsens.trail import Desk, prove

from .world import NEWSLETTER, Customer, World, message

Given = Callable[[World, Customer], None]


def given(world: World, anna: Customer) -> None:
    notice = world.publish()
    target, contact = anna.target("anna@muster.example")
    until = world.now + timedelta(days=30)
    events = anna.open(), anna.give(notice, target=target, until=until)
    world.receive(*events, contacts=(contact,), ref="C-1")


def then(*steps: Given) -> Given:
    def run(world: World, anna: Customer) -> None:
        for step in steps:
            step(world, anna)

    return run


def withdrawn(world: World, anna: Customer) -> None:
    world.receive(anna.withdraw())


def withdrawn_unseen(world: World, anna: Customer) -> None:
    anna.withdraw()


def objected(world: World, anna: Customer) -> None:
    world.receive(anna.object_to())


def objected_unseen(world: World, anna: Customer) -> None:
    anna.object_to()


def refused(world: World, anna: Customer) -> None:
    world.publish()
    world.receive(anna.refuse(world.ask()))


def deferred(world: World, anna: Customer) -> None:
    world.publish()
    world.receive(anna.refuse(world.ask(), act.defer))


def expired(world: World, anna: Customer) -> None:
    world.clock.tick(31 * 86400)


def superseded(world: World, anna: Customer) -> None:
    old = world.shop.notice("newsletter").hash
    head = f'replaces = "{old}"\nin_substance = true\n'
    world.publish(head + NEWSLETTER.replace('version = "1"', 'version = "2"'))


def by_courier(world: World, anna: Customer) -> None:
    world.shop.withdraw(world.keys, "C-1", method="letter", now=world.now)


@pytest.mark.parametrize(
    ("story", "asked", "code", "exit_code"),
    [
        (given, {}, "ok", 0),
        (given, {"address": "anna@muster.example"}, "ok", 0),
        (given, {"data": ("email",)}, "ok", 0),
        (given, {"recipient": "Versand GmbH"}, "ok", 0),
        (given, {"min_assurance": "customer_signed"}, "ok", 0),
        (given, {"address": "otto@muster.example"}, "consent.target", 7),
        (given, {"address": "no address"}, "consent.target", 7),
        (given, {"data": ("birthday",)}, "consent.data", 7),
        (given, {"recipient": "Somebody"}, "consent.recipient", 7),
        (given, {"purpose": "profiling"}, "consent.purpose", 5),
        (given, {"channel": "phone"}, "consent.channel", 5),
        (lambda world, _: world.publish(), {}, "consent.none", 7),
        (then(given, withdrawn), {}, "consent.withdrawn", 7),
        (then(given, by_courier), {}, "consent.withdrawn", 7),
        (then(given, withdrawn_unseen), {}, "consent.seal_broken", 7),
        (then(given, objected), {}, "consent.objected", 7),
        (then(given, objected_unseen), {}, "consent.objected", 7),
        (refused, {}, "consent.refused", 7),
        (deferred, {}, "consent.deferred", 7),
        (then(given, expired), {}, "consent.expired", 7),
        (then(given, superseded), {}, "consent.superseded", 7),
    ],
)
def test_each_story_has_its_code(
    story: Given, asked: dict[str, object], code: str, exit_code: int, world: World, anna: Customer
) -> None:
    story(world, anna)
    question = {"purpose": "newsletter", "channel": "email", "now": world.now, **asked}
    for deep in (False, True):
        decision = world.shop.decide(anna.did, deep=deep, **question)  # type: ignore[arg-type]  # a table's row
        assert (decision.code, decision.exit_code, bool(decision)) == (code, exit_code, code == "ok")
        assert all(decision.reason.values())
        assert all(decision.hint.values())
        assert decision.reason["de"] != decision.reason["en"]
        assert [check.ok for check in decision.checks].count(False) == (0 if decision else 1)
    past = world.shop.decide(anna.did, as_of=world.now, **question)  # type: ignore[arg-type]  # a table's row
    assert past.code == code


def test_a_decision_carries_its_evidence(world: World, anna: Customer) -> None:
    given(world, anna)
    decision = world.shop.decide("C-1", "newsletter", "email", now=world.now)
    grant = anna.lanes[1][0]
    assert decision.evidence.event == grant.event.event_hash
    assert decision.evidence.leaf_index == grant.leaf_index
    assert decision.evidence.seal == grant.event.event.next
    assert decision.evidence.record == anna.matter().record_id
    assert (decision.basis, decision.assurance) == ("consent", "customer_signed")
    assert decision.valid_until == world.now + timedelta(minutes=15)
    assert set(decision.as_data()) >= {"allowed", "code", "reason", "checks", "evidence", "valid_until"}


def test_a_new_consent_after_an_objection_is_the_newer_word(world: World, anna: Customer) -> None:
    given(world, anna)
    objected(world, anna)
    world.receive(anna.give(world.shop.notice("newsletter")))
    assert world.code("C-1", deep=True) == "ok"


def test_an_objection_to_one_purpose_lets_the_others_go_on(world: World, anna: Customer) -> None:
    given(world, anna)
    stop = anna.object_to("calls")
    assert world.code("C-1") == "consent.objected"
    world.receive(stop)
    assert world.code("C-1") == "ok"


def test_what_was_known_when(world: World, anna: Customer) -> None:
    """Three moments: consent, withdrawal, its arrival."""
    given(world, anna)
    consented = world.now
    world.clock.tick(100)
    world.checkpoint()
    before = world.now
    world.clock.tick(100)
    withdrawn_event = anna.withdraw()
    world.clock.tick(100)
    world.checkpoint()
    seen = world.now
    world.clock.tick(100)
    world.receive(withdrawn_event)
    now = world.now

    def code(as_of: object, known_at: object = None) -> str:
        return world.code("C-1", as_of=as_of, known_at=known_at)

    assert code(consented - timedelta(seconds=1)) == "consent.none"
    assert code(consented) == "ok"
    assert code(before - timedelta(seconds=1)) == "ok"
    assert code(before) == "consent.withdrawn"  # a break counts from the head leaf before it
    assert code(now) == "consent.withdrawn"
    assert code(now, known_at=before) == "ok"
    assert code(now, known_at=seen) == "consent.seal_broken"
    assert code(now, known_at=now) == "consent.withdrawn"


def test_a_copy_of_the_log_says_nothing_about_now(world: World, anna: Customer, tmp_path: Path) -> None:
    given(world, anna)
    shutil.copytree(world.folder / "reg", tmp_path / "copy")
    anna.withdraw()
    with (
        Registry.open(tmp_path / "copy", place=world.registry.place) as copy,
        Company.open(world.folder / "shop", did=world.did, home=copy) as shop,
    ):
        decision = shop.decide("C-1", "newsletter", "email", now=world.now)
        assert (decision.code, decision.exit_code) == ("registry.copy", 8)
        with pytest.raises(Unavailable):
            shop.finish(now=world.now)


def test_a_log_out_of_reach_is_no(world: World, anna: Customer) -> None:
    given(world, anna)
    error = Unavailable("registry.not_found")
    with Company.open(world.folder / "shop", did=world.did, home=None, log_error=error) as shop:
        decision = shop.decide("C-1", "newsletter", "email", now=world.now)
        assert (decision.code, decision.exit_code) == ("registry.not_found", 8)
        assert shop.decide("C-2", "newsletter", "email", now=world.now).code == "consent.none"


def test_a_log_that_forgot_what_we_saw_is_no(
    world: World, anna: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(world, anna)
    look = world.registry.look
    monkeypatch.setattr(world.registry, "look", lambda seals, *, size: look(seals, size=size + 99))
    decision = world.shop.decide("C-1", "newsletter", "email", now=world.now)
    assert (decision.code, decision.exit_code) == ("registry.rolled_back", 8)


def test_an_error_of_the_log_is_no(world: World, anna: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    given(world, anna)

    def fail(_: list[bytes], *, size: int) -> dict[bytes, int]:
        raise OSError

    monkeypatch.setattr(world.registry, "look", fail)
    decision = world.shop.decide("C-1", "newsletter", "email", now=world.now)
    assert (decision.code, decision.exit_code) == ("consent.seal_unknown", 8)


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        pytest.param("UPDATE event SET jws = replace(jws, '.', '.A') WHERE type = 'given'", None, id="event"),
        pytest.param(
            "UPDATE event SET salt = zeroblob(32) WHERE type = 'given'", "commitment.mismatch", id="salt"
        ),
        pytest.param(
            "DELETE FROM event WHERE type = 'given'", "consent.standing_differs", id="event deleted"
        ),
        pytest.param("UPDATE notice SET body = CAST(body || ' ' AS BLOB)", None, id="notice"),
    ],
)
def test_deep_finds_what_was_changed_in_the_book(
    tamper: str, code: str | None, world: World, anna: Customer
) -> None:
    given(world, anna)
    with world.shop.ledger.book.write() as db:
        db.execute(tamper)
    try:
        decision = world.shop.decide("C-1", "newsletter", "email", deep=True, now=world.now)
    except KonsensError as error:  # pragma: no cover
        raise AssertionError("a decision never raises") from error
    assert not decision
    assert decision.exit_code == 8
    assert code in (None, decision.code)


def test_a_standing_written_into_the_table_does_not_survive_deep(world: World, anna: Customer) -> None:
    given(world, anna)
    stolen = world.shop.ledger.db.execute("SELECT body FROM standing").fetchone()[0]
    withdrawn(world, anna)
    with world.shop.ledger.book.write() as db:
        db.execute("UPDATE standing SET body = ?", (stolen,))
    assert world.code("C-1") == "consent.seal_broken"  # the log knows better than the table
    assert not world.shop.decide("C-1", "newsletter", "email", deep=True, now=world.now)


LEGITIMATE = NEWSLETTER.replace('"newsletter"', '"regulars"').replace(
    'legal_basis = "consent"', 'legal_basis = "existing_customer"'
)


def test_another_basis_is_recorded_as_what_it_is(world: World, anna: Customer) -> None:
    given(world, anna)
    world.publish(LEGITIMATE)
    decision = world.shop.decide("C-1", "regulars", "email", now=world.now)
    assert (decision.code, decision.basis, decision.assurance) == ("ok", "existing_customer", None)
    assert world.code("C-2", purpose="regulars") == "consent.none"
    anna.object_to()
    assert world.code("C-1", purpose="regulars") == "consent.objected"
    world.receive(anna.lanes[0][1])
    assert world.code("C-1", purpose="regulars") == "consent.objected"
    world.receive(anna.restore())
    assert world.code("C-1", purpose="regulars") == "ok"


def test_a_log_shorter_than_the_home_remembers_allows_and_takes_nothing(
    world: World, anna: Customer, tmp_path: Path
) -> None:
    given(world, anna)
    size = world.registry.size()
    known = message(anna.lanes[0][0], anna.lanes[1][0])
    source = tmp_path / "list.csv"
    source.write_text("id\nC-1\n")
    with Company.open(world.folder / "shop", did=world.did, home=world.registry, seen=size + 9) as shop:
        for deep in (False, True):
            decision = shop.decide("C-1", "newsletter", "email", deep=deep, now=world.now)
            assert (decision.code, decision.exit_code) == ("registry.rolled_back", 8)
        use, decision = shop.record_use(
            world.keys, "C-1", "newsletter", "email", campaign="may", now=world.now
        )
        assert (use, decision.code) == (None, "registry.rolled_back")
        desk = Desk(company=shop, name="Muster-Shop", log=world.registry)
        for run in (
            lambda: shop.receive(world.keys, known, now=world.now),
            lambda: prove(desk, "C-1", "newsletter", "email", on=world.now, now=world.now),
            lambda: filter_list(
                shop.ledger,
                source,
                purpose="newsletter",
                channel="email",
                column="id",
                out=tmp_path / "yes.csv",
                refused=tmp_path / "no.csv",
                now=world.now,
            ),
        ):
            with pytest.raises(Damaged) as refused_by:
                run()
            assert refused_by.value.code == "registry.rolled_back"
        assert not (tmp_path / "yes.csv").exists()
        shop.withdraw(world.keys, "C-1", method="letter", now=world.now)  # a no is kept all the same
    assert world.registry.size() == size
    assert world.code("C-1") == "consent.withdrawn"


def test_the_book_remembers_how_long_the_log_was(world: World, anna: Customer) -> None:
    given(world, anna)
    world.receive(anna.withdraw())
    with Company.open(world.folder / "shop", did=world.did, home=world.registry) as shop:
        assert shop.ledger.seen == world.registry.size()


def test_deep_and_prove_read_the_entries_that_the_list_of_breaks_may_hide(
    world: World, anna: Customer
) -> None:
    given(world, anna)
    world.checkpoint()
    index = anna.withdraw()
    assert world.code("C-1") == "consent.seal_broken"
    with sqlite3.connect(world.folder / "reg" / "log.sqlite") as db:
        db.execute("DROP TRIGGER broken_DELETE")
        db.execute("DELETE FROM broken WHERE idx = ?", (index.leaf_index,))
    assert world.code("C-1", deep=True) == "registry.damaged"
    desk = Desk(company=world.shop, name="Muster-Shop", log=world.registry)
    with pytest.raises(Damaged) as found:
        prove(desk, "C-1", "newsletter", "email", on=world.now, now=world.now)
    assert found.value.code == "registry.damaged"


def test_nobody_knows_what_is_still_to_come(world: World, anna: Customer) -> None:
    given(world, anna)
    later, soon = world.now + timedelta(days=1), world.now + timedelta(seconds=60)
    desk = Desk(company=world.shop, name="Muster-Shop", log=world.registry)
    for asked in ({"as_of": later}, {"known_at": later}):
        decision = world.shop.decide("C-1", "newsletter", "email", now=world.now, **asked)
        assert (decision.code, decision.exit_code) == ("consent.future", 8)
        assert [check.name for check in decision.checks] == ["moment.not_future"]
        with pytest.raises(Unavailable):
            prove(
                desk,
                "C-1",
                "newsletter",
                "email",
                on=asked.get("as_of", world.now),
                known_at=asked.get("known_at"),
                now=world.now,
            )
    assert world.code("C-1", as_of=soon, known_at=soon) == "ok"
