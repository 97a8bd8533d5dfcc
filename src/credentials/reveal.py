"""Put the disclosed claims back in their places (RFC 9901, section 7.1, steps 3 to 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..errors import VerificationError
from .disclosure import DIGEST_LENGTH, HASH, RESERVED, digest_of, parse_element, parse_property
from .door import MAX_DEPTH
from .path import ClaimPath, prefixes, select

__all__ = ["Revealed", "reveal"]


class Revealed(msgspec.Struct, frozen=True):
    """The Processed SD-JWT Payload, and where what came from.

    `shown` maps the path of every disclosed claim to its disclosure, parents before children. Positions in
    a path count the elements of an array as the issuer wrote them; `positions` has, for every array with
    elements withheld, the positions of those that remain. `withheld` counts digests without a disclosure,
    of which some may be decoys.
    """

    claims: dict[str, Any]
    shown: dict[ClaimPath, str]
    withheld: int
    positions: dict[ClaimPath, tuple[int, ...]]

    def select(self, path: ClaimPath) -> dict[ClaimPath, Any]:
        """Return what `path` points at: concrete paths and their values."""
        return select(self.claims, path, self.positions)

    def children(self, path: ClaimPath) -> list[ClaimPath]:
        """Return the paths of the members or elements of what stands at `path`."""
        value = self.select(path)[path]
        if isinstance(value, dict):
            return [(*path, name) for name in value]
        return list(self.select((*path, None))) if isinstance(value, list) else []

    def in_the_open(self) -> tuple[ClaimPath, ...]:
        """Return what no disclosure brought, so that nobody can withhold it.

        Each path is as short as it can be: what has disclosed parts is named by its other parts, and by
        itself if it has none.
        """
        around = {place for path in self.shown for place in prefixes(path)}

        def walk(path: ClaimPath) -> Iterator[ClaimPath]:
            if path not in around:
                yield path
            elif path not in self.shown:
                yield from [place for child in self.children(path) for place in walk(child)] or [path]

        return tuple(place for child in self.children(()) for place in walk(child))


def reveal(payload: dict[str, Any], disclosures: Iterable[str]) -> Revealed:
    """Return the payload of an issuer-signed JWT with `disclosures` put in, or raise `sdjwt.…` by name."""
    if payload.get("_sd_alg", HASH) != HASH:  # section 7.1, step 2.5
        raise VerificationError("sdjwt.hash")
    walk = _Walk()
    for disclosure in disclosures:  # step 3.1
        digest = digest_of(disclosure)
        if digest in walk.waiting:  # section 4: no disclosure is sent twice
            raise VerificationError("sdjwt.disclosure_repeated")
        walk.waiting[digest] = disclosure
    claims = walk.object(payload, ())
    if walk.waiting:  # step 5
        raise VerificationError("sdjwt.disclosure_unreferenced", count=len(walk.waiting))
    return Revealed(claims, walk.shown, len(walk.seen) - len(walk.shown), walk.positions)


class _Walk:
    """One pass over the payload, which stops at every digest.

    - A digest is met at most once, wherever it stands (step 4).
    - A disclosure is taken from `waiting` where its digest stands, so what remains is unreferenced (step 5).
    - A revealed value is walked like the payload itself (steps 3.3.2.5 and 3.3.3.3).
    """

    def __init__(self) -> None:
        self.waiting: dict[str, str] = {}
        self.seen: set[str] = set()
        self.shown: dict[ClaimPath, str] = {}
        self.positions: dict[ClaimPath, tuple[int, ...]] = {}

    def value(self, value: Any, path: ClaimPath) -> Any:
        if type(value) is dict:
            return self.object(value, path)
        if type(value) is list:
            return self.array(value, path)
        return value

    def object(self, members: dict[str, Any], path: ClaimPath) -> dict[str, Any]:
        _check_depth(path)
        claims: dict[str, Any] = {}
        for name, value in members.items():
            if name in RESERVED:
                if name == "..." or (name == "_sd_alg" and path):  # sections 4.1 and 4.1.1
                    raise VerificationError("sdjwt.reserved_name", name=name)
                continue  # steps 3.5 and 3.6
            kind = type(value)
            claims[name] = self.value(value, (*path, name)) if kind is dict or kind is list else value
        if "_sd" in members:
            self._properties(members["_sd"], claims, path)
        return claims

    def _properties(self, digests: Any, claims: dict[str, Any], path: ClaimPath) -> None:
        if type(digests) is not list:
            raise VerificationError("sdjwt.sd_array")
        for digest in digests:
            disclosure = self._take(digest)
            if disclosure is None:  # step 3.3.1
                continue
            name, value = parse_property(disclosure)  # steps 3.3.2.1 and 3.3.2.2
            if name in claims:  # step 3.3.2.3
                raise VerificationError("sdjwt.name_exists", name=name)
            here = (*path, name)
            self.shown[here] = disclosure
            claims[name] = self.value(value, here)  # steps 3.3.2.4 and 3.3.2.5

    def array(self, elements: list[Any], path: ClaimPath) -> list[Any]:
        _check_depth(path)
        remaining: list[Any] = []
        positions: list[int] = []
        for position, element in enumerate(elements):
            here = (*path, position)
            if type(element) is dict and "..." in element:
                if len(element) != 1:  # section 4.2.4.2: no other keys
                    raise VerificationError("sdjwt.reserved_name", name="...")
                disclosure = self._take(element["..."])
                if disclosure is None:  # step 3.4
                    continue
                self.shown[here] = disclosure
                element = parse_element(disclosure)  # steps 3.3.3.1 and 3.3.3.2
            remaining.append(self.value(element, here))
            positions.append(position)
        if len(remaining) != len(elements):
            self.positions[path] = tuple(positions)
        return remaining

    def _take(self, digest: Any) -> str | None:
        if type(digest) is not str or len(digest) != DIGEST_LENGTH:  # sections 4.2.4.1, 4.2.4.2
            raise VerificationError("sdjwt.digest")
        if digest in self.seen:  # step 4
            raise VerificationError("sdjwt.digest_repeated")
        self.seen.add(digest)
        return self.waiting.pop(digest, None)


def _check_depth(path: ClaimPath) -> None:
    # The parts were each checked by the strict door, but disclosures within disclosures add up.
    if len(path) >= MAX_DEPTH:
        raise VerificationError("sdjwt.depth", limit=MAX_DEPTH)
