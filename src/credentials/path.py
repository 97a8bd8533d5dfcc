"""Claim paths: which claim of a credential is meant.

A path is a tuple of member names, positions in an array, and `None` for "every element"
(OpenID4VP 1.0, section 7, "Claims Path Pointer"). People write it with dots and brackets.

>>> parse_path("address.street_address"), parse_path("nationalities[]"), parse_path('["a.b", 0]')
(('address', 'street_address'), ('nationalities', None), ('a.b', 0))
>>> render_path(("degrees", None, "type"))
'degrees[].type'
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from .. import strict_json
from ..errors import InputError

__all__ = [
    "ClaimPath",
    "PathLike",
    "covers",
    "matches",
    "overlaps",
    "parse_path",
    "prefixes",
    "render_path",
    "select",
]

ClaimPath: TypeAlias = tuple[str | int | None, ...]
PathLike: TypeAlias = str | Sequence[str | int | None]
Positions: TypeAlias = Mapping[ClaimPath, Sequence[int]]

_DOTTED = re.compile(r"\.([^.\[\]\"]+)|\[(0|[1-9][0-9]{0,8})?\]")
_PLAIN_NAME = re.compile(r"[^.\[\]\"]+")


def parse_path(path: PathLike) -> ClaimPath:
    """Return the path behind `address.street`, `nationalities[0]`, `degrees[].type` or a JSON array.

    A name with a dot, bracket or quote in it is written in the JSON form, `["a.b","c"]`. The first
    component is a member name: a credential is an object. Anything else raises `dcql.path`.
    """
    parts: Iterable[Any]
    if not isinstance(path, str):
        parts = path
    elif path.startswith("["):
        parts = strict_json.parse(path)
    else:
        parts = _undotted(f".{path}")
    components = tuple(parts) if isinstance(parts, list | tuple) else ()
    if not components or type(components[0]) is not str or not all(map(_is_component, components)):
        raise InputError("dcql.path", path=path)
    return components


def render_path(path: ClaimPath) -> str:
    """Return the dotted form, or the JSON form where a name has a dot, bracket or quote in it."""
    if not all(_PLAIN_NAME.fullmatch(part) for part in path if isinstance(part, str)):
        return json.dumps(path, ensure_ascii=False, separators=(",", ":"))
    text = "".join(f".{part}" if isinstance(part, str) else f"[{_index(part)}]" for part in path)
    return text.removeprefix(".")


def select(claims: Mapping[str, Any], path: ClaimPath, positions: Positions) -> dict[ClaimPath, Any]:
    """Return what `path` points at: concrete paths, without `None`, and their values.

    The processing of OpenID4VP 1.0, section 7.1.1, except that nothing found is an empty result. A
    position counts the elements as the issuer wrote them: `positions` names, for every array of which
    elements are withheld, where the remaining ones stood, so holder and verifier mean the same element.
    """
    selected: dict[ClaimPath, Any] = {(): claims}
    for part in path:
        step: dict[ClaimPath, Any] = {}
        for here, value in selected.items():
            if isinstance(part, str):
                if not isinstance(value, dict):
                    return {}
                if part in value:
                    step[(*here, part)] = value[part]
                continue
            if not isinstance(value, list):
                return {}
            for index, element in zip(positions.get(here, range(len(value))), value, strict=True):
                if part is None or part == index:
                    step[(*here, index)] = element
        selected = step
    return selected


def matches(pattern: ClaimPath, path: ClaimPath) -> bool:
    """Tell whether `path` is one of those that `pattern` points at."""
    return len(pattern) == len(path) and covers(pattern, path)


def covers(pattern: ClaimPath, path: ClaimPath) -> bool:
    """Tell whether `path` is one that `pattern` points at, or lies beneath one."""
    return len(pattern) <= len(path) and all(
        isinstance(there, int) if part is None else part == there and type(part) is type(there)
        for part, there in zip(pattern, path, strict=False)
    )


def overlaps(pattern: ClaimPath, path: ClaimPath) -> bool:
    """Tell whether `path` is one that `pattern` points at, lies beneath one, or contains one."""
    return covers(pattern[: len(path)], path)


def prefixes(path: ClaimPath) -> Iterator[ClaimPath]:
    """Yield the paths of everything that a claim stands in, and its own."""
    return (path[:end] for end in range(1, len(path) + 1))


def _undotted(text: str) -> tuple[str | int | None, ...]:
    parts: list[str | int | None] = []
    end = 0
    for match in _DOTTED.finditer(text):
        if match.start() != end:
            break
        name, index = match.groups()
        parts.append(name or (int(index) if index else None))
        end = match.end()
    return tuple(parts) if end == len(text) else ()


def _is_component(part: object) -> bool:
    return part is None or type(part) is str or (type(part) is int and part >= 0)


def _index(part: int | None) -> str:
    return "" if part is None else str(part)
