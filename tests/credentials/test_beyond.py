"""What was shown without being asked is reported."""

from __future__ import annotations

from typing import Any

import pytest

from konsens.credentials import AnswerMessage, HeldCredential, render_path

from .exchange import asked, checked, shown_to
from .people import held
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
    assert beyond(query(*claims), held(conceal_only=["address", "degrees"]), shown) == expected


def test_what_stands_in_the_open_is_not_beyond() -> None:
    assert beyond(query(["level"]), held(always_shown=["email"]), ["level"]) == []


def test_of_several_combinations_the_one_that_was_meant_counts() -> None:
    alternatives = query(
        {"id": "a", "path": ["birthdate"]}, {"id": "b", "path": ["age_over_18"]}, claim_sets=[["a"], ["b"]]
    )
    assert beyond(alternatives, held(), ["age_over_18"]) == []
    assert beyond(alternatives, held(), ["birthdate", "age_over_18"]) == ["age_over_18"]
