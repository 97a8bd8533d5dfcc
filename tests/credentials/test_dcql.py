"""DCQL: read strictly, answered with as little as answers it, and enforced."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from konsens.credentials import (
    Choice,
    Dcql,
    HeldCredential,
    ask_for,
    candidates,
    choose,
    open_held,
    parse_dcql,
    render_path,
)
from konsens.errors import InputError, KonsensError, NotFound, RefusedByPolicy
from konsens.strict_json import parse

from .people import AT, VCT, held, issued

EXAMPLES = Path(__file__).parent.parent / "vectors" / "openid4vp" / "1.0" / "examples"
PID = "https://credentials.example.com/identity_credential"
OTHER_PID = "https://othercredentials.example/pid"
REDUCED_PID = "https://credentials.example.com/reduced_identity_credential"
RESIDENCE = "https://cred.example/residence_credential"
REWARDS = "https://company.example/company_rewards"


def query(*claims: Any, vct: str = VCT, **members: Any) -> dict[str, Any]:
    """Return one credential query."""
    listed = [claim if isinstance(claim, dict) else {"path": claim} for claim in claims]
    asked: dict[str, Any] = {"id": "card", "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}}
    return asked | ({"claims": listed} if listed else {}) | members


def dcql(*queries: dict[str, Any], **members: Any) -> Dcql:
    return parse_dcql({"credentials": list(queries)} | members)


def shown(choices: tuple[Choice, ...]) -> dict[str, list[str]]:
    return {choice.query.id: sorted(render_path(path) for path in choice.shown) for choice in choices}


@pytest.mark.parametrize("path", sorted((EXAMPLES / "query_lang").glob("*.json")), ids=lambda path: path.stem)
def test_every_official_query_is_read(path: Path) -> None:
    assert parse_dcql(parse(path.read_bytes())).credentials


def test_a_query_knows_its_parts() -> None:
    read = parse_dcql(parse((EXAMPLES / "query_lang" / "claims_alternatives.json").read_bytes()))
    pid = read.query("pid")
    assert pid is not None
    assert pid.vct_values == (PID,)
    assert [[claim.path for claim in option] for option in pid.options()] == [
        [("family_name",), ("locality",), ("region",), ("date_of_birth",)],
        [("family_name",), ("postal_code",), ("date_of_birth",)],
    ]
    assert (read.query("nobody"), read.required()) == (None, [(("pid",),)])


def test_unknown_members_are_passed_over_everywhere() -> None:
    asked = query({"path": ["level"], "x": 1}, y=2)
    asked["meta"]["z"] = 3
    assert dcql(asked, purpose="later").credentials[0].vct_values == (VCT,)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param([], "input.format", id="no object"),
        pytest.param({}, "input.format", id="nothing asked"),
        pytest.param({"credentials": []}, "input.format", id="an empty list"),
        pytest.param({"credentials": [query(id="")]}, "dcql.id", id="an empty id"),
        pytest.param({"credentials": [query(id="a b")]}, "dcql.id", id="an id with a space"),
        pytest.param({"credentials": [query(id="ä")]}, "dcql.id", id="an id with an umlaut"),
        pytest.param({"credentials": [query(id=1)]}, "input.format", id="an id that is a number"),
        pytest.param({"credentials": [query(), query()]}, "dcql.repeated", id="an id twice"),
        pytest.param({"credentials": [query(meta={})]}, "dcql.vct_values", id="no types"),
        pytest.param({"credentials": [query(meta={"vct_values": []})]}, "dcql.vct_values", id="empty types"),
        pytest.param({"credentials": [query(meta={"vct_values": [1]})]}, "dcql.vct_values", id="a type 1"),
        pytest.param({"credentials": [query(meta=None)]}, "input.format", id="meta null"),
        pytest.param({"credentials": [query(format="")]}, "input.format", id="no format"),
        pytest.param({"credentials": [query(multiple="yes")]}, "input.format", id="multiple a text"),
        pytest.param({"credentials": [query(claims=[])]}, "input.format", id="empty claims"),
        pytest.param({"credentials": [query([])]}, "input.format", id="an empty path"),
        pytest.param({"credentials": [query(["a", -1])]}, "input.format", id="a negative position"),
        pytest.param({"credentials": [query(["a", 1.5])]}, "input.format", id="half a position"),
        pytest.param({"credentials": [query(["a", True])]}, "input.format", id="a position that is true"),
        pytest.param({"credentials": [query([0])]}, "dcql.path", id="a path into no array"),
        pytest.param({"credentials": [query(["a"], ["a"])]}, "dcql.repeated", id="a claim twice"),
        pytest.param(
            {"credentials": [query({"path": ["a"], "values": []})]}, "input.format", id="empty values"
        ),
        pytest.param(
            {"credentials": [query({"path": ["a"], "values": [1.5]})]}, "input.format", id="a value 1.5"
        ),
        pytest.param(
            {"credentials": [query({"path": ["a"], "id": "x"}, {"path": ["b"], "id": "x"})]},
            "dcql.repeated",
            id="a claim id twice",
        ),
        pytest.param({"credentials": [query(claim_sets=[["x"]])]}, "dcql.claim_sets", id="sets of nothing"),
        pytest.param(
            {"credentials": [query(["a"], claim_sets=[["x"]])]}, "dcql.claim_sets", id="sets without ids"
        ),
        pytest.param(
            {"credentials": [query({"path": ["a"], "id": "x"}, claim_sets=[["y"]])]},
            "dcql.unknown_id",
            id="a set of an unknown claim",
        ),
        pytest.param({"credentials": [query()], "credential_sets": []}, "input.format", id="empty sets"),
        pytest.param(
            {"credentials": [query()], "credential_sets": [{"options": [[]]}]},
            "input.format",
            id="empty option",
        ),
        pytest.param(
            {"credentials": [query()], "credential_sets": [{"options": [["other"]]}]},
            "dcql.unknown_id",
            id="a set of an unknown credential",
        ),
        pytest.param({"credentials": [query(trusted_authorities=[])]}, "input.format", id="no authority"),
        pytest.param({"credentials": [query()] * 101}, "input.format", id="more than 100 queries"),
    ],
)
def test_a_malformed_query_is_refused(value: Any, code: str) -> None:
    with pytest.raises(InputError) as excinfo:
        parse_dcql(parse(json.dumps(value)))
    assert excinfo.value.code == code


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        pytest.param(query(), [], id="only that one has it"),
        pytest.param(query(["level"]), ["level"], id="one claim"),
        pytest.param(
            query(["address", "locality"]), ["address", "address.locality"], id="a claim inside another"
        ),
        pytest.param(
            query(["nationalities", None]),
            ["nationalities", "nationalities[0]", "nationalities[1]", "nationalities[2]"],
            id="every element",
        ),
        pytest.param(query({"path": ["level"], "values": ["silver", "gold"]}), ["level"], id="a value"),
        pytest.param(query({"path": ["age_over_18"], "values": [True]}), ["age_over_18"], id="a boolean"),
        pytest.param(query({"path": ["points"], "values": [1200]}), ["points"], id="a number"),
        pytest.param(
            query({"path": ["nationalities", None], "values": ["FR", "US"]}),
            ["nationalities", "nationalities[1]"],
            id="the element with the value",
        ),
        pytest.param(
            query(
                {"id": "a", "path": ["age_over_21"]},
                {"id": "b", "path": ["age_over_18"]},
                {"id": "c", "path": ["birthdate"]},
                claim_sets=[["a"], ["b"], ["c"]],
            ),
            ["age_over_18"],
            id="the first set that can be met",
        ),
    ],
)
def test_the_wallet_shows_as_little_as_answers(asked: dict[str, Any], answer: list[str]) -> None:
    choices = choose(dcql(asked), [held()], at=AT)
    assert shown(choices) == {"card": answer}
    assert {*choices[0].shown} | {*choices[0].withheld} == {*held().concealable}


@pytest.mark.parametrize(
    ("asked", "always_shown", "answer"),
    [
        pytest.param(["level"], ["email"], ["email", "level"], id="a claim"),
        pytest.param(["email"], ["email"], ["email"], id="asked for, and once"),
        pytest.param(["level"], ["address.locality"], ["address.locality", "level"], id="a part"),
        pytest.param(["level"], ["degrees"], ["degrees", "level"], id="all of it"),
        pytest.param(
            ["level"], ["degrees[].type"], ["degrees[0].type", "degrees[1].type", "level"], id="of each"
        ),
    ],
)
def test_what_cannot_be_withheld_is_shown_too(
    asked: list[str], always_shown: list[str], answer: list[str]
) -> None:
    card = held(always_shown=always_shown)
    (choice,) = choices = choose(dcql(query(asked)), [card], at=AT)
    assert shown(choices) == {"card": answer}
    assert {*choice.disclosed} | {*choice.withheld} == {*card.concealable}
    assert set(choice.shown).isdisjoint(choice.withheld)


def test_a_place_of_nothing_but_concealed_claims_is_shown_by_its_name() -> None:
    card = held({"level": "gold", "list": ["a", "b"]}, conceal_only=["level", "list[]"])
    assert shown(choose(dcql(query(["level"])), [card], at=AT)) == {"card": ["level", "list"]}


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(query(["nobody"]), id="no such claim"),
        pytest.param(query(["level"], ["nobody"]), id="one of two claims"),
        pytest.param(query({"path": ["level"], "values": ["silver"]}), id="another value"),
        pytest.param(query({"path": ["age_over_18"], "values": [1]}), id="1 is not true"),
        pytest.param(query({"path": ["points"], "values": ["1200"]}), id="a text is no number"),
        pytest.param(query(vct="urn:example:other"), id="another type"),
        pytest.param(query(format="mso_mdoc"), id="another format"),
        pytest.param(
            query(trusted_authorities=[{"type": "aki", "values": ["s9tIpPmhxdiuNkHMEWNpYim8S8Y"]}]),
            id="an authority that no DID is under",
        ),
    ],
)
def test_a_credential_that_does_not_answer_is_not_shown(asked: dict[str, Any]) -> None:
    with pytest.raises(NotFound) as excinfo:
        choose(dcql(asked), [held()], at=AT)
    assert excinfo.value.code == "dcql.no_match"


def test_a_credential_without_a_key_answers_only_who_asks_for_none() -> None:
    unbound = held(holder=None)
    assert candidates(dcql(query()).credentials[0], [unbound], at=AT) == ()
    asked = query(require_cryptographic_holder_binding=False)
    assert len(candidates(dcql(asked).credentials[0], [unbound], at=AT)) == 1


@pytest.mark.parametrize(
    ("later", "answers"),
    [(timedelta(days=-2), 0), (timedelta(days=-1), 1), (timedelta(days=365), 0)],
)
def test_a_credential_answers_while_it_is_in_force(later: timedelta, answers: int) -> None:
    card = held(not_before=AT - timedelta(days=1))
    assert len(candidates(dcql(query()).credentials[0], [card], at=AT + later)) == answers


def test_the_earlier_card_is_preferred() -> None:
    silver, gold = held({"level": "silver"}), held({"level": "gold"})
    assert choose(dcql(query(["level"])), [silver, gold], at=AT)[0].held is silver
    value = query({"path": ["level"], "values": ["gold"]})
    assert choose(dcql(value), [silver, gold], at=AT)[0].held is gold


ALTERNATIVES = query(
    {"id": "a", "path": ["birthdate"]}, {"id": "b", "path": ["age_over_18"]}, claim_sets=[["a"], ["b"]]
)


@pytest.mark.parametrize(
    ("asked", "only", "answer"),
    [
        pytest.param(query(["level"]), ["level", "email"], ["level"], id="no more than asked"),
        pytest.param(ALTERNATIVES, ["age_over_18"], ["age_over_18"], id="the other alternative"),
        pytest.param(
            query(["address", "locality"]),
            ["address.locality"],
            ["address", "address.locality"],
            id="its place comes along",
        ),
        pytest.param(query(["iss"]), [], [], id="what stands in the open anyway"),
    ],
)
def test_the_holder_can_narrow_the_answer(asked: dict[str, Any], only: list[str], answer: list[str]) -> None:
    assert shown(choose(dcql(asked), [held()], at=AT, only=only)) == {"card": answer}


@pytest.mark.parametrize(
    ("asked", "only"),
    [
        (query(["level"]), []),
        (query(["level"], ["email"]), ["level"]),
        (query(["address"]), ["address.locality"]),
        (ALTERNATIVES, ["level"]),
    ],
)
def test_an_answer_that_is_too_narrow_is_none(asked: dict[str, Any], only: list[str]) -> None:
    with pytest.raises(RefusedByPolicy) as excinfo:
        choose(dcql(asked), [held()], at=AT, only=only)
    assert excinfo.value.code == "dcql.only"


def sets() -> Dcql:
    return parse_dcql(parse((EXAMPLES / "query_lang" / "credentials_alternatives.json").read_bytes()))


def card(vct: str, *names: str) -> HeldCredential:
    claims = {name: {"street_address": "Musterweg 1"} if name == "address" else name for name in names}
    return open_held(issued(claims, vct=vct))


@pytest.mark.parametrize(
    ("cards", "answer"),
    [
        ([card(PID, "given_name", "family_name", "address")], ["pid"]),
        (
            [card(OTHER_PID, "given_name", "family_name", "address")],
            ["other_pid"],
        ),
        (
            [
                card(RESIDENCE, "postal_code", "locality", "region"),
                card(REDUCED_PID, "given_name", "family_name"),
                card(REWARDS, "rewards_number"),
            ],
            ["pid_reduced_cred_1", "pid_reduced_cred_2"],
        ),
    ],
)
def test_the_first_set_that_can_be_met_is_taken_and_what_is_optional_stays(
    cards: list[HeldCredential], answer: list[str]
) -> None:
    assert [choice.query.id for choice in choose(sets(), cards, at=AT)] == answer


def test_a_narrowed_answer_may_be_another_set() -> None:
    """What the holder forbids rules out one alternative, not the next."""
    cards = [
        card(PID, "given_name", "family_name", "address"),
        card(OTHER_PID, "given_name", "family_name", "address"),
        card(RESIDENCE, "postal_code", "locality", "region"),
        card(REDUCED_PID, "given_name", "family_name"),
    ]
    only = ["given_name", "family_name", "postal_code", "locality", "region"]
    chosen = choose(sets(), cards, at=AT, only=only)
    assert [choice.query.id for choice in chosen] == ["pid_reduced_cred_1", "pid_reduced_cred_2"]
    with pytest.raises(RefusedByPolicy) as excinfo:
        choose(sets(), cards, at=AT, only=["given_name"])
    assert excinfo.value.code == "dcql.only"


def test_half_a_set_is_no_answer() -> None:
    residence = card(RESIDENCE, "postal_code", "locality", "region")
    with pytest.raises(KonsensError) as excinfo:
        choose(sets(), [residence], at=AT)
    assert excinfo.value.code == "dcql.no_match"


def test_a_short_question_can_be_written_by_its_paths() -> None:
    assert ask_for(VCT, ["level", "address.locality"]) == {
        "credentials": [
            {
                "id": "credential",
                "format": "dc+sd-jwt",
                "meta": {"vct_values": [VCT]},
                "claims": [{"path": ["level"]}, {"path": ["address", "locality"]}],
            }
        ]
    }
    assert "claims" not in ask_for(VCT, [])["credentials"][0]
