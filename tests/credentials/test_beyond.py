"""What was shown without being asked is reported."""

from __future__ import annotations

from typing import Any

import pytest

from konsens.credentials import AnswerMessage, HeldCredential, render_path
from konsens.did import did_jwk

from .exchange import asked, checked, shown_to
from .people import CLAIMS, did, held, key
from .test_dcql import query


def beyond(one: dict[str, Any], card: HeldCredential, shown: list[str]) -> list[str]:
    question = asked(one)
    message = AnswerMessage(question=question.id, vp_token={"card": [shown_to(question, card, shown)]})
    return [render_path(path) for path in checked(message, question).beyond["card"][0]]


@pytest.mark.parametrize(
    ("claims", "shown", "expected"),
    [
        pytest.param([["level"]], ["level"], [], id="just that"),
        pytest.param([["level"]], ["level", "email"], ["email"], id="a claim more"),
        pytest.param([["level"]], ["level", "address.street"], ["address"], id="a claim more, in its place"),
        pytest.param(
            [["address", "locality"]],
            ["address.locality", "address.street"],
            ["address.street"],
            id="the claim beside it",
        ),
        pytest.param([["address"]], ["address"], [], id="all that is in what was asked for"),
        pytest.param([["nationalities", 1]], ["nationalities[1]"], [], id="one element"),
        pytest.param(
            [["nationalities", 1]],
            ["nationalities"],
            ["nationalities[0]", "nationalities[2]"],
            id="more elements",
        ),
        pytest.param(
            [["degrees", None, "type"]],
            ["degrees"],
            ["degrees[0].from", "degrees[1].from"],
            id="more of each element",
        ),
        pytest.param([], ["level"], ["level"], id="when no claim was asked for"),
    ],
)
def test_what_is_shown_beyond_the_question_is_reported(
    claims: list[list[Any]], shown: list[str], expected: list[str]
) -> None:
    assert sorted(beyond(query(*claims), held(), shown)) == expected


@pytest.mark.parametrize(
    ("claims", "shown", "expected"),
    [
        ([["address", "locality"]], ["address"], ["address.street", "address.country"]),
        ([["degrees", 1, "type"]], ["degrees"], ["degrees[0]", "degrees[1].from"]),
    ],
)
def test_what_cannot_be_shown_alone_is_reported_too(
    claims: list[list[Any]], shown: list[str], expected: list[str]
) -> None:
    card = held({name: CLAIMS[name] for name in ("address", "degrees")}, conceal_only=["address", "degrees"])
    assert beyond(query(*claims), card, shown) == expected


@pytest.mark.parametrize(
    ("claims", "always_shown", "shown", "expected"),
    [
        pytest.param([["level"]], ["email"], ["level"], ["email"], id="a claim"),
        pytest.param([["level"], ["email"]], ["email"], ["level"], [], id="asked for"),
        pytest.param([["level"]], ["address.locality"], ["level"], ["address"], id="a part, its place"),
        pytest.param(
            [["address", "street"]],
            ["address.locality"],
            ["address.street"],
            ["address.locality"],
            id="beside what was asked for",
        ),
        pytest.param(
            [["level"]],
            ["address.locality"],
            ["level", "address.street"],
            ["address.street", "address.locality"],
            id="beside what was uncovered",
        ),
        pytest.param([["iss"]], ["level"], [], ["level"], id="what is about the credential never is"),
    ],
)
def test_what_cannot_be_withheld_is_beyond_as_well(
    claims: list[list[Any]], always_shown: list[str], shown: list[str], expected: list[str]
) -> None:
    assert beyond(query(*claims), held(always_shown=always_shown), shown) == expected


def test_the_place_of_disclosed_claims_is_named_by_them() -> None:
    card = held({"level": "gold", "list": ["a", "b"]}, conceal_only=["level", "list[]"])
    assert beyond(query(["level"]), card, ["level"]) == ["list"]
    assert beyond(query(["level"]), card, ["level", "list[1]"]) == ["list[1]"]
    assert beyond(query(["list", 1]), card, ["list[1]"]) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"subject": did_jwk(key("holder").public)}, []),
        ({"subject": "customer 4711"}, ["sub"]),
        ({"subject": did("other holder")}, ["sub"]),
    ],
)
def test_a_subject_is_a_claim_unless_it_is_the_holders_key(
    options: dict[str, Any], expected: list[str]
) -> None:
    assert beyond(query(["level"]), held(**options), ["level"]) == expected


def test_of_several_combinations_the_one_that_was_meant_counts() -> None:
    alternatives = query(
        {"id": "a", "path": ["birthdate"]}, {"id": "b", "path": ["age_over_18"]}, claim_sets=[["a"], ["b"]]
    )
    assert beyond(alternatives, held(), ["age_over_18"]) == []
    assert beyond(alternatives, held(), ["birthdate", "age_over_18"]) == ["age_over_18"]
