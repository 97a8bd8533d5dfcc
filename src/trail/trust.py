"""Whom a verifier trusts: logs and witnesses, companies, issuers. Never taken from what is verified.

A trust file is TOML; its `policy` is a C2SP tlog-policy. Several files are kept side by side, each with the
quorum that it asks, and a file that contradicts one taken before is refused as a conflict.

>>> trust = parse_trust('v = 1\\npolicy = "quorum none"\\n')
>>> trust.companies
()
"""

from __future__ import annotations

import tomllib

import msgspec

from ..did import PublicKey
from ..errors import Conflict, InputError, NotTrusted
from ..registry import Policy, VerifierKey, parse_policy, render_vkey
from ..strict_json import convert

__all__ = ["Trust", "TrustFile", "TrustedCompany", "parse_trust", "render_trust"]

MAX_BYTES = 1 << 18


class TrustedCompany(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A company whose word counts: `keys` are multikeys, needed for did:web, implied by did:key."""

    did: str
    name: str = ""
    keys: tuple[str, ...] = ()


class TrustFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One trust file as it is written."""

    v: int
    policy: str
    company: tuple[TrustedCompany, ...] = ()
    issuers: dict[str, tuple[str, ...]] = {}


class Trust(msgspec.Struct, frozen=True):
    """What one or several trust files say together."""

    files: tuple[TrustFile, ...] = ()

    @property
    def policies(self) -> tuple[Policy, ...]:
        return tuple(parse_policy(file.policy) for file in self.files)

    @property
    def logs(self) -> tuple[VerifierKey, ...]:
        return tuple(dict.fromkeys(log.key for policy in self.policies for log in policy.logs))

    @property
    def companies(self) -> tuple[TrustedCompany, ...]:
        return tuple(dict.fromkeys(company for file in self.files for company in file.company))

    @property
    def issuers(self) -> dict[str, tuple[str, ...]]:
        """Issuers by credential type, in the order in which they were named."""
        merged: dict[str, tuple[str, ...]] = {}
        for file in self.files:
            for kind, dids in file.issuers.items():
                merged[kind] = tuple(dict.fromkeys((*merged.get(kind, ()), *dids)))
        return merged

    def policies_for(self, origin: str) -> tuple[Policy, ...]:
        """Return every policy that speaks of the log `origin`; none: nobody vouched for it."""
        return tuple(policy for policy in self.policies if any(log.key.name == origin for log in policy.logs))

    def check_log(self, vkey: str) -> None:
        """Raise unless this is the key of a log that we trust.

        `trust.log` for a log that nobody vouched for, `trust.log_key` for another key under a known name.
        """
        origin = vkey.partition("+")[0]
        known = {render_vkey(log) for log in self.logs if log.name == origin}
        if not known:
            raise NotTrusted("trust.log", origin=origin)
        if vkey not in known:
            raise NotTrusted("trust.log_key", origin=origin)

    def log_named(self, origin: str) -> VerifierKey:
        """Return the key of a log that we trust, or raise `trust.log`."""
        for log in self.logs:
            if log.name == origin:
                return log
        raise NotTrusted("trust.log", origin=origin)

    def check_company(self, did: str) -> TrustedCompany:
        """Return a company that we trust, or raise `trust.company`."""
        for company in self.companies:
            if company.did == did:
                return company
        raise NotTrusted("trust.company", did=did)

    def keys_of(self, did: str) -> tuple[str, ...]:
        """Return the keys, as multikeys, that the verifier accepts of a company; empty for a stranger's."""
        return next((company.keys for company in self.companies if company.did == did), ())

    def adding(self, file: TrustFile) -> Trust:
        """Return this trust with one more file, or raise `trust.conflict` where the two disagree."""
        logs = {key.name: key for key in self.logs}
        for log in parse_policy(file.policy).logs:
            if logs.get(log.key.name, log.key) != log.key:
                raise Conflict("trust.conflict", what=log.key.name)
        keys = {company.did: set(company.keys) for company in self.companies}
        for company in file.company:
            if keys.get(company.did, set(company.keys)) != set(company.keys):
                raise Conflict("trust.conflict", what=company.did)
        return self if file in self.files else Trust((*self.files, file))


def parse_trust(text: str | bytes) -> Trust:
    """Return the trust that one file states.

    Raises `trust.format` for text that is not TOML or too large, `input.format` for other members, and
    the errors of the policy and of the keys named in it.
    """
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise InputError("input.too_large", limit=MAX_BYTES)
    try:
        value = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError("trust.format") from error
    file = convert(value, TrustFile)
    if file.v != 1:
        raise InputError("input.version", version=file.v)
    parse_policy(file.policy)
    for company in file.company:
        for key in company.keys:
            PublicKey.from_multikey(key)
    return Trust((file,))


def render_trust(file: TrustFile) -> str:
    """Return a trust file as TOML."""
    lines = [f"v = {file.v}", f"policy = {_block(file.policy)}"]
    for company in file.company:
        lines += ["", "[[company]]", f"did = {_text(company.did)}", f"name = {_text(company.name)}"]
        if company.keys:
            lines.append(f"keys = [{', '.join(map(_text, company.keys))}]")
    if file.issuers:
        lines += ["", "[issuers]"]
        lines += [f"{_text(kind)} = [{', '.join(map(_text, dids))}]" for kind, dids in file.issuers.items()]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Return a basic string; a JSON string is one, but for DEL."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _block(value: str) -> str:
    """Return a text of several lines so that a person can read it, where TOML lets us."""
    plain = all(line.isprintable() for line in value.split("\n")) and not set('"\\') & set(value)
    return f'"""\n{value}"""' if plain else _text(value)
