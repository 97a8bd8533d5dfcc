"""A record shows the state with what time and the log add to what the book has written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from konsens.consent import make_request, target_of
from konsens.errors import InputError

from .world import NEWSLETTER, START, Customer, World, key_of_seed

TWO_CHANNELS = NEWSLETTER.replace('channels = ["email"]', 'channels = ["email", "sms"]')


def state(world: World, anna: Customer) -> str:
    (record,) = world.shop.records(anna.did, now=world.now)
    return str(record.state)


def test_a_consent_that_ran_out_is_expired(world: World, anna: Customer) -> None:
    world.receive(anna.give(world.publish(), until=START + timedelta(days=1)))
    world.clock.tick(86399)
    assert state(world, anna) == "given"
    world.clock.tick()
    assert state(world, anna) == "expired"


def test_a_seal_that_broke_shows_as_withdrawn(world: World, anna: Customer) -> None:
    world.receive(anna.give(world.publish()))
    assert state(world, anna) == "given"
    anna.break_bare(1, 1)
    assert state(world, anna) == "withdrawn"


def test_what_was_asked_and_not_answered_is_on_record_beside_what_was(world: World, anna: Customer) -> None:
    world.receive(anna.give(world.publish(TWO_CHANNELS)), ref="C-1")
    world.ask(who="C-1")
    found = {record.channel: record.state for record in world.shop.records("C-1", now=world.now)}
    assert found == {"email": "given", "sms": "requested"}
    world.clock.tick(14 * 86400)
    found = {record.channel: record.state for record in world.shop.records("C-1", now=world.now)}
    assert found == {"email": "given", "sms": "lapsed"}


def test_other_words_in_substance_supersede(world: World, anna: Customer) -> None:
    first = world.publish()
    world.receive(anna.give(first))
    later = (
        f'version = "2"\nreplaces = "{first.hash}"\nin_substance = true\nvalid_from = 2026-11-23T10:00:00Z'
    )
    world.publish(NEWSLETTER.replace('version = "1"', later))
    assert state(world, anna) == "given"
    world.clock.tick(86400)
    assert state(world, anna) == "superseded"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"entropy": bytes(31)}, id="too little randomness"),
        pytest.param({"many": True, "customer": "did:key:anna"}, id="for many and for one"),
        pytest.param({"expires_at": START}, id="ended when it begins"),
    ],
)
def test_a_request_that_makes_no_sense_is_not_signed(wrong: dict[str, Any], world: World) -> None:
    request: dict[str, Any] = {
        "notice": world.publish().hash,
        "offers": (),
        "customer": None,
        "many": False,
        "entropy": bytes(32),
        "at": START,
        "expires_at": START + timedelta(days=1),
        "signer": key_of_seed(bytes(32))[1],
    }
    with pytest.raises(InputError) as refused:
        make_request(**request | wrong)
    assert refused.value.code == "request.form"


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_has_its_length(length: int) -> None:
    with pytest.raises(InputError) as refused:
        target_of(bytes(length), "email", "anna@muster.example")
    assert refused.value.code == "target.salt"
