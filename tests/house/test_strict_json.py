"""The one door for JSON from outside: what I-JSON allows goes through unchanged, and nothing else."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import InputError
from konsens.strict_json import MAX_DEPTH, convert, decode, parse

LARGEST = 2**53 - 1

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


def code_of(data: bytes | str, **limits: int) -> str:
    with pytest.raises(InputError) as caught:
        parse(data, **limits)
    return caught.value.code


@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_whatever_i_json_allows_is_read_as_json_loads_reads_it(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert parse(text, max_depth=100) == json.loads(text) == value
    assert parse(text.encode(), max_depth=100) == value


@given(st.text(alphabet='{}[]",:\\u0123dDeE8 \n\t\ufeff"ä.+-tnaN', max_size=40))
def test_what_goes_through_is_json_to_the_standard_library_too(text: str) -> None:
    try:
        value = parse(text)
    except InputError:
        return
    assert value == json.loads(text)


@given(values.filter(lambda value: isinstance(value, dict | list)), st.data())
def test_a_text_that_is_cut_off_is_refused(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = data.draw(st.integers(0, len(text) - 1))
    assert code_of(text[:cut], max_depth=100) == "input.json"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a":1,"a":2}', id="at the top"),
        pytest.param('{"a":1,"a":1}', id="with one value"),
        pytest.param('{"a":1,"\\u0061":2}', id="spelled differently"),
        pytest.param('[[{"x":{"b":null,"c":0,"b":null}}]]', id="deep down"),
        pytest.param('{"":1,"":2}', id="with an empty name"),
    ],
)
def test_a_repeated_member_is_refused(text: str) -> None:
    assert code_of(text) == "input.json_duplicate"


def test_names_that_only_look_alike_are_two_names() -> None:
    names = ["a", "A", "\u00e4", "a\u0308"]
    assert parse(json.dumps(dict.fromkeys(names))) == dict.fromkeys(names)


@given(st.integers(MAX_DEPTH + 1, 3000), st.sampled_from(["[", '{"a":']))
def test_a_text_deeper_than_the_limit_is_refused_before_it_is_parsed(depth: int, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    assert code_of(opening * depth + "1" + closing * depth) == "input.json_depth"
    assert code_of(opening * depth) == "input.json_depth"


def test_the_limit_itself_is_allowed_and_width_is_not_depth() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    assert len(parse("[" + "[],{}," * 5000 + "0]")) == 10_001


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"' + "[{" * 100 + '"', id="in a string"),
        pytest.param('["' + '\\"[' * 100 + '"]', id="after escaped quotes"),
        pytest.param('["\\\\", "' + "{" * 100 + '"]', id="after an escaped backslash"),
    ],
)
def test_brackets_in_strings_do_not_count_as_depth(text: str) -> None:
    assert parse(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('["\\\\",' + "[" * 40 + "]" * 40 + "]", id="a string that ends with a backslash"),
        pytest.param('["\\"",' + "[" * 40 + "]" * 40 + "]", id="a string that ends with a quote"),
        pytest.param("]" * 10 + "[" * 50, id="closed before it is opened"),
    ],
)
def test_depth_is_not_hidden_behind_strings(text: str) -> None:
    assert code_of(text) in {"input.json_depth", "input.json"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"' + '\\"' * 400_000, id="a string of escaped quotes without an end"),
        pytest.param("[" * 40 + '"' + "\\\\" * 400_000, id="and of backslashes"),
        pytest.param('["",' * 200_000, id="a bracket and a string, again and again"),
        pytest.param("9" * 1_000_000, id="a number of a million digits"),
        pytest.param("0." + "9" * 1_000_000 + "x", id="a fraction of a million digits"),
        pytest.param(" " * 1_000_000, id="nothing but spaces"),
        pytest.param("[" * 1_000_000, id="a million brackets"),
    ],
)
def test_a_hostile_text_of_a_megabyte_is_refused_in_one_pass(text: str) -> None:
    # With a search that steps back, each of the first three would take minutes instead of milliseconds.
    assert code_of(text).startswith("input.json")


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", str(2**53), str(-(2**53)), "1" + "0" * 5000]
)
def test_a_number_that_not_every_program_reads_alike_is_refused(number: str) -> None:
    assert code_of(number) == "input.json_number"
    assert code_of(f'{{"a":[{number}]}}') == "input.json_number"


@pytest.mark.parametrize("number", ["01", "+1", ".5", "1.", "0x10", "1_000", "１", "--1", "1e", "- 1"])
def test_a_number_that_json_does_not_know_is_refused(number: str) -> None:
    assert code_of(f"[{number}]") == "input.json"


@pytest.mark.parametrize("number", [LARGEST, -LARGEST, 0, 1e308, -0.5, 1e-400])
def test_numbers_up_to_the_limits_go_through(number: float) -> None:
    assert parse(json.dumps(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        '"\\ud800"',
        '["\\uDFFF"]',
        '{"\\udbff":1}',
        '"\\udc00\\ud800"',
        '{"a":{"b":["\\ud83d!"]}}',
        '"\\ud83d\\ud83d\\ude00"',
    ],
)
def test_half_a_character_is_refused(text: str) -> None:
    assert code_of(text) == "input.json_surrogate"


@pytest.mark.parametrize(
    ("text", "value"), [('"\\ud83d\\ude00"', "\U0001f600"), ('"\\\\ud800"', "\\ud800"), ('"\\u00fc"', "ü")]
)
def test_whole_characters_go_through_however_they_are_written(text: str, value: str) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param("", id="nothing, as text"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param("\ufeff{}", id="byte order mark, as text"),
        pytest.param(b"\xff\xfe{\x00}\x00", id="UTF-16"),
        pytest.param(b'"\xc3\x28"', id="broken UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="a surrogate in UTF-8"),
        pytest.param(b'"\xc0\x80"', id="an over-long zero"),
        pytest.param('"\ud800"', id="a surrogate in a str"),
        pytest.param("{}{}", id="two texts"),
        pytest.param("{} x", id="something behind"),
        pytest.param("{}\x00", id="a zero behind"),
        pytest.param("\u00a0{}", id="a space that JSON does not know"),
        pytest.param("\x0c{}", id="a form feed"),
        pytest.param('"a\nb"', id="a line end in a string"),
        pytest.param('"\x00"', id="a zero in a string"),
        pytest.param('"\\x41"', id="an escape that JSON does not know"),
        pytest.param('"\\u12"', id="an escape cut off"),
        pytest.param("'a'", id="single quotes"),
        pytest.param("[1,]", id="a comma too many"),
        pytest.param('{"a":1,}', id="a comma too many in an object"),
        pytest.param("{a:1}", id="a name without quotes"),
        pytest.param("{1:1}", id="a name that is a number"),
        pytest.param("[1 2]", id="a comma missing"),
        pytest.param("/* */{}", id="a comment"),
        pytest.param("True", id="Python's true"),
        pytest.param("undefined", id="undefined"),
        pytest.param("[}", id="brackets that do not match"),
    ],
)
def test_what_is_not_json_in_utf_8_is_refused(data: bytes | str) -> None:
    assert code_of(data) == "input.json"


def test_size_is_counted_in_bytes_before_anything_else() -> None:
    assert parse('"ä"', max_bytes=4) == "ä"
    assert code_of('"ä"', max_bytes=3) == "input.too_large"
    assert code_of(b"[" * 5, max_bytes=4) == "input.too_large"


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A format with two members."""

    x: int
    kind: Literal["a", "b"]


def test_a_text_becomes_a_typed_record() -> None:
    assert decode('{"x":1,"kind":"a"}', Point) == Point(x=1, kind="a")


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        pytest.param('{"x":1,"kind":"a","y":2}', "input.unknown_member", "$", id="unknown member"),
        pytest.param('{"x":1}', "input.format", "$", id="member missing"),
        pytest.param('{"x":"1","kind":"a"}', "input.format", "$.x", id="string for a number"),
        pytest.param('{"x":1.0,"kind":"a"}', "input.format", "$.x", id="float for an integer"),
        pytest.param('{"x":true,"kind":"a"}', "input.format", "$.x", id="truth for a number"),
        pytest.param('{"x":1,"kind":"unknown field - at `$.z`"}', "input.format", "$.kind", id="a sly word"),
        pytest.param("[]", "input.format", "$", id="another shape"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_with_its_place(text: str, code: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(text, Point)
    assert (caught.value.code, caught.value.facts["where"]) == (code, where)


def test_convert_takes_what_parse_gave() -> None:
    assert convert(parse("[1,2]"), list[int]) == [1, 2]
