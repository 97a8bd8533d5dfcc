"""Letters that two programs must write alike: JCS, base64url, hex, multibase and times."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from konsens.encoding import (
    b64u_decode,
    b64u_encode,
    format_time,
    from_hex,
    jcs,
    multibase_decode,
    multibase_encode,
    parse_time,
    sha256,
)
from konsens.errors import InputError

VECTORS = Path(__file__).parent.parent / "vectors" / "jcs-rfc8785" / "testdata"
LARGEST = 2**53 - 1

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def has_huge_float(value: Any) -> bool:
    """Beyond 2⁵³ a double without a fraction is written as an integer, which we then refuse to read."""
    if isinstance(value, dict):
        return any(map(has_huge_float, value.values()))
    if isinstance(value, list):
        return any(map(has_huge_float, value))
    return isinstance(value, float) and abs(value) > LARGEST


@pytest.mark.parametrize("name", sorted(path.stem for path in (VECTORS / "input").iterdir()))
def test_the_official_pairs_of_rfc_8785_agree_to_the_byte(name: str) -> None:
    value = json.loads((VECTORS / "input" / f"{name}.json").read_text("utf-8"))
    assert jcs(value) == bytes.fromhex((VECTORS / "outhex" / f"{name}.txt").read_text("ascii"))
    assert jcs(value) == (VECTORS / "output" / f"{name}.json").read_bytes()


@given(values)
def test_the_fast_way_writes_what_the_library_writes(value: Any) -> None:
    assert jcs(value) == rfc8785.dumps(value)


@given(values.filter(lambda value: not has_huge_float(value)))
def test_the_canonical_form_is_a_fixed_point(value: Any) -> None:
    canonical = jcs(value)
    assert jcs(json.loads(canonical)) == canonical


@pytest.mark.parametrize("character", [chr(n) for n in [*range(0x21), 0x22, 0x5C, 0x7F, 0x2028, 0x1F600]])
def test_each_character_that_json_escapes_is_escaped_as_the_standard_asks(character: str) -> None:
    assert jcs({"x": character}) == rfc8785.dumps({"x": character})


def test_member_names_are_sorted_as_utf_16() -> None:
    assert jcs({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


def circle() -> list[object]:
    ring: list[object] = []
    ring.append(ring)
    return ring


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param({"\ud800": 1}, id="lone surrogate in a name"),
        pytest.param(2**53, id="integer that a double does not carry"),
        pytest.param([-(2**53)], id="the same below zero"),
        pytest.param(float("nan"), id="NaN"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param({1: 2}, id="name that is a number"),
        pytest.param({"x": b"y"}, id="bytes"),
        pytest.param({"x": datetime.now(UTC)}, id="a moment"),
        pytest.param(circle(), id="list that holds itself"),
    ],
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(InputError) as caught:
        jcs(value)
    assert caught.value.code == "input.not_canonical"


@given(st.binary())
def test_base64url_decodes_what_it_encodes(data: bytes) -> None:
    assert b64u_decode(b64u_encode(data)) == data
    assert b64u_decode(b64u_encode(data), size=len(data)) == data


@given(st.text(alphabet="ABCDwxyz0189-_+/= \n", max_size=8))
def test_one_value_has_one_spelling_in_base64url(text: str) -> None:
    try:
        data = b64u_decode(text)
    except InputError:
        return
    assert urlsafe_b64encode(data).rstrip(b"=").decode() == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("YQ==", id="padding"),
        pytest.param("YR", id="spare bits"),
        pytest.param("YWJ", id="spare bits of the last letter but one"),
        pytest.param("Y", id="one letter left over"),
        pytest.param("YWI\n", id="line end"),
        pytest.param("YW I", id="space within"),
        pytest.param("a+b/", id="letters of the other alphabet"),
        pytest.param("YWä", id="beyond ASCII"),
    ],
)
def test_other_spellings_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        b64u_decode(text)
    assert caught.value.code == "input.base64url"


def test_a_wrong_length_of_base64url_is_refused() -> None:
    with pytest.raises(InputError):
        b64u_decode(b64u_encode(b"a" * 31), size=32)


@given(st.binary(min_size=32, max_size=32))
def test_hex_decodes_what_it_encodes(data: bytes) -> None:
    assert from_hex(data.hex()) == data


@pytest.mark.parametrize(
    "text",
    ["", "ab" * 31, "ab" * 33, "AB" * 32, "ab" * 31 + "a ", " " + "ab" * 32, "ab" * 31 + "gg", "ä" * 64],
)
def test_other_spellings_of_hex_are_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        from_hex(text)
    assert caught.value.code == "input.hex"


@given(st.binary(max_size=64))
def test_multibase_decodes_what_it_encodes(data: bytes) -> None:
    assert multibase_decode(multibase_encode(data)) == data


@pytest.mark.parametrize("text", ["", "uYQ", "z0", "zIl", "zabc\n", "zabc ", "zä", "z" + "1" * 200])
def test_other_spellings_of_multibase_are_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        multibase_decode(text)
    assert caught.value.code == "input.multibase"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_reads_back_to_the_whole_second(at: datetime) -> None:
    assert parse_time(format_time(at)) == at.replace(microsecond=0)


def test_a_time_is_written_in_utc_whatever_its_zone() -> None:
    berlin = timezone(timedelta(hours=1))
    assert format_time(datetime(2026, 11, 22, 11, 0, 0, 999_999, berlin)) == "2026-11-22T10:00:00Z"


def test_a_moment_without_a_time_zone_is_our_bug_and_not_written() -> None:
    with pytest.raises(TypeError):
        format_time(datetime(2026, 11, 22))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T10:00:00",
        "2026-11-22T10:00:00+00:00",
        "2026-11-22T11:00:00+01:00",
        "2026-11-22t10:00:00z",
        "2026-11-22 10:00:00Z",
        "2026-11-22T10:00:00.5Z",
        "2026-11-22T10:00Z",
        "20261122T100000Z",
        "2026-11-22T10:00:60Z",
        "2026-02-29T10:00:00Z",
        "2026-W47-7T10:00:00Z",
        "２026-11-22T10:00:00Z",
        "0001-01-01T00:00:00+23:59",
        " 2026-11-22T10:00:00Z",
    ],
)
def test_other_spellings_of_a_time_are_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_time(text)
    assert caught.value.code == "input.time"


@pytest.mark.parametrize(("parts", "same"), [((b"ab", b"c"), (b"abc",)), ((), (b"",))])
def test_sha256_runs_over_the_parts_in_a_row(parts: tuple[bytes, ...], same: tuple[bytes, ...]) -> None:
    digest: Callable[..., bytes] = sha256
    assert digest(*parts) == digest(*same)
