"""A wallet answers, the company checks: and every way in which that can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from konsens.credentials import (
    AnswerMessage,
    MemoryNonces,
    Question,
    disclose,
    parse_message,
    render_message,
    verify,
)
from konsens.credentials.enforce import check_query
from konsens.errors import Conflict, KonsensError

from .exchange import DAY, answered, asked, checked, shown_to
from .people import AT, CLAIMS, RESOLVER, VCT, did, held, key, policy
from .test_dcql import query

HOUR = timedelta(hours=1)
SECOND = query(["level"], id="second")
AUTHORITY = [{"type": "aki", "values": ["s9tIpPmhxdiuNkHMEWNpYim8S8Y"]}]


def one(question: Question, text: str) -> AnswerMessage:
    return AnswerMessage(question=question.id, vp_token={"card": [text]})


def test_an_answer_shows_what_was_asked_and_nothing_else() -> None:
    question = asked(query(["level"], ["address", "locality"]))
    message = parse_message(render_message(answered(question)), AnswerMessage)
    result = checked(message, question)
    (credential,) = result.credentials["card"]
    assert {name: claim for name, claim in credential.claims.items() if name in CLAIMS} == {
        "level": "gold",
        "address": {"locality": "Köln"},
    }
    assert (result.question, result.beyond) == (question.id, {"card": ((),)})
    assert credential.key_bound_at == AT + HOUR


@pytest.mark.parametrize(
    ("asked_for", "vp_token", "code"),
    [
        pytest.param([], {}, "dcql.credential_missing", id="nothing"),
        pytest.param(
            [query(["level"]), SECOND], {"card": ["level"]}, "dcql.credential_missing", id="one of two"
        ),
        pytest.param([], {"card": []}, "dcql.no_presentation", id="an empty entry"),
        pytest.param([], {"card": ["level"], "x": ["level"]}, "dcql.unknown_query", id="not asked for"),
        pytest.param([], {"card": ["level", "level"]}, "dcql.not_multiple", id="two for one"),
        pytest.param(
            [query(["level"], multiple=True)],
            {"card": ["level", "level"]},
            "dcql.same_credential",
            id="the same twice",
        ),
        pytest.param([], {"card": ["email"]}, "dcql.claim_missing", id="another claim"),
        pytest.param([], {"card": [""]}, "dcql.claim_missing", id="no claim"),
        pytest.param(
            [query({"path": ["level"], "values": ["silver"]})],
            {"card": ["level"]},
            "dcql.value",
            id="another value",
        ),
        pytest.param(
            [query({"path": ["age_over_18"], "values": [1]})],
            {"card": ["age_over_18"]},
            "dcql.value",
            id="true is not 1",
        ),
        pytest.param([query(["level"], vct="urn:x")], {"card": ["level"]}, "dcql.type", id="another type"),
        pytest.param(
            [query(["level"], format="jwt_vc_json")], {"card": ["level"]}, "dcql.type", id="another format"
        ),
        pytest.param(
            [query(["level"], trusted_authorities=AUTHORITY)],
            {"card": ["level"]},
            "dcql.trusted_authorities",
            id="authorities that nobody can check",
        ),
    ],
)
def test_the_verifier_enforces_the_question(
    asked_for: list[dict[str, Any]], vp_token: dict[str, list[str]], code: str
) -> None:
    question = asked(*asked_for)
    shown = {
        name: [shown_to(question, held(), [path] if path else []) for path in paths]
        for name, paths in vp_token.items()
    }
    with pytest.raises(KonsensError) as excinfo:
        checked(AnswerMessage(question=question.id, vp_token=shown), question)
    assert excinfo.value.code == code


def test_a_required_set_must_be_answered_and_an_optional_one_need_not() -> None:
    required = asked(query(["level"]), SECOND, credential_sets=[{"options": [["card"], ["second"]]}])
    with pytest.raises(KonsensError) as excinfo:
        checked(AnswerMessage(question=required.id, vp_token={}), required)
    assert excinfo.value.code == "dcql.credential_missing"
    assert list(checked(answered(required), required).credentials) == ["card"]
    optional = asked(query(["level"]), SECOND, credential_sets=[{"options": [["second"]], "required": False}])
    assert checked(answered(optional), optional).credentials == {}


def test_several_credentials_may_answer_where_several_are_asked_for() -> None:
    question = asked(query(["level"], multiple=True))
    shown = [shown_to(question, card, ["level"]) for card in (held(), held({"level": "silver"}))]
    result = checked(AnswerMessage(question=question.id, vp_token={"card": shown}), question)
    assert [credential.claims["level"] for credential in result.credentials["card"]] == ["gold", "silver"]


def test_two_credentials_of_two_keys_answer_together() -> None:
    other = held({"club": "chess"}, holder=key("other holder").public)
    question = asked(query(["level"]), query(["club"], id="second"))
    result = checked(answered(question, held(), other), question)
    assert [result.credentials[name][0].holder for name in ("card", "second")] == [
        key("holder").public,
        key("other holder").public,
    ]


def test_a_credential_without_a_key_is_taken_where_none_is_asked_for() -> None:
    question = asked(query(["level"], require_cryptographic_holder_binding=False))
    assert checked(answered(question, held(holder=None)), question).credentials["card"][0].holder is None
    assert checked(answered(question), question).credentials["card"][0].key_bound_at is not None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"nonce": "another"}, "presentation.nonce", id="another nonce"),
        pytest.param({"audience": did("shop")}, "presentation.audience", id="the DID without the prefix"),
        pytest.param({"at": AT - timedelta(seconds=61)}, "presentation.too_early", id="before the question"),
        pytest.param({"at": AT + 3 * HOUR}, "presentation.too_late", id="after now"),
    ],
)
def test_an_answer_is_bound_to_its_question(changes: dict[str, Any], code: str) -> None:
    question = asked()
    with pytest.raises(KonsensError) as excinfo:
        checked(one(question, shown_to(question, held(), ["level"], **changes)), question)
    assert excinfo.value.code == code


def test_an_answer_that_nobody_signed_is_refused() -> None:
    question = asked()
    with pytest.raises(KonsensError) as excinfo:
        checked(one(question, disclose(held(), ["level"])), question)
    assert excinfo.value.code == "presentation.key_binding_missing"


def test_a_credential_that_was_verified_without_its_holder_does_not_answer_who_asks_for_one() -> None:
    shown = verify(disclose(held(), ["level"]), policy(key_binding=False), resolve=RESOLVER, at=AT)
    with pytest.raises(KonsensError) as excinfo:
        check_query(asked().dcql.credentials[0], shown)
    assert excinfo.value.code == "dcql.not_bound"


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (-timedelta(seconds=60), None),
        (DAY + timedelta(seconds=60), None),
        (DAY + timedelta(seconds=61), "presentation.too_late"),
    ],
)
def test_in_a_file_the_key_binding_lies_within_the_question(made: timedelta, code: str | None) -> None:
    question = asked()
    message = one(question, shown_to(question, held(), ["level"], at=AT + made))
    if code is None:
        checked(message, question, at=AT + 3 * DAY)
    else:
        with pytest.raises(KonsensError) as excinfo:
            checked(message, question, at=AT + 3 * DAY)
        assert excinfo.value.code == code


@pytest.mark.parametrize(
    ("check", "code", "exit_code"),
    [
        pytest.param(
            lambda message, question: checked(message, msgspec.structs.replace(question, id="0" * 32)),
            "question.other",
            6,
            id="to another question",
        ),
        pytest.param(
            lambda message, question: checked(message, question, trust={VCT: [did("stranger")]}),
            "credential.issuer",
            10,
            id="by an issuer whom we do not trust, whatever was asked",
        ),
        pytest.param(
            lambda message, question: checked(message, question, nonces=MemoryNonces()),
            "presentation.nonce_unknown",
            6,
            id="to a question that nobody asked here",
        ),
        pytest.param(
            lambda message, question: checked(message, question, maximum_age=DAY),
            "credential.too_old",
            11,
            id="by a credential that is too old",
        ),
    ],
)
def test_an_answer_is_refused(check: Callable[..., object], code: str, exit_code: int) -> None:
    question = asked()
    with pytest.raises(KonsensError) as excinfo:
        check(answered(question), question)
    assert (excinfo.value.code, excinfo.value.exit_code) == (code, exit_code)


def test_an_answer_counts_once_and_a_bad_one_does_not_spend_the_nonce() -> None:
    question, nonces = asked(), MemoryNonces()
    nonces.issue(question.nonce)
    with pytest.raises(KonsensError):
        checked(AnswerMessage(question=question.id, vp_token={}), question, nonces=nonces)
    checked(answered(question), question, nonces=nonces)
    with pytest.raises(Conflict) as excinfo:
        checked(answered(question), question, nonces=nonces)
    assert excinfo.value.code == "presentation.nonce_spent"


def test_of_fifty_who_bring_one_answer_one_gets_through() -> None:
    question, nonces = asked(), MemoryNonces()
    nonces.issue(question.nonce)
    message = answered(question)

    def bring(_: int) -> str:
        try:
            checked(message, question, nonces=nonces)
        except Conflict as error:
            return error.code
        return "accepted"

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(bring, range(50)))
    assert sorted(outcomes) == ["accepted"] + ["presentation.nonce_spent"] * 49
