"""One door for everything: what a file is, whose it is, and what of it holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from konsens.consent import RequestMessage, message, render_message
from konsens.credentials import (
    CredentialMessage,
    KeyBinding,
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
from konsens.errors import InputError, KonsensError
from konsens.registry import render_vkey
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
        entropy=lambda size: bytes(size),
        holder=OfflineResolver().resolve(anna.did).relations[0].key,
        subject=anna.did,
    )


def presentation(town: Town) -> str:
    held = hold(credential(town), resolve=OfflineResolver(), at=town.world.now)
    binding = KeyBinding("decentralized_identifier:did:web:shop.example", nonce="n-0S6_WzA2Mj")
    return present(held, [], binding=binding, signer=town.people["anna"].signer, at=town.world.now)


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


KINDS: list[tuple[Callable[[Town], Any], str, tuple[str, ...]]] = [
    (receipts, "receipt", ("log.unwitnessed",)),
    (credential, "credential", ()),
    (lambda t: render_card_message(CredentialMessage(credential=credential(t))), "credential", ()),
    (presentation, "credential", ("presentation.no_question",)),
    (events, "message", ("message.log_not_asked",)),
    (request, "message", ()),
    (question, "message", ()),
    (inclusion, "proof", ("proof.entry_not_given", "log.unwitnessed")),
    (about_a_seal, "proof", ("proof.seal_not_given", "log.unwitnessed")),
    (consistency, "proof", ("proof.old_root_not_given", "log.unwitnessed")),
]
NAMES = [getattr(kind[0], "__name__", "").replace("<lambda>", "credential file") for kind in KINDS]
