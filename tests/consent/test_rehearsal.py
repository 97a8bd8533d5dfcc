"""A rehearsal shows what would be, in full, and leaves everything as it was."""

from __future__ import annotations

import pytest

from konsens.consent import Logs
from konsens.consent.rehearsal import RehearsedLog
from konsens.consent.state import ELSEWHERE
from konsens.errors import Conflict, KonsensError, NotFound, Unavailable
from konsens.registry import NoteSigner, PublicLeaf, Registry, SealLeaf, make_seal_leaf

from .world import NEWSLETTER, ORIGIN, Customer, World, message


def leaf(number: int, body: bytes = bytes(32), origin: str = ORIGIN) -> SealLeaf:
    return make_seal_leaf(bytes(31) + bytes([number]), body, origin=origin)


def test_what_is_rehearsed_happens_nowhere(world: World, anna: Customer) -> None:
    before = world.registry.size()
    with world.shop.rehearsal() as stage:
        notice, index = stage.publish(world.keys, NEWSLETTER, now=world.now)
        assert (index, stage.notice("newsletter")) == (before, notice)
    assert (world.registry.size(), world.shop.notices()) == (before, [])
    assert world.publish() == notice


def test_a_received_file_is_rehearsed_as_it_would_be_taken(world: World, anna: Customer) -> None:
    notice = world.publish()
    data = message(anna.open(), anna.give(notice))
    with world.shop.rehearsal() as stage:
        shown = stage.receive(world.keys, data, ref="C-1", now=world.now)
        assert stage.decide(anna.did, "newsletter", "email", now=world.now).code == "ok"
        assert stage.withdraw(world.keys, "C-1", method="phone", now=world.now)
        assert not stage.decide(anna.did, "newsletter", "email", now=world.now)
    assert world.code(anna.did) != "ok"
    taken = world.shop.receive(world.keys, data, ref="C-1", now=world.now)
    assert taken.events == shown.events
    assert world.code(anna.did) == "ok"


def test_a_rehearsed_log_answers_for_what_is_there_and_what_would_be(world: World) -> None:
    (there,) = world.registry.append([leaf(1)])
    world.checkpoint()
    log, size = RehearsedLog(world.registry), world.registry.size()
    public = PublicLeaf(bytes([7]) * 32)
    added: list[SealLeaf | PublicLeaf] = [leaf(1), leaf(2), public, leaf(2), public]
    assert log.append(added) == [there, size, size + 1, size, size + 1]
    assert (log.origin, log.size(), world.registry.size()) == (ORIGIN, size + 2, size)
    assert [log.entry(at) for at in (there, size, size + 1)] == [one.entry for one in added[:3]]
    seals = [leaf(1).seal, leaf(2).seal, leaf(3).seal]
    assert [log.find(seal) for seal in seals] == [there, size, None]
    assert log.broken_many(seals) == {seals[0]: there, seals[1]: size}
    assert (log.find_public(public.digest), log.find_public(bytes(32))) == (size + 1, None)
    assert log.checkpoint() == world.registry.checkpoint()
    assert log.prove_inclusion(there) == world.registry.prove_inclusion(there)
    entries = list(world.registry.events_since(0))
    for start in (0, there, size, size + 1, size + 2):
        would_be = [*entries, (size, added[1].entry), (size + 1, public.entry)]
        assert list(log.events_since(start)) == would_be[start:]
    assert log.head_before(size) == world.registry.head_before(size)
    assert log.head_after(there) == world.registry.head_after(there) is not None


def test_a_rehearsed_log_refuses_what_the_log_would_refuse(world: World) -> None:
    world.registry.append([leaf(1)])
    log = RehearsedLog(world.registry)
    log.append([leaf(2)])
    for used in (1, 2):
        with pytest.raises(Conflict) as refused:
            log.append([leaf(used, b"x" * 32)])
        assert refused.value.code == "seal.already_broken"
    with pytest.raises(NotFound) as missing:
        log.entry(log.size())
    assert missing.value.code == "registry.no_entry"
    with pytest.raises(Unavailable) as unproven:
        log.prove_inclusion(log.size() - 1)
    assert unproven.value.code == "registry.not_yet_checkpointed"


def test_a_deep_decision_is_rehearsed_with_what_would_be_in_the_log(world: World, anna: Customer) -> None:
    notice = world.publish()
    world.receive(anna.give(notice), ref="C-1")
    with world.shop.rehearsal() as stage:
        stage.withdraw(world.keys, "C-1", method="letter", now=world.now)
        decision = stage.decide("C-1", "newsletter", "email", deep=True, now=world.now)
        assert decision.code == "consent.withdrawn"
    assert world.code("C-1", deep=True) == "ok"


def test_a_break_in_any_listed_log_is_a_stop(world: World) -> None:
    with Registry.create(
        world.folder / "second", origin="second.example", signer=NoteSigner("second.example", bytes(32))
    ) as second:
        logs, origins = Logs(world.registry, [second]), (ORIGIN, "second.example")
        assert logs.broken_at(origins, leaf(1).seal.hex()) is None
        second.append([leaf(1, origin="second.example")])
        assert logs.broken_at(origins, leaf(1).seal.hex()) == ELSEWHERE
        assert logs.broken_at(origins[:1], leaf(1).seal.hex()) is None
        (index,) = world.registry.append([leaf(2)])
        assert logs.broken_at(origins, leaf(2).seal.hex()) == index


@pytest.mark.parametrize(
    ("error", "code"),
    [(None, "consent.seal_unknown"), (NotFound("registry.not_found", folder="reg"), "registry.not_found")],
)
def test_without_a_home_log_the_reason_is_told(error: KonsensError | None, code: str) -> None:
    logs = Logs(None, origin=ORIGIN, error=error)
    assert (logs.origin, logs.rehearsed()) == (ORIGIN, None)
    with pytest.raises(KonsensError) as refused:
        _ = logs.home
    with pytest.raises(KonsensError) as unnamed:
        logs.named(ORIGIN)
    assert (refused.value.code, unnamed.value.code) == (code, code)


def test_a_log_that_is_not_at_hand_is_not_guessed_about(world: World) -> None:
    with pytest.raises(Unavailable) as refused:
        Logs(world.registry).broken_at((ORIGIN, "second.example"), bytes(32).hex())
    assert refused.value.code == "consent.unknown_log"
