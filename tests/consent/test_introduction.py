"""Who a company says it is: a key that does not follow from what was pinned opens nothing."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from konsens.consent import Pinned, check_introduction, make_request, read_request, render_message
from konsens.consent.terms import Offer
from konsens.did import (
    HistoryEntry,
    KeyHistory,
    LocalSigner,
    PrivateKey,
    did_key,
    document_of,
    kid_of,
    render_document,
)
from konsens.encoding import format_time
from konsens.errors import KonsensError
from konsens.registry import render_vkey

from .world import ORIGIN, START, World

WEB = "did:web:muster.example"
OURS, LATER, THEIRS = (PrivateKey.ed25519(bytes([n]) * 32) for n in (1, 2, 3))
KEY = did_key(OURS.public)


def history(*keys: tuple[str, PrivateKey], did: str = WEB, until: str | None = None) -> KeyHistory:
    entries = (
        HistoryEntry(f"{did}#{name}", key.public.multikey, format_time(START), until) for name, key in keys
    )
    return KeyHistory(1, did, tuple(entries))


def introduced(
    document: dict[str, PrivateKey], told: KeyHistory | None, pinned: Pinned | None = None, did: str = WEB
) -> Any:
    return check_introduction(
        render_document(document_of(did, {name: key.public for name, key in document.items()})),
        None if told is None else msgspec.to_builtins(told),
        did=did,
        pinned=pinned,
    )


FIRST = Pinned(document_of(WEB, {"k1": OURS.public}), history(("k1", OURS)))
PLAIN = Pinned(document_of(WEB, {"k1": OURS.public}), None)
ONE, BOTH = {"k1": OURS}, {"k1": OURS, "k2": LATER}


@pytest.mark.parametrize(
    ("document", "told", "pinned", "warnings"),
    [
        pytest.param(ONE, None, None, ("company.first_contact",), id="first contact"),
        pytest.param(ONE, history(("k1", OURS)), None, ("company.first_contact",), id="with its history"),
        pytest.param(ONE, None, PLAIN, (), id="the same document"),
        pytest.param(ONE, history(("k1", OURS)), PLAIN, (), id="a history of the pinned key"),
        pytest.param(ONE, history(("k1", OURS)), FIRST, (), id="the same history"),
        pytest.param(BOTH, history(("k1", OURS), ("k2", LATER)), FIRST, ("company.new_key",), id="one more"),
    ],
)
def test_what_follows_is_taken(
    document: dict[str, PrivateKey], told: KeyHistory | None, pinned: Pinned | None, warnings: tuple[str, ...]
) -> None:
    found = introduced(document, told, pinned)
    assert (found.document.id, found.history, found.warnings) == (WEB, told, warnings)
    assert found.key(f"{WEB}#k1", START) == OURS.public


@pytest.mark.parametrize(
    ("document", "told", "pinned", "code"),
    [
        pytest.param({"k1": THEIRS}, None, PLAIN, "company.key_changed", id="another key"),
        pytest.param(BOTH, None, PLAIN, "company.key_changed", id="another document"),
        pytest.param(ONE, None, FIRST, "company.key_changed", id="the history is gone"),
        pytest.param(ONE, history(("k9", THEIRS)), FIRST, "company.key_changed", id="another history"),
        pytest.param(ONE, history(("k9", THEIRS)), PLAIN, "company.key_changed", id="a history from nowhere"),
        pytest.param(
            ONE,
            history(("k1", OURS), ("k9", THEIRS)),
            PLAIN,
            "company.key_changed",
            id="a further key, with nothing to follow from",
        ),
        pytest.param(
            {"k1": THEIRS}, history(("k1", OURS)), FIRST, "request.other_company", id="one name, two keys"
        ),
        pytest.param(
            {"k1": THEIRS}, history(("k1", OURS)), None, "request.other_company", id="at first contact, too"
        ),
        pytest.param(
            ONE,
            history(("k1", OURS), did="did:web:other.example"),
            None,
            "request.other_company",
            id="somebody else's history",
        ),
        pytest.param(
            ONE,
            None,
            Pinned(document_of("did:web:other.example", {"k1": OURS.public}), None),
            "company.key_changed",
            id="pinned of somebody else",
        ),
    ],
)
def test_what_does_not_follow_is_refused(
    document: dict[str, PrivateKey], told: KeyHistory | None, pinned: Pinned | None, code: str
) -> None:
    with pytest.raises(KonsensError) as refused:
        introduced(document, told, pinned)
    assert refused.value.code == code


def test_a_key_that_ended_signs_nothing_new_and_its_notices_stay() -> None:
    ended = history(("k1", OURS), until="2026-12-01T00:00:00Z")
    found = introduced({"k2": LATER}, ended)
    assert found.notice_key(f"{WEB}#k1") == OURS.public
    assert found.notice_key(f"{WEB}#k2") == LATER.public
    with pytest.raises(KonsensError) as refused:
        found.key(f"{WEB}#k1", START.replace(month=12))
    assert refused.value.code == "did.no_key_then"


def test_a_document_that_says_more_of_a_did_key_is_not_read() -> None:
    found = introduced({KEY.rpartition(":")[2]: THEIRS, "more": THEIRS}, None, did=KEY)
    assert found.key(kid_of(KEY), START) == OURS.public


@pytest.mark.parametrize("known", [False, True], ids=["at first contact", "of a pinned company"])
def test_a_history_gives_a_did_key_no_second_key(world: World, *, known: bool) -> None:
    """A stranger signs a request in the company's name, and sends a history that says the key is its own."""
    notice = world.publish()
    vkeys = {ORIGIN: render_vkey(world.registry.vkey)}
    tree = json.loads(render_message(world.shop.message_for(world.ask(), vkeys=vkeys)))
    read = read_request(json.dumps(tree), at=world.now)
    forged = make_request(
        notice,
        offers=[Offer("newsletter", ("email",))],
        customer=None,
        many=True,
        entropy=bytes(32),
        at=world.now,
        expires_at=START.replace(year=2027),
        signer=LocalSigner(THEIRS, kid_of(world.did)),
    )
    fragment = kid_of(world.did).partition("#")[2]
    told = history((fragment, THEIRS), did=world.did)
    tree |= {"request": forged.jws, "key_history": msgspec.to_builtins(told)}
    pinned = Pinned(read.company, read.key_history) if known else None
    with pytest.raises(KonsensError) as refused:
        read_request(json.dumps(tree), at=world.now, pinned=pinned)
    assert refused.value.code == "request.other_company"
