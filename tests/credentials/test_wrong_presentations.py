"""Everything that is correctly signed and wrong is refused, each by its own code."""

from __future__ import annotations

from typing import get_args

import pytest

from konsens.credentials import verify
from konsens.errors import KonsensError, Language

from .forge import Forge
from .people import AT, RESOLVER, policy
from .wrong import WRONG, Wrong


def test_the_forge_makes_good_presentations() -> None:
    verified = verify(Forge().present(), policy(), resolve=RESOLVER, at=AT)
    assert (verified.claims["level"], verified.claims["age_over_18"], verified.withheld) == ("gold", True, 0)


@pytest.mark.parametrize("wrong", [pytest.param(wrong, id=wrong.name) for wrong in WRONG])
def test_a_wrong_presentation_is_refused_by_its_code(wrong: Wrong) -> None:
    with pytest.raises(KonsensError) as excinfo:
        verify(wrong.make(Forge()), wrong.policy or policy(), resolve=RESOLVER, at=AT)
    assert excinfo.value.code == wrong.code
    for language in get_args(Language):
        assert excinfo.value.message(language) != wrong.code
        assert excinfo.value.hint(language)


def test_the_table_has_more_than_a_hundred_rows_and_each_its_own_name() -> None:
    assert len({wrong.name for wrong in WRONG}) == len(WRONG) >= 100
