"""What a customer may agree to is what the notice says, neither more nor less."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from konsens.consent import Choice, act, check_choice, draft_notice
from konsens.errors import InputError, KonsensError, RefusedByPolicy, VerificationError
from konsens.records import parse_event

from .world import NEWSLETTER, START, Customer, World

OFFERED = draft_notice(NEWSLETTER)
WHOLE: dict[str, Any] = {
    "purpose": "newsletter",
    "channel": "email",
    "data": ("email",),
    "recipients": ("Versand GmbH",),
    "language": "de",
}


@pytest.mark.parametrize(
    ("part", "code"),
    [
        pytest.param({"purpose": "profiling"}, "grant.purpose", id="a purpose that is not offered"),
        pytest.param({"channel": "phone"}, "grant.channel", id="a channel that is not offered"),
        pytest.param({"data": ("email", "income")}, "grant.data", id="data that nobody asked for"),
        pytest.param({"data": ()}, "grant.necessary", id="without what is necessary"),
        pytest.param({"recipients": ("Datenhandel AG",)}, "grant.recipient", id="a recipient not named"),
        pytest.param({"language": "fr"}, "grant.language", id="a language in which nothing was shown"),
        pytest.param({"age": 15}, "grant.under_age", id="a child"),
    ],
)
def test_a_choice_beyond_the_notice_is_refused(part: dict[str, Any], code: str) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        check_choice(OFFERED, **WHOLE | part)
    assert refused.value.code == code


@pytest.mark.parametrize("part", [{}, {"recipients": ()}, {"age": 16}, {"language": "en"}])
def test_a_choice_within_the_notice_is_taken(part: dict[str, Any]) -> None:
    assert check_choice(OFFERED, **WHOLE | part).code == "newsletter"


def signed(anna: Customer, matter: Any, **more: Any) -> Any:
    choice = Choice(notice="ab" * 32, language="de", **more)
    return act.give(anna.place(matter), choice, offered=OFFERED, at=START, signer=anna.signer)


def test_without_a_choice_just_what_is_necessary_is_granted(anna: Customer) -> None:
    content: Any = parse_event(signed(anna, anna.matter()).text).event.content
    assert (content.data, content.recipients, content.until) == (("email",), ("Versand GmbH",), None)


@pytest.mark.parametrize("until", [START, START - timedelta(seconds=1)])
def test_a_grant_that_has_ended_already_is_not_signed(until: Any, anna: Customer) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        signed(anna, anna.matter(), until=until)
    assert refused.value.code == "grant.until"


def test_a_grant_is_about_one_purpose_on_one_channel(anna: Customer) -> None:
    with pytest.raises(InputError) as refused:
        signed(anna, anna.matter(None, None))
    assert refused.value.code == "event.matter"


def test_a_grant_of_another_purpose_is_not_signed(anna: Customer) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        signed(anna, anna.matter("profiling"))
    assert refused.value.code == "grant.purpose"


@pytest.mark.parametrize("wrong", [{}, {"request": "cd" * 32}, {"target": "cd" * 32}])
def test_nothing_can_be_confirmed_that_does_not_wait_for_it(
    wrong: dict[str, str], world: World, anna: Customer
) -> None:
    notice, request = world.publish(), world.ask()
    world.receive(anna.give(notice, request))
    parts: dict[str, Any] = {"request": request.hash, "target": None} | wrong
    signed = act.confirm(anna.place(anna.matter()), **parts, at=world.now, signer=anna.signer)
    with pytest.raises(KonsensError) as refused:
        world.receive(anna.anchor(signed))
    assert refused.value.code == ("grant.other_confirmation" if wrong else "consent.nothing_to_confirm")


def test_a_notice_that_ended_cannot_be_agreed_to(world: World, anna: Customer) -> None:
    ended = NEWSLETTER.replace('version = "1"', 'version = "1"\nvalid_until = "2026-11-22T12:00:00Z"')
    notice = world.publish(ended)
    world.clock.tick(7200)
    with pytest.raises(RefusedByPolicy) as refused:
        world.receive(anna.give(notice))
    assert refused.value.code == "grant.notice_ended"


def test_a_purpose_on_another_basis_needs_no_grant_and_takes_none(world: World, anna: Customer) -> None:
    notice = world.publish(NEWSLETTER.replace('legal_basis = "consent"', 'legal_basis = "contract"'))
    with pytest.raises(RefusedByPolicy) as refused:
        world.receive(anna.give(notice))
    assert refused.value.code == "grant.other_basis"


def test_what_the_request_does_not_offer_is_refused(world: World, anna: Customer) -> None:
    other = NEWSLETTER.replace('channels = ["email"]', 'channels = ["email", "post"]')
    notice, request = world.publish(other), world.ask(channels=["email"])
    with pytest.raises(RefusedByPolicy) as refused:
        world.receive(anna.give(notice, request, channel="post"))
    assert refused.value.code == "request.offer"


def test_a_request_of_another_notice_is_refused(world: World, anna: Customer) -> None:
    first, request = world.publish(), world.ask()
    second = world.publish(NEWSLETTER.replace('version = "1"', 'version = "2"'))
    assert first.hash != second.hash
    with pytest.raises(VerificationError) as refused:
        world.receive(anna.give(second, msgspec.structs.replace(request)))
    assert refused.value.code == "request.other_notice"
