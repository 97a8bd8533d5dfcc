"""A grant holds what the customer chose, or else just what the notice calls necessary."""

from __future__ import annotations

from typing import Any

import pytest

from konsens.errors import InputError
from konsens.records import Grant

from .world import NEWSLETTER, Customer, World

NAMED = "Versand GmbH"


@pytest.mark.parametrize(
    ("choice", "recipients"),
    [({}, (NAMED,)), ({"recipients": ()}, ()), ({"data": ("email",), "recipients": (NAMED,)}, (NAMED,))],
    ids=str,
)
def test_a_choice_is_kept_as_it_was_made(
    world: World, anna: Customer, choice: dict[str, Any], recipients: tuple[str, ...]
) -> None:
    given = anna.give(world.publish(), **choice)
    world.receive(given, ref="C-1")
    content = given.event.event.content
    assert isinstance(content, Grant)
    assert (content.data, content.recipients) == (("email",), recipients)
    code = "ok" if recipients else "consent.recipient"
    assert world.code("C-1", recipient=NAMED) == code


@pytest.mark.parametrize("moment", ["2026-11-22T10:00:00", "2026-11-22", "2026-11-22T10:00:00.5"])
def test_a_day_or_a_time_without_its_zone_is_no_moment(world: World, moment: str) -> None:
    with pytest.raises(InputError) as refused:
        world.publish(f"valid_from = {moment}\n{NEWSLETTER}")
    assert refused.value.code in ("input.time", "notice.toml")
