"""A notice is complete before it is published, and its words never change afterwards."""

from __future__ import annotations

import pytest

from konsens.consent import draft_notice, parse_notice, problems_of, read_notice
from konsens.encoding import jcs, sha256
from konsens.errors import Conflict, InputError, KonsensError, RefusedByPolicy
from konsens.registry import PublicLeaf

from .world import NEWSLETTER, World

PURPOSE = NEWSLETTER[NEWSLETTER.index("[[purpose]]") :]


def changed(old: str, new: str) -> str:
    assert old in NEWSLETTER
    return NEWSLETTER.replace(old, new)


def test_the_example_lacks_nothing() -> None:
    assert problems_of(draft_notice(NEWSLETTER)) == ()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "Muster-Shop"', 'name = " "', "notice.controller_missing"),
        ('contact = "datenschutz@muster.example"', 'contact = ""', "notice.contact_missing"),
        ('authority = "Die Datenschutzaufsicht des Landes"', 'authority = ""', "notice.authority_missing"),
        (
            'en = "We send you our newsletter by email. You can withdraw at any time."',
            'en = ""',
            "notice.text_missing",
        ),
        ('label = { de = "Newsletter", en = "Newsletter" }', 'label = { de = "N" }', "notice.label_missing"),
        ("https://w3id.org/dpv#DirectMarketing", "DirectMarketing", "notice.dpv_iri"),
        ('channels = ["email"]', 'channels = ["pigeon"]', "notice.channel_unknown"),
        ('channels = ["email"]', 'channels = ["email", "email"]', "notice.channel_twice"),
        ('retention = "P2Y"', 'retention = "two years"', "notice.retention"),
        ('retention = "P2Y"', 'retention = "P"', "notice.retention"),
        ('role = "processor"', 'role = "friend"', "notice.recipient"),
        ('country = "DE"', 'country = "US"', "notice.safeguard_missing"),
        ('version = "1"', 'version = "1"\nin_substance = true', "notice.replaces_missing"),
        ('version = "1"', 'version = "1"\nvalid_from = "soon"', "notice.time"),
        (
            'version = "1"',
            'version = "1"\nvalid_from = 2026-12-02T00:00:00Z\nvalid_until = 2026-12-01T00:00:00Z',
            "notice.time",
        ),
        ("data = [{", "data = [] # [{", "notice.data_missing"),
        (
            "necessary = true }]",
            'necessary = true }, { code = "email", dpv = "https://w3id.org/dpv#Data", necessary = true }]',
            "notice.data_twice",
        ),
        (
            "[[purpose]]",
            NEWSLETTER[NEWSLETTER.index("[[purpose]]") :] + "\n[[purpose]]",
            "notice.purpose_twice",
        ),
    ],
)
def test_what_is_missing_has_a_name(old: str, new: str, problem: str, world: World) -> None:
    text = changed(old, new)
    assert problems_of(draft_notice(text)) == (problem,)
    with pytest.raises(InputError) as refused:
        world.publish(text)
    assert refused.value.code == "notice.incomplete"
    assert problem in refused.value.message()


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        pytest.param(
            changed("double_opt_in = false", "double_opt_in = true"),
            RefusedByPolicy,
            "notice.double_opt_in_later",
            id="double opt-in",
        ),
        pytest.param("id = ", InputError, "notice.toml", id="no TOML"),
        pytest.param("x = 1\n" + NEWSLETTER, InputError, "input.unknown_member", id="unknown member"),
        pytest.param(changed('id = "newsletter"', 'id = "News Letter"'), InputError, "input.format", id="id"),
        pytest.param(
            changed("[controller]", '[controller]\ndid = "did:key:zOther"'),
            InputError,
            "notice.other_controller",
            id="other DID",
        ),
        pytest.param(
            f'hash = "{"0" * 64}"\n' + NEWSLETTER, InputError, "notice.text_hash", id="hash of other words"
        ),
        pytest.param(
            f'replaces = "{"0" * 64}"\n' + NEWSLETTER,
            InputError,
            "notice.replaces_unknown",
            id="replaces nothing",
        ),
        pytest.param(
            changed("minimum_age = 16", "minimum_age = 16.5"), InputError, "notice.toml", id="fraction"
        ),
        pytest.param("id = \n" + NEWSLETTER, InputError, "notice.toml", id="no TOML"),
        pytest.param("#" * (1 << 18) + "\n" + NEWSLETTER, InputError, "notice.too_large", id="too large"),
        pytest.param("valid_from = 2026-12-01\n" + NEWSLETTER, InputError, "notice.toml", id="a day"),
        pytest.param(
            "valid_from = 2026-12-01T00:00:00\n" + NEWSLETTER, InputError, "input.time", id="no time zone"
        ),
    ],
)
def test_a_notice_is_refused(text: str, kind: type[KonsensError], code: str, world: World) -> None:
    with pytest.raises(kind) as refused:
        world.publish(text)
    assert refused.value.code == code
    assert world.registry.size() == 0


def test_publishing_signs_the_words_and_anchors_their_hash(world: World) -> None:
    signed, index = world.shop.publish(world.keys, NEWSLETTER, now=world.now)
    assert world.registry.entry(index) == PublicLeaf(signed.digest).entry
    assert signed.hash == sha256(signed.body).hex()
    assert signed.notice.controller.did == world.did
    assert signed.notice.valid_from == "2026-11-22T10:00:00Z"
    assert signed.notice.hash == sha256(jcs(dict(signed.notice.text))).hex()
    assert parse_notice(signed.body) == signed.notice
    assert read_notice(signed.jws, signed.body) == signed


def test_publishing_again_changes_nothing_and_other_words_need_another_version(world: World) -> None:
    first = world.publish()
    world.clock.tick(3600)
    assert world.publish() == first
    assert world.registry.size() == 1
    with pytest.raises(Conflict) as refused:
        world.publish(changed("jederzeit", "nie"))
    assert refused.value.code == "notice.version_exists"
    world.publish(changed('version = "1"', 'version = "2"'))
    assert [notice.notice.version for notice, _ in world.shop.notices()] == ["1", "2"]


def test_a_notice_whose_leaf_was_kept_back_is_announced_later(world: World) -> None:
    signed = world.publish()
    with world.shop.ledger.book.write() as db:
        db.execute("UPDATE notice SET leaf_index = NULL")
    world.shop.finish(now=world.now)
    assert world.shop.ledger.notice_leaf(signed.hash) == 0
    assert world.registry.size() == 1
