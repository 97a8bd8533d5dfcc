"""Where a log is, as it is typed: a folder or a URL, alone or in a list."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import InputError
from konsens.registry.log_place import LogUrl, parse_place, parse_places

URLS = [
    "https://log.muster.example",
    "https://log.muster.example:8443/a/path",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
    "https://log.muster.example/path",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_keeps_both_its_slashes(url: str) -> None:
    assert parse_place(url) == parse_place(f"{url}/") == LogUrl(url)
    assert str(parse_place(url)) == url
    assert parse_place("reg") == Path("reg")


@given(st.lists(st.sampled_from([*URLS, "reg", "/srv/log", "../a b"]), max_size=6))
def test_a_list_is_split_between_its_places_and_nowhere_else(places: list[str]) -> None:
    assert parse_places(":".join(places)) == tuple(map(parse_place, places))
    assert parse_places(":" + "::".join(places) + ":") == parse_places(":".join(places))


@pytest.mark.parametrize(
    "url",
    [
        "http://log.muster.example",
        "http://localhost:8080",
        "http://192.168.0.1",
        "https://10.0.0.1",
        "https://me:secret@log.muster.example",
        "https://",
        "https://log.muster.example:0",
    ],
)
def test_a_url_that_is_not_fetched_is_refused_at_the_door(url: str) -> None:
    for parse in (parse_place, parse_places):
        with pytest.raises(InputError) as refused:
            parse(url)
        assert refused.value.code == "fetch.address"
