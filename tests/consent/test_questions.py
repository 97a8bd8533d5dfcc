"""A question stands in the book before it leaves, and is answered once."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from konsens.credentials import AnswerMessage, Question, answer, ask_for, choose, hold, issue, parse_question
from konsens.did import LocalSigner, OfflineResolver, PrivateKey, Signer, did_key, kid_of
from konsens.errors import KonsensError

from .world import World

TYPE = "urn:example:membership"
HOLDER, STRANGER = (PrivateKey.ed25519(bytes([n]) * 32) for n in (7, 8))


def signer_of(key: PrivateKey) -> Signer:
    return LocalSigner(key, kid_of(did_key(key.public)))


def asked(world: World, **more: Any) -> Question:
    given: dict[str, Any] = {"expires_at": world.now + timedelta(days=1), "reason": "Rabatt"} | more
    return world.shop.question(world.keys, ask_for(TYPE, ["level"]), now=world.now, **given)[0]


def answered(world: World, question: Question, *, issuer: Signer | None = None) -> AnswerMessage:
    """Answer with a card that the company itself issued, or somebody else."""
    issuer = issuer or world.keys.signer
    text = issue(
        {"level": "gold", "birthdate": "1963-08-12"},
        vct=TYPE,
        issuer=issuer,
        holder=HOLDER.public,
        subject=did_key(HOLDER.public),
        at=world.now,
        entropy=secrets.token_bytes,
    )
    trust = {TYPE: [issuer.kid.partition("#")[0]]}
    card = hold(text, trust=trust, resolve=OfflineResolver(), at=world.now, holder=HOLDER.public)
    choices = choose(question.dcql, [card], at=world.now)
    return answer(question, choices, signer_for=lambda _: signer_of(HOLDER), at=world.now)


def spent(world: World) -> list[tuple[int | None, bytes | None]]:
    return world.shop.ledger.db.execute("SELECT answered_at, outcome FROM question").fetchall()


def refused(world: World, message: AnswerMessage, **trust: Any) -> str:
    with pytest.raises(KonsensError) as caught:
        world.shop.answer(message, trust=trust, now=world.now)
    return caught.value.code


def test_a_question_is_in_the_book_as_it_leaves(world: World) -> None:
    question, message = world.shop.question(
        world.keys, ask_for(TYPE, ["level"]), expires_at=world.now + timedelta(days=1), now=world.now
    )
    (stored,) = world.shop.ledger.db.execute("SELECT message FROM question").fetchone()
    assert parse_question(stored).message == message
    assert (parse_question(stored).unverified.nonce, message.key_history) == (question.nonce, None)
    assert spent(world) == [(None, None)]


def test_of_an_answer_the_book_keeps_who_and_never_a_claim(world: World) -> None:
    question = asked(world)
    world.clock.tick(60)
    verified = world.shop.answer(answered(world, question), trust={}, now=world.now)
    (credential,) = verified.credentials["credential"]
    assert credential.claims["level"] == "gold"
    ((at, outcome),) = spent(world)
    assert at == int(world.now.timestamp())
    assert outcome is not None
    (kept,) = json.loads(outcome)["credential"]
    assert kept == {
        "card": credential.card,
        "issuer": world.did,
        "type": TYPE,
        "subject": did_key(HOLDER.public),
    }
    assert b"gold" not in outcome


def test_a_question_is_answered_once(world: World) -> None:
    question = asked(world)
    message = answered(world, question)
    world.shop.answer(message, trust={}, now=world.now)
    assert refused(world, message) == "presentation.nonce_spent"
    assert refused(world, answered(world, question)) == "presentation.nonce_spent"


def test_a_stranger_is_believed_only_where_the_company_says_so(world: World) -> None:
    issuer = signer_of(STRANGER)
    message = answered(world, asked(world), issuer=issuer)
    assert refused(world, message) == "credential.issuer"
    assert refused(world, message, other=[issuer.kid.partition("#")[0]]) == "credential.issuer"
    assert spent(world) == [(None, None)], "what fails spends nothing"
    trust = {TYPE: [issuer.kid.partition("#")[0]]}
    assert world.shop.answer(message, trust=trust, now=world.now).credentials


def test_an_answer_to_nobodys_question_is_refused(world: World) -> None:
    message = msgspec.structs.replace(answered(world, asked(world)), question="0" * 32)
    assert refused(world, message) == "question.unknown"
    assert spent(world) == [(None, None)]


def test_the_answer_to_one_question_is_none_to_another(world: World) -> None:
    first, second = asked(world), asked(world)
    message = msgspec.structs.replace(answered(world, first), question=second.id)
    assert refused(world, message).startswith("presentation.")
    assert spent(world) == [(None, None)] * 2
