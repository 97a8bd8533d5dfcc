"""What holds for all claims and all choices."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from konsens.credentials import ClaimPath, parse_path, present, render_path, verify
from konsens.credentials.path import covers, overlaps

from .people import AT, AUDIENCE, NONCE, RESOLVER, held, policy, signer

OURS = {"iss", "sub", "vct", "iat", "nbf", "exp", "cnf", "aud", "status", "aka_vcts", "vct#integrity"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = TEXT.filter(lambda name: name not in {"_sd", "...", "_sd_alg"})
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT | st.floats(-1e9, 1e9)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
CLAIMS = st.dictionaries(NAMES.filter(lambda name: name not in OURS), VALUES, min_size=1, max_size=5)
PATHS = st.lists(NAMES | st.none() | st.integers(0, 99), max_size=4).flatmap(
    lambda tail: NAMES.map(lambda head: (head, *tail))
)


def visible(value: Any, path: ClaimPath, wanted: Collection[ClaimPath]) -> Any:
    """Return what is to be seen of `value`, written once more and without any of the code under test."""
    if any(path[: len(one)] == one for one in wanted):
        return value
    if isinstance(value, dict):
        inside = {name: (*path, name) for name in value}
        return {
            name: visible(value[name], here, wanted) for name, here in inside.items() if seen(here, wanted)
        }
    inside = {position: (*path, position) for position in range(len(value))}
    return [visible(value[spot], here, wanted) for spot, here in inside.items() if seen(here, wanted)]


def seen(path: ClaimPath, wanted: Collection[ClaimPath]) -> bool:
    return any(path[: len(one)] == one or one[: len(path)] == path for one in wanted)


def shown(claims: dict[str, Any], wanted: Collection[ClaimPath], decoys: int) -> dict[str, Any]:
    text = present(
        held(claims, decoys=decoys),
        list(wanted),
        audience=AUDIENCE,
        nonce=NONCE,
        signer=signer("holder"),
        at=AT,
    )
    return {
        name: claim
        for name, claim in verify(text, policy(), resolve=RESOLVER, at=AT).claims.items()
        if name not in OURS
    }


@settings(deadline=None)
@given(claims=CLAIMS, data=st.data(), decoys=st.integers(0, 3))
def test_what_is_shown_is_seen_and_nothing_else(
    claims: dict[str, Any], data: st.DataObject, decoys: int
) -> None:
    concealable = held(claims).concealable
    wanted = data.draw(st.sets(st.sampled_from(concealable)))
    assert shown(claims, wanted, decoys) == visible(claims, (), wanted)


@settings(deadline=None)
@given(claims=CLAIMS, data=st.data())
def test_hiding_a_claim_never_changes_the_rest(claims: dict[str, Any], data: st.DataObject) -> None:
    hidden = data.draw(st.sampled_from(sorted(claims)))
    everything = shown(claims, [(name,) for name in claims], 0)
    rest = shown(claims, [(name,) for name in claims if name != hidden], 0)
    assert everything == claims
    assert rest == {name: claim for name, claim in everything.items() if name != hidden}


@settings(deadline=None)
@given(claims=CLAIMS)
def test_what_is_issued_is_held_whole_and_every_part_of_it_can_be_withheld(claims: dict[str, Any]) -> None:
    card = held(claims, decoys=2)
    assert {name: claim for name, claim in card.claims.items() if name not in OURS} == claims
    assert {path[0] for path in card.concealable} == set(claims)
    assert shown(claims, [], 2) == {}


@given(PATHS)
def test_a_path_is_read_back_as_it_was_written(path: ClaimPath) -> None:
    assert parse_path(render_path(path)) == path


@given(PATHS, PATHS)
def test_a_path_overlaps_what_it_covers_and_what_contains_it(pattern: ClaimPath, path: ClaimPath) -> None:
    assert not covers(pattern, path) or overlaps(pattern, path)
    if None not in path:
        assert covers(path, (*path, "more"))
        assert overlaps((*path, "more"), path)
