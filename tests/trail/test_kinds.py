"""One door for everything: what a file is, whose it is, and what of it holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from os import urandom
from pathlib import Path
from typing import Any

import msgspec
import pytest

from konsens.consent import RequestMessage, message, render_message
from konsens.credentials import (
    AnswerMessage,
    CredentialMessage,
    QuestionMessage,
    ask,
    ask_for,
    hold,
    issue,
    present,
)
from konsens.credentials import render_message as render_card_message
from konsens.did import OfflineResolver, render_document
from konsens.encoding import from_hex
from konsens.errors import InputError, KonsensError, NotFound
from konsens.registry import Cosigner, render_vkey
from konsens.trail.result import Report
from konsens.trail.trust import Trust, TrustFile
from konsens.trail.verify import verify

from ..consent.world import message as events_message
from .town import Town

MEMBERSHIP = "urn:muster:membership:1"


def trust_of(town: Town) -> Trust:
    (file,) = town.trust.files
    issuers = {"urn:konsens:receipt:1": (town.world.did,), MEMBERSHIP: (town.world.did,)}
    return Trust((msgspec.structs.replace(file, issuers=issuers),))


def check(town: Town, data: bytes | str, *, trust: Trust | None = None) -> Report:
    raw = data.encode() if isinstance(data, str) else data
    return verify(raw, trust or trust_of(town), at=town.world.now)


def receipts(town: Town) -> bytes:
    ledger = town.world.shop.ledger
    events = [e.event_hash for e in ledger.book.events() if e.signer == town.people["carl"].did]
    made, _ = town.world.shop.receipts(
        town.world.keys, events[:3], checkpoint=town.checkpoint, now=town.world.now
    )
    return render_message(made)


def credential(town: Town) -> str:
    anna = town.people["anna"]
    return issue(
        {"level": "gold", "since": 2020},
        vct=MEMBERSHIP,
        issuer=town.world.keys.signer,
        at=town.world.now,
        entropy=urandom,
        holder=OfflineResolver().resolve(anna.did).relations[0].key,
        subject=anna.did,
    )


def presentation(town: Town) -> str:
    trust = {MEMBERSHIP: [town.world.did]}
    held = hold(credential(town), trust=trust, resolve=OfflineResolver(), at=town.world.now)
    signer = town.people["anna"].signer
    return present(held, ["level"], audience="shop", nonce="n-0S6_WzA2Mj", signer=signer, at=town.world.now)


def events(town: Town) -> bytes:
    return events_message(*town.people["carl"].lanes[0], *town.people["carl"].lanes[1])


def request(town: Town) -> bytes:
    world = town.world
    asked = world.shop.ask(world.keys, notice="newsletter", purposes=["newsletter"], now=world.now)
    return render_message(
        RequestMessage(
            request=asked.jws,
            notice=town.notice.jws,
            company=render_document(OfflineResolver().resolve(world.did)),
            key_history=None,
            logs=(message.LogKey("log.muster.example", render_vkey(world.registry.vkey)),),
        )
    )


def question(town: Town) -> bytes:
    world = town.world
    _, jws = ask(
        ask_for(MEMBERSHIP, ["level"]),
        signer=world.keys.signer,
        at=world.now,
        expires_at=world.now + timedelta(hours=1),
        entropy=lambda size: bytes(size),
    )
    document = render_document(OfflineResolver().resolve(world.did))
    return render_card_message(QuestionMessage(question=jws, company=document, key_history=None))


def inclusion(town: Town) -> str:
    return town.world.registry.prove_inclusion(3)


def about_a_seal(town: Town) -> str:
    return town.world.registry.prove_holds(None, from_hex(town.people["anna"].seal(0, 1)))


def consistency(town: Town) -> str:
    return town.world.registry.prove_consistency(5)


def answer_of(town: Town) -> bytes:
    message = AnswerMessage(question="0" * 32, vp_token={"one": [presentation(town)]})
    return render_card_message(message)


KINDS: list[tuple[Callable[[Town], Any], str, tuple[str, ...]]] = [
    (receipts, "receipt", ("log.unwitnessed",)),
    (credential, "credential", ()),
    (lambda t: render_card_message(CredentialMessage(credential=credential(t))), "credential", ()),
    (presentation, "credential", ("presentation.no_question",)),
    (events, "message", ("message.log_not_asked",)),
    (request, "message", ()),
    (question, "message", ()),
    (answer_of, "message", ("presentation.no_question",)),
    (inclusion, "proof", ("proof.entry_not_given", "log.unwitnessed")),
    (about_a_seal, "proof", ("proof.seal_not_given", "log.unwitnessed")),
    (consistency, "proof", ("proof.old_root_not_given", "log.unwitnessed")),
]
NAMES = [getattr(kind[0], "__name__", "").replace("<lambda>", "credential file") for kind in KINDS]


@pytest.mark.parametrize(("make", "kind", "warnings"), KINDS, ids=NAMES)
def test_everything_that_travels_can_be_verified(
    town: Town, make: Callable[[Town], Any], kind: str, warnings: tuple[str, ...]
) -> None:
    report = check(town, make(town))
    assert report.errors == ()
    assert (report.kind, report.warnings) == (kind, warnings)
    assert all(one.ok for one in report.checks)
    if make in (events, presentation):
        return
    if kind != "proof":
        assert report.signer in (town.world.did, None)


@pytest.mark.parametrize("make", [kind[0] for kind in KINDS], ids=NAMES)
def test_whoever_trusts_nobody_is_told_whom_it_would_have_to_be(
    town: Town, make: Callable[[Town], Any]
) -> None:
    report = check(town, make(town), trust=Trust())
    assert not report.ok
    assert report.errors[0].exit_code == 10
    named = {str(value) for error in report.errors for value in error.facts.values()}
    assert named & {town.world.did, "log.muster.example"}


@pytest.mark.parametrize("make", [kind[0] for kind in KINDS], ids=NAMES)
def test_a_changed_byte_is_found_in_all_of_them(town: Town, make: Callable[[Town], Any]) -> None:
    made = make(town)
    data = made.encode() if isinstance(made, str) else bytes(made)
    known: dict[str, Any] = {}
    if make in (inclusion, about_a_seal, consistency):
        known = {"entry": town.world.registry.entry(3), "seal": from_hex(town.people["anna"].seal(0, 1))}
    if make is about_a_seal:
        known["entry"] = None
    for place in range(3, len(data), max(1, len(data) // 60)):
        letter = b"A" if data[place : place + 1] != b"A" else b"B"
        changed = data[:place] + letter + data[place + 1 :]
        if _beside_what_is_signed(data, changed) or make is consistency:
            continue
        try:
            report = verify(changed, trust_of(town), at=town.world.now, **known)
        except InputError:
            continue
        assert not report.ok, (place, data[place - 10 : place + 10])
        assert report.errors[0].exit_code in (6, 8, 9, 10, 11)


def _beside_what_is_signed(data: bytes, changed: bytes) -> bool:
    """Tell whether two messages differ only in the DID document: a did:key needs none, so it is not read."""
    try:
        one, two = json.loads(data), json.loads(changed)
    except ValueError:
        return False
    return all(one.get(name) == two.get(name) for name in one if name != "company")


def test_a_proof_with_its_entry_is_checked_whole(town: Town) -> None:
    log = town.world.registry
    found = verify(inclusion(town).encode(), town.trust, at=town.world.now, entry=log.entry(3))
    assert (found.errors, found.warnings) == ((), ("log.unwitnessed",))
    wrong = verify(inclusion(town).encode(), town.trust, at=town.world.now, entry=log.entry(4))
    assert wrong.failed == ("proof.inclusion",)


def test_a_proof_about_a_seal_says_whether_it_holds(town: Town) -> None:
    emil = from_hex(town.people["emil"].seal(0, 1))
    text = town.world.registry.prove_holds(None, emil)
    found = verify(text.encode(), town.trust, at=town.world.now, seal=emil)
    assert found.errors == ()
    assert found.counts["broken_at"] == town.world.registry.find(emil)
    other = verify(text.encode(), town.trust, at=town.world.now, seal=bytes(32))
    assert other.failed == ("proof.map",)


def test_a_request_that_has_expired_is_still_the_companys(town: Town) -> None:
    later = town.world.now + timedelta(days=90)
    report = verify(request(town), trust_of(town), at=later)
    assert (report.errors, report.warnings) == ((), ("request.expired",))


def test_a_receipt_is_about_its_own_event(town: Town) -> None:
    message = json.loads(receipts(town))
    first, second = message["receipts"][:2]
    first["credential"], second["credential"] = second["credential"], first["credential"]
    report = check(town, json.dumps(message))
    assert "receipt.other_event" in report.failed


@pytest.mark.parametrize("data", [b"", b"hello", b"{}", b'{"type":"konsens/other"}', b"[]", b"\x00" * 99])
def test_anything_else_is_not_recognised(town: Town, data: bytes) -> None:
    with pytest.raises(KonsensError) as caught:
        check(town, data)
    assert (caught.value.code, caught.value.exit_code) == ("trail.not_recognised", 2)


def test_what_is_too_large_is_not_read(town: Town) -> None:
    with pytest.raises(InputError, match=r"input\.too_large"):
        check(town, b"{" * (1 << 25))


def test_a_file_that_is_not_there_is_named(town: Town, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"file\.missing"):
        verify(tmp_path / "nothing", town.trust, at=town.world.now)


def test_every_file_of_trust_must_be_content(town: Town) -> None:
    """A second file that asks a witness of the same log makes the operator's word too little."""
    (file,) = town.trust.files
    witness = Cosigner("witness.example", b"w" * 32)
    strict = TrustFile(
        v=1,
        policy=file.policy.replace("quorum none", f"witness w {render_vkey(witness.vkey)}\nquorum w"),
        company=file.company,
    )
    report = check(town, inclusion(town), trust=Trust((file, strict)))
    assert report.failed == ("policy.quorum_missing",)
    assert report.errors[0].exit_code == 8
