"""A wallet believes a request only if company, notice, log and time fit together."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from konsens.consent import Pinned, read_request, render_message
from konsens.consent.request import TYP
from konsens.did import OfflineResolver, parse_jws, sign_jws
from konsens.encoding import jcs
from konsens.errors import KonsensError, NotFound, RefusedByPolicy
from konsens.registry import render_vkey

from .world import NEWSLETTER, ORIGIN, Customer, World

Change = Callable[[dict[str, Any], World], None]


def file_of(world: World, **asked: Any) -> bytes:
    vkeys = {ORIGIN: render_vkey(world.registry.vkey)}
    return render_message(world.shop.message_for(world.ask(**asked), vkeys=vkeys))


def test_a_request_is_read_and_the_company_pinned(world: World) -> None:
    notice = world.publish()
    data = file_of(world)
    read = read_request(data, at=world.now)
    assert read.notice == notice
    assert read.warnings == ("company.first_contact",)
    assert read.signed.company == world.did
    pinned = Pinned(read.company, read.key_history)
    vkeys = {ORIGIN: render_vkey(world.registry.vkey)}
    assert read_request(data, at=world.now, pinned=pinned, vkeys=vkeys).warnings == ()


def other_shop_signed(tree: dict[str, Any], world: World) -> None:
    shop, keys, _ = world.make_shop("other")
    shop.publish(keys, NEWSLETTER, now=world.now)
    signed = shop.ask(keys, notice="newsletter", purposes=["newsletter"], now=world.now)
    tree["request"] = signed.jws
    shop.close()


def other_shop_notice(tree: dict[str, Any], world: World) -> None:
    shop, keys, _ = world.make_shop("other")
    tree["notice"] = shop.publish(keys, NEWSLETTER, now=world.now)[0].jws
    shop.close()


def swapped_notice(tree: dict[str, Any], world: World) -> None:
    tree["notice"] = world.publish(NEWSLETTER.replace('version = "1"', 'version = "2"')).jws


def flip(member: str) -> Change:
    def change(tree: dict[str, Any], _: World) -> None:
        head, body, signature = tree[member].split(".")
        tree[member] = ".".join((head, body, ("B" if signature[0] == "A" else "A") + signature[1:]))

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(other_shop_signed, "request.other_company", id="signed by another company"),
        pytest.param(other_shop_notice, "request.other_notice", id="notice of another company"),
        pytest.param(swapped_notice, "request.other_notice", id="notice swapped"),
        pytest.param(flip("request"), "request.signature", id="request forged"),
        pytest.param(flip("notice"), "notice.signature", id="notice forged"),
        pytest.param(lambda tree, _: tree.update(type="konsens/events"), "input.wrong_type", id="other type"),
        pytest.param(lambda tree, _: tree.update(v=2), "input.version", id="other version"),
        pytest.param(lambda tree, _: tree.update(x=1), "input.unknown_member", id="unknown member"),
    ],
)
def test_a_wrong_request_is_refused(change: Change, code: str, world: World) -> None:
    world.publish()
    tree = json.loads(file_of(world))
    change(tree, world)
    with pytest.raises(KonsensError) as refused:
        read_request(json.dumps(tree), at=world.now)
    assert refused.value.code == code


def test_another_company_under_a_pinned_name_is_refused(world: World, anna: Customer) -> None:
    world.publish()
    data = file_of(world)
    stranger = Pinned(OfflineResolver().resolve(anna.did), None)
    with pytest.raises(KonsensError) as refused:
        read_request(data, at=world.now, pinned=stranger)
    assert refused.value.code == "company.key_changed"
    with pytest.raises(KonsensError) as refused:
        read_request(data, at=world.now, vkeys={ORIGIN: "another"})
    assert refused.value.code == "registry.other_key"


def test_a_request_ends_and_is_for_whom_it_names(world: World, anna: Customer) -> None:
    notice = world.publish()
    data = file_of(world, valid=timedelta(days=1))
    with pytest.raises(RefusedByPolicy) as refused:
        read_request(data, at=world.now + timedelta(days=1))
    assert refused.value.code == "request.expired"
    world.receive(anna.open(), anna.give(notice), ref="C-1")
    addressed = file_of(world, who="C-1")
    assert read_request(addressed, at=world.now, own_dids=[anna.did]).signed.request.customer == anna.did
    with pytest.raises(RefusedByPolicy) as refused:
        read_request(addressed, at=world.now)
    assert refused.value.code == "request.other_customer"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"notice": "nothing"}, "notice.unknown"),
        ({"purposes": ["profiling"]}, "notice.no_purpose"),
        ({"channels": ["phone"]}, "notice.no_channel"),
        ({"who": "C-9"}, "contact.unknown"),
    ],
)
def test_only_what_exists_can_be_asked(asked: dict[str, Any], code: str, world: World) -> None:
    world.publish()
    with pytest.raises(NotFound) as refused:
        world.ask(**asked)
    assert refused.value.code == code


def test_a_no_is_not_asked_about_again_within_a_year(world: World, anna: Customer) -> None:
    world.publish()
    request = world.ask()
    world.receive(anna.open(), anna.refuse(request), ref="C-1")
    with pytest.raises(RefusedByPolicy) as refused:
        world.ask(who="C-1")
    assert refused.value.code == "request.too_soon"
    world.clock.tick(366 * 86400)
    world.ask(who="C-1")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(
            {"offers": [{"purpose": "profiling", "channels": ["email"]}]}, "request.offer", id="purpose"
        ),
        pytest.param(
            {"offers": [{"purpose": "newsletter", "channels": ["phone"]}]}, "request.offer", id="channel"
        ),
        pytest.param({"expires_at": "2026-11-22T10:00:00Z"}, "request.form", id="over as it begins"),
        pytest.param({"notice": "0" * 64}, "request.other_notice", id="another notice"),
    ],
)
def test_a_company_that_signs_more_than_its_notice_says_is_refused(
    change: dict[str, Any], code: str, world: World
) -> None:
    world.publish()
    tree = json.loads(file_of(world))
    payload = json.loads(parse_jws(tree["request"], typ=TYP).unverified_payload) | change
    tree["request"] = sign_jws(jcs(payload), typ=TYP, signer=world.keys.signer)
    with pytest.raises(KonsensError) as refused:
        read_request(json.dumps(tree), at=world.now)
    assert refused.value.code == code


def test_a_request_under_a_notice_that_the_book_lacks_is_not_handed_out(world: World) -> None:
    world.publish()
    signed = world.ask()
    with world.shop.rehearsal() as stage:
        stage.ledger.db.execute("DELETE FROM notice")
        with pytest.raises(NotFound) as refused:
            stage.message_for(signed, vkeys={})
    assert refused.value.code == "notice.unknown"
