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
import re
from collections.abc import Callable
from itertools import accumulate
from math import isinf
from typing import Any, NoReturn, TypeVar

import msgspec

from .errors import InputError

__all__ = ["convert", "decode", "decode_message", "parse"]

T = TypeVar("T")
M = TypeVar("M", bound=msgspec.Struct)

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
    if isinstance(data, str) and not data.isascii():
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > max_bytes:
        raise InputError("input.too_large", limit=max_bytes)
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        text = text.strip(" \t\n\r")  # the white space of RFC 8259, section 2
        check_depth(text, max_depth)
        value, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError) as error:
        raise InputError("input.json") from error
    if end != len(text):
        raise InputError("input.json")
    if "\\u" in text and _SURROGATE.search(text):
        _check_surrogates(value)
    return value


def decode(data: bytes | str, kind: type[T], *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> T:
    """Return `data` as a checked value of type `kind`."""
    return convert(parse(data, max_bytes=max_bytes, max_depth=max_depth), kind)


def decode_message(data: bytes | str, kind: type[M], *, max_bytes: int) -> M:
    """Return `data` as a message of just the type `kind`: its `type` is the default there, its `v` is 1.

    Any other `"type"` ends with `input.wrong_type`, any other `"v"` with `input.version`.
    """
    tree = parse(data, max_bytes=max_bytes)
    wanted = kind.__struct_fields__.index("type")
    expected = kind.__struct_defaults__[wanted - len(kind.__struct_fields__)]
    found = tree.get("type") if isinstance(tree, dict) else None
    if found != expected:
        raise InputError("input.wrong_type", expected=expected, found=found)
    if tree.get("v") != 1:
        raise InputError("input.version", version=tree.get("v"))
    return convert(tree, kind)


def convert(value: Any, kind: type[T]) -> T:
    """Return parsed JSON as a checked value of type `kind`.

    Raises `input.unknown_member` for a member that the format does not know and `input.format` for
    everything else that does not fit; `where` is the path in the document.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        # msgspec writes "PROBLEM - at `PATH`", and PROBLEM may quote a word of the sender's.
        problem, _, where = str(error).rpartition(" - at `")
        problem, where = (problem, where.rstrip("`")) if problem else (where, "$")
        unknown = problem.startswith("Object contains unknown field")
        code = "input.unknown_member" if unknown else "input.format"
        raise InputError(code, problem=problem, where=where) from error


def check_depth(text: str, max_depth: int) -> None:
    """Count brackets before parsing: the parser recurses, and so would every later walk."""
    if text.count("{") + text.count("[") <= max_depth:
        return
    brackets = _STRING.sub("", text).encode().translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth:
        raise InputError("input.json_depth", limit=max_depth)


# Possessive, and an end of text ends a string too: so one pass is enough, however hostile the text.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise InputError("input.json_duplicate", member=name)
        seen.add(name)
    raise AssertionError("a shorter dict has a repeated name")


def _integer(digits: str) -> int:
    if len(digits) < 16:
        return int(digits)
    if len(digits) > 17 or abs(number := int(digits)) > MAX_INTEGER:
        raise InputError("input.json_number")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise InputError("input.json_number")
    return number


def _constant(_: str) -> NoReturn:
    raise InputError("input.json_number")


def _check_surrogates(value: Any) -> None:
    """Whole pairs have become one character by now; what still cannot be written as UTF-8 is half of one."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError("input.json_surrogate") from error


# The scanner itself, without the two searches for white space that `JSONDecoder.decode` adds.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant
).scan_once  # type: ignore[attr-defined]  # set in __init__, and typeshed does not know it
