"""The Digital Credentials Query Language: what a verifier asks for (OpenID4VP 1.0, section 6).

>>> dcql = parse_dcql(ask_for("urn:example:membership", ["level", "address.locality"]))
>>> [claim.path for claim in dcql.credentials[0].claims]
[('level',), ('address', 'locality')]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec

from .. import strict_json
from ..errors import InputError
from .path import ClaimPath, PathLike, parse_path, render_path

__all__ = [
    "FORMAT",
    "ClaimQuery",
    "CredentialQuery",
    "CredentialSet",
    "Dcql",
    "TrustedAuthority",
    "ask_for",
    "parse_dcql",
]

FORMAT: Final = "dc+sd-jwt"  # appendix B.3.1; other formats are read, and no credential of ours matches them

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MOST = 100  # queries, claims, options: beyond that a query is not meant for people to answer

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Index = Annotated[int, msgspec.Meta(ge=0)]


class ClaimQuery(msgspec.Struct, frozen=True):
    """One claim that is asked for (section 6.3)."""

    path: Annotated[tuple[str | Index | None, ...], msgspec.Meta(min_length=1, max_length=32)]
    id: str | None = None
    values: Annotated[tuple[str | int | bool, ...], msgspec.Meta(min_length=1)] | None = None


class TrustedAuthority(msgspec.Struct, frozen=True):
    """A frame of trust that the issuer should belong to (section 6.1.1)."""

    type: Text
    values: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class CredentialQuery(msgspec.Struct, frozen=True):
    """One credential that is asked for (section 6.1)."""

    id: str
    format: Text
    meta: dict[str, Any]
    multiple: bool = False
    trusted_authorities: Annotated[tuple[TrustedAuthority, ...], msgspec.Meta(min_length=1)] | None = None
    require_cryptographic_holder_binding: bool = True
    claims: Annotated[tuple[ClaimQuery, ...], msgspec.Meta(min_length=1, max_length=_MOST)] | None = None
    claim_sets: (
        Annotated[tuple[tuple[str, ...], ...], msgspec.Meta(min_length=1, max_length=_MOST)] | None
    ) = None

    @property
    def vct_values(self) -> tuple[str, ...]:
        """The types of which one is asked for (appendix B.3.5)."""
        return tuple(self.meta["vct_values"]) if self.format == FORMAT else ()

    def options(self) -> tuple[tuple[ClaimQuery, ...], ...]:
        """The combinations of claims of which one is an answer, the preferred one first (section 6.4.1)."""
        if self.claim_sets is None:
            return (self.claims or (),)
        by_id = {claim.id: claim for claim in self.claims or ()}
        return tuple(tuple(by_id[name] for name in names) for names in self.claim_sets)


class CredentialSet(msgspec.Struct, frozen=True):
    """Sets of credentials of which one answers a purpose (section 6.2)."""

    options: Annotated[
        tuple[Annotated[tuple[str, ...], msgspec.Meta(min_length=1)], ...],
        msgspec.Meta(min_length=1, max_length=_MOST),
    ]
    required: bool = True


class Dcql(msgspec.Struct, frozen=True):
    """A whole query (section 6). `parse_dcql` makes one whose names all lead somewhere."""

    credentials: Annotated[tuple[CredentialQuery, ...], msgspec.Meta(min_length=1, max_length=_MOST)]
    credential_sets: (
        Annotated[tuple[CredentialSet, ...], msgspec.Meta(min_length=1, max_length=_MOST)] | None
    ) = None

    def query(self, name: str) -> CredentialQuery | None:
        """Return the credential query called `name`."""
        return next((query for query in self.credentials if query.id == name), None)

    def required(self) -> list[tuple[tuple[str, ...], ...]]:
        """Return, for everything that must be answered, the alternatives: ids of queries (section 6.4.2)."""
        if self.credential_sets is None:
            return [((query.id,),) for query in self.credentials]
        return [one.options for one in self.credential_sets if one.required]


def parse_dcql(value: Any) -> Dcql:
    """Return the query behind parsed JSON, or raise `input.format` or `dcql.…` by name.

    Members that the specification does not know are passed over, as section 6 demands; known ones are
    strict. Raises `dcql.id`, `dcql.repeated`, `dcql.unknown_id`, `dcql.claim_sets`, `dcql.vct_values` and
    `dcql.path`.
    """
    dcql = strict_json.convert(value, Dcql)
    _check_ids(query.id for query in dcql.credentials)
    for query in dcql.credentials:
        _check_query(query)
    known = {query.id for query in dcql.credentials}
    for credential_set in dcql.credential_sets or ():
        for option in credential_set.options:
            _check_known(option, known)
    return dcql


def ask_for(vct: str, claims: Sequence[PathLike]) -> dict[str, Any]:
    """Return the query, as JSON, for one credential of type `vct` with just these claims."""
    query: dict[str, Any] = {"id": "credential", "format": FORMAT, "meta": {"vct_values": [vct]}}
    if claims:
        query["claims"] = [{"path": list(parse_path(path))} for path in claims]
    return {"credentials": [query]}


def _check_query(query: CredentialQuery) -> None:
    if query.format == FORMAT:
        types = query.meta.get("vct_values")
        if (
            not isinstance(types, list)
            or not types
            or not all(isinstance(name, str) and name for name in types)
        ):
            raise InputError("dcql.vct_values", id=query.id)
    claims = query.claims or ()
    _check_ids(claim.id for claim in claims if claim.id is not None)
    paths: set[ClaimPath] = set()
    for claim in claims:
        path = parse_path(claim.path)
        if path in paths:  # section 6.1: not the same claim more than once
            raise InputError("dcql.repeated", id=render_path(path))
        paths.add(path)
    if query.claim_sets is not None:
        if not claims or any(claim.id is None for claim in claims):  # sections 6.3 and 6.4.1
            raise InputError("dcql.claim_sets", id=query.id)
        for names in query.claim_sets:
            _check_known(names, {claim.id for claim in claims})


def _check_ids(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not _ID.fullmatch(name):
            raise InputError("dcql.id", id=name)
        if name in seen:
            raise InputError("dcql.repeated", id=name)
        seen.add(name)


def _check_known(names: Sequence[str], known: set[str] | set[str | None]) -> None:
    for name in names:
        if name not in known:
            raise InputError("dcql.unknown_id", id=name)
