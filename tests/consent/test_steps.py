"""What may follow what: every allowed step, and every forbidden one with its own error."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.consent import Break, Fact, Standing, State, Terms, check_step, fold
from konsens.errors import RefusedByPolicy

NOTICE = "aa" * 32


def fact(kind: str, seq: int = 0, **more: object) -> Fact:
    made = {
        "event": f"{kind}-{seq}",
        "type": kind,
        "by": "customer",
        "lane": "lane",
        "seq": seq,
        "index": seq,
        "since": seq,
        "known": seq,
        "next": f"{seq + 1:064x}",
        "logs": ("log",),
        "notice": NOTICE,
        **more,
    }
    return msgspec.convert(made, Fact)


def standing(state: State | None, until: int | None = None) -> Standing:
    grant = None if state in (None, State.REFUSED, State.DEFERRED) else fact("given", until=until)
    return Standing(state=state, head=grant, grant=grant)


DOUBLE = {"given-0": Terms(double_opt_in=True, lapses_at=5)}
STALE = {"given-0": Terms(superseded_from=1)}
S = State


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        *((state, "given") for state in (None, *State) if state is not State.INVALIDATED),
        *(
            (state, kind)
            for state in (None, S.DEFERRED, S.REFUSED, S.WITHDRAWN)
            for kind in ("refused", "deferred")
        ),
        (S.PENDING, "confirmed"),
        (S.GIVEN, "renewed"),
        (S.RENEWED, "renewed"),
        *((state, "withdrawn") for state in (S.PENDING, S.GIVEN, S.RENEWED, S.WITHDRAWN, S.REVOKED)),
        (S.GIVEN, "revoked"),
        (S.RENEWED, "revoked"),
    ],
)
def test_an_allowed_step(state: State | None, kind: str) -> None:
    check_step(standing(state), fact(kind, 3), {})


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        (S.INVALIDATED, "given", "consent.after_invalidated"),
        (S.INVALIDATED, "renewed", "consent.after_invalidated"),
        (S.INVALIDATED, "withdrawn", "consent.after_invalidated"),
        *((state, "refused", "consent.refused_while_given") for state in (S.PENDING, S.GIVEN, S.RENEWED)),
        *((state, "deferred", "consent.deferred_while_given") for state in (S.PENDING, S.GIVEN, S.RENEWED)),
        *(
            (state, "confirmed", "consent.nothing_to_confirm")
            for state in (None, S.GIVEN, S.REFUSED, S.WITHDRAWN)
        ),
        *((state, "renewed", "consent.nothing_to_renew") for state in (None, S.REFUSED, S.DEFERRED)),
        (S.WITHDRAWN, "renewed", "consent.renewed_after_withdrawal"),
        (S.REVOKED, "renewed", "consent.renewed_after_revocation"),
        (S.PENDING, "renewed", "consent.renewed_while_pending"),
        *((state, "withdrawn", "consent.nothing_to_withdraw") for state in (None, S.REFUSED, S.DEFERRED)),
        *((state, "revoked", "consent.nothing_to_revoke") for state in (None, S.PENDING, S.WITHDRAWN)),
    ],
)
def test_a_forbidden_step_has_its_own_error(state: State | None, kind: str, code: str) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        check_step(standing(state), fact(kind, 3), {})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("before", "kind", "terms", "more", "code"),
    [
        pytest.param(
            standing(S.GIVEN, until=3), "renewed", {}, {}, "consent.renewed_after_expiry", id="expired"
        ),
        pytest.param(standing(S.GIVEN), "renewed", STALE, {}, "consent.renewed_superseded", id="superseded"),
        pytest.param(
            standing(S.GIVEN),
            "renewed",
            {},
            {"notice": "bb" * 32},
            "consent.renewed_other_notice",
            id="other notice",
        ),
        pytest.param(
            standing(S.PENDING), "confirmed", DOUBLE, {"since": 9}, "consent.confirmed_too_late", id="lapsed"
        ),
    ],
)
def test_a_step_forbidden_by_time_or_words(
    before: Standing, kind: str, terms: dict[str, Terms], more: dict[str, object], code: str
) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        check_step(before, fact(kind, 3, **more), terms)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([fact("given")], S.GIVEN),
        ([fact("given"), fact("renewed", 1)], S.RENEWED),
        ([fact("given"), fact("withdrawn", 1)], S.WITHDRAWN),
        ([fact("given"), fact("withdrawn", 1), fact("renewed", 2)], S.WITHDRAWN),
        ([fact("given"), fact("withdrawn", 1), fact("given", 2)], S.GIVEN),
        ([fact("deferred"), fact("given", 1)], S.GIVEN),
        ([fact("refused")], S.REFUSED),
        ([fact("given"), fact("refused", 1)], S.GIVEN),
        ([fact("given"), fact("withdrawn", 9, by="company", ends="given-0")], S.WITHDRAWN),
        ([fact("given"), fact("withdrawn", 9, by="company", ends="other")], S.GIVEN),
        (
            [fact("given"), fact("renewed", 1), fact("withdrawn", 9, by="company", ends="given-0")],
            S.WITHDRAWN,
        ),
        ([fact("given"), fact("revoked", 9, by="company", ends="given-0")], S.REVOKED),
        ([fact("given", by="company")], None),
        ([fact("countersigned", by="company")], None),
    ],
)
def test_the_fold_of_events(facts: list[Fact], state: State | None) -> None:
    assert fold(facts, breaks={}).state is state


def test_double_opt_in_is_pending_until_it_is_confirmed_and_lapses() -> None:
    given = [fact("given")]
    assert fold(given, breaks={}, terms=DOUBLE).state is State.PENDING
    assert fold(given, breaks={}, terms=DOUBLE).at(9, DOUBLE) is State.LAPSED
    assert fold([*given, fact("confirmed", 1)], breaks={}, terms=DOUBLE).state is State.GIVEN


OTHER = fact("given", 0, lane="second", event="given-second", index=7, since=7, known=7, next="ee" * 32)


@pytest.mark.parametrize(
    ("breaks", "state", "ending"),
    [
        pytest.param({}, S.GIVEN, None, id="whole: the second lane is void, the first holds"),
        pytest.param({f"{1:064x}": Break(5, 5, 5)}, S.GIVEN, None, id="broken before: a new lane may begin"),
        pytest.param({f"{1:064x}": Break(9, 9, 9)}, S.WITHDRAWN, "seal_broken", id="broken after: both end"),
        pytest.param(
            {"ee" * 32: Break(9, 9, 9)}, S.WITHDRAWN, "seal_broken", id="a void lane's seal ends it too"
        ),
    ],
)
def test_two_lanes_for_one_matter(breaks: dict[str, Break], state: State, ending: str | None) -> None:
    found = fold([fact("given"), OTHER], breaks=breaks)
    assert (found.state, found.ending) == (state, ending)
    if ending is None:
        assert found.grant is not None
        assert found.grant.lane == ("second" if breaks else "lane")


def relation(kind: str, seq: int, **more: object) -> Fact:
    return fact(kind, seq, lane="relation", event=f"r-{kind}-{seq}", next=f"f{seq:063x}", **more)


@pytest.mark.parametrize(
    ("relation_facts", "breaks", "state"),
    [
        ([relation("opened", 0)], {}, S.GIVEN),
        ([relation("opened", 0)], {f"f{0:063x}": Break(9, 9, 9)}, S.WITHDRAWN),
        ([relation("opened", 0), relation("objected", 9)], {}, S.WITHDRAWN),
        ([relation("opened", 0), relation("objected", 9, scope="newsletter")], {}, S.WITHDRAWN),
        ([relation("opened", 0), relation("objected", 9, scope="calls")], {}, S.GIVEN),
        ([relation("opened", 0), relation("objected", 9), relation("restored", 10)], {}, S.WITHDRAWN),
        ([relation("objected", 1, by="company")], {}, S.GIVEN),
        ([relation("objected", 9, by="company")], {}, S.WITHDRAWN),
    ],
)
def test_an_objection_ends_consents_given_before_it(
    relation_facts: list[Fact], breaks: dict[str, Break], state: State
) -> None:
    given = fact("given", 3)
    assert fold([given], breaks=breaks, relation=relation_facts, purpose="newsletter").state is state


KINDS = ["given", "renewed", "withdrawn", "refused", "deferred", "confirmed"]


@given(st.data())
def test_the_order_and_repetition_of_arrival_change_nothing(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(KINDS), max_size=6))
    lane = [fact(kind, seq) for seq, kind in enumerate(kinds)]
    staff = [
        fact(
            "withdrawn",
            seq,
            by="company",
            lane="own",
            event=f"staff-{seq}",
            index=20 + seq,
            ends=f"given-{seq}",
        )
        for seq in data.draw(st.sets(st.integers(0, 5), max_size=2))
    ]
    facts = [*lane, *staff]
    assert fold(data.draw(st.permutations(facts)), breaks={}) == fold(facts, breaks={})


@given(st.lists(st.sampled_from(KINDS), max_size=6), st.integers(0, 6))
def test_a_lost_tail_never_raises_what_its_broken_seal_ended(kinds: list[str], kept: int) -> None:
    """Whatever the company drops: the leaf of the first dropped event has broken the open seal."""
    lane = [fact(kind, seq) for seq, kind in enumerate(kinds)]
    shown, dropped = lane[:kept], lane[kept:]
    breaks = {shown[-1].next: Break(dropped[0].index, 0, 0)} if shown and dropped else {}
    state = fold(shown, breaks={str(seal): broken for seal, broken in breaks.items()}).state
    if dropped and shown:
        assert state not in (State.GIVEN, State.RENEWED, State.PENDING)
