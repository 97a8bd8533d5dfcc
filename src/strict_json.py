"""The one door for JSON from outside.

`msgspec` keeps the last of duplicate members and gives up on deep input with an error of its own, so text
from outside is first parsed here, and only then converted into a typed record.

>>> parse(b'{"a": 1, "a": 2}')
Traceback (most recent call last):
    ...
konsens.errors.InputError: input.json_duplicate: The JSON text repeats the member "a".
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from .errors import InputError

__all__ = ["convert", "decode", "parse"]

T = TypeVar("T")

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_INTEGER = (1 << 53) - 1  # the largest integer that I-JSON promises to carry (RFC 7493, section 2.2)


def parse(data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of one JSON text (RFC 8259), as strict as I-JSON (RFC 7493).

    Refused, each by its code: more than `max_bytes` bytes (`input.too_large`), text that is not UTF-8 or
    not JSON (`input.json`), nesting beyond `max_depth` (`input.json_depth`), a repeated member
    (`input.json_duplicate`), NaN, infinities and integers beyond ±(2⁵³−1) (`input.json_number`), and
    lone surrogates (`input.json_surrogate`).
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > max_bytes:
        raise InputError("input.too_large", limit=max_bytes)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("input.json") from error
    check_depth(text, max_depth)
    try:
        value = _DECODER.decode(text)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError("input.json") from error
    if "\\u" in text:
        _check_surrogates(value)
    return value


def decode(data: bytes | str, kind: type[T], *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> T:
    """Return `data` as a checked value of type `kind`."""
    return convert(parse(data, max_bytes=max_bytes, max_depth=max_depth), kind)


def convert(value: Any, kind: type[T]) -> T:
    """Return parsed JSON as a checked value of type `kind`.

    Raises `input.unknown_member` for a member that the format does not know and `input.format` for
    everything else that does not fit; `where` is the path in the document.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        code = "input.unknown_member" if "unknown field" in problem else "input.format"
        raise InputError(code, problem=problem, where=where.strip("`") or "$") from error


def check_depth(text: str, max_depth: int) -> None:
    """Count brackets before parsing: the parser recurses, and so would every later walk."""
    if text.count("{") + text.count("[") <= max_depth:
        return
    depth, quoted, skip = 0, False, False
    for letter in text:
        if skip:
            skip = False
        elif quoted:
            if letter == "\\":
                skip = True
            elif letter == '"':
                quoted = False
        elif letter == '"':
            quoted = True
        elif letter in "{[":
            depth += 1
            if depth > max_depth:
                raise InputError("input.json_depth", limit=max_depth)
        elif letter in "}]":
            depth -= 1


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise InputError("input.json_duplicate", member=name)
            seen.add(name)
    return members


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(number := int(digits)) > MAX_INTEGER:
        raise InputError("input.json_number")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise InputError("input.json_number")
    return number


def _constant(name: str) -> NoReturn:
    raise InputError("input.json_number")


def _check_surrogates(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError("input.json_surrogate") from error
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_surrogates(name)
            _check_surrogates(member)
    elif isinstance(value, list):
        for member in value:
            _check_surrogates(member)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
