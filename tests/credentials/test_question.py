"""A company asks: signed, for itself, with an end."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest

from konsens.credentials import (
    AnswerMessage,
    CredentialMessage,
    QuestionMessage,
    check_question,
    parse_message,
    parse_question,
    render_message,
)
from konsens.did import sign_jws
from konsens.encoding import b64u_decode
from konsens.errors import InputError, KonsensError

from .exchange import DAY, file_of
from .people import AT, did, issued, key, signer


def test_a_question_travels_as_a_file_and_is_checked() -> None:
    unverified = parse_question(file_of())
    assert unverified.kid == signer("shop").kid
    assert unverified.message.company["id"] == did("shop")
    question = check_question(unverified, key=key("shop").public, at=AT + timedelta(hours=23))
    assert (question.company, question.reason) == (did("shop"), "Discounts")
    assert question.client_id == f"decentralized_identifier:{did('shop')}"
    assert (question.at, question.expires_at, len(question.id), len(question.nonce)) == (AT, AT + DAY, 32, 22)
    assert question == unverified.unverified


@pytest.mark.parametrize(
    ("who", "later", "code"),
    [
        pytest.param("stranger", timedelta(), "question.signature", id="signed by another key"),
        pytest.param("shop", DAY, "question.expired", id="no longer open"),
    ],
)
def test_a_question_that_is_not_good_is_not_answered(who: str, later: timedelta, code: str) -> None:
    with pytest.raises(KonsensError) as excinfo:
        check_question(parse_question(file_of()), key=key(who).public, at=AT + later)
    assert excinfo.value.code == code


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda file: file.replace(old, new)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(replaced(b"konsens/question", b"konsens/answer"), "input.wrong_type", id="type"),
        pytest.param(replaced(b'"v":1', b'"v":2'), "input.version", id="version"),
        pytest.param(replaced(b'"v":1', b'"v":1,"w":1'), "input.unknown_member", id="a member more"),
        pytest.param(replaced(b'"key_history":null,', b""), "input.format", id="a member less"),
        pytest.param(lambda file: b"[]", "input.wrong_type", id="a list"),
        pytest.param(lambda file: b"", "input.json", id="nothing"),
    ],
)
def test_a_file_of_another_form_is_refused(change: Callable[[bytes], bytes], code: str) -> None:
    with pytest.raises(InputError) as excinfo:
        parse_question(change(file_of()))
    assert excinfo.value.code == code


def test_a_question_is_signed_by_whom_it_is_for() -> None:
    payload = b64u_decode(parse_question(file_of()).message.question.split(".")[1])
    stolen = sign_jws(payload, typ="konsens-question+jws", signer=signer("stranger"))
    message = QuestionMessage(question=stolen, company={"id": did("stranger")}, key_history=None)
    with pytest.raises(KonsensError) as excinfo:
        parse_question(render_message(message))
    assert excinfo.value.code == "question.client_id"


def test_a_question_ends_after_it_begins() -> None:
    with pytest.raises(InputError) as excinfo:
        file_of(expires_at=AT)
    assert excinfo.value.code == "question.times"


def test_no_two_questions_are_the_same() -> None:
    assert len({file_of(entropy=secrets.token_bytes) for _ in range(20)}) == 20


def test_a_credential_travels_as_a_file() -> None:
    data = render_message(CredentialMessage(credential=issued()))
    assert parse_message(data, CredentialMessage).credential == issued()
    with pytest.raises(InputError) as excinfo:
        parse_message(data, AnswerMessage)
    assert excinfo.value.code == "input.wrong_type"
