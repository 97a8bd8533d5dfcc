"""Who may append to a log over HTTP, and how much: the operator's rules, one TOML file.

>>> policy = parse_append_policy('v = 1\\n[open]\\nper_minute = 30')
>>> policy.open.per_minute, policy.members
(30, ())
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Literal

import msgspec

from ...errors import InputError
from ...strict_json import convert

__all__ = ["AppendPolicy", "Member", "Open", "parse_append_policy"]

Rate = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Open(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody may append whom nobody knows, counted for each address and for all of them together."""

    per_minute: Rate = 60
    """Leaves a minute from one address."""
    all_per_minute: Rate = 60_000
    """Leaves a minute from all addresses together."""


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A company that signs what it appends."""

    did: str
    name: str = ""
    per_minute: Rate = 60_000
    vouchers: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] = 100_000
    """How many unspent vouchers it may have."""


class AppendPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules in force.

    - Seal leaves come from anyone within the limits of `open` (without it, from nobody), from members within
      theirs, and from whoever shows a voucher, always.
    - Public leaves come from members only.
    - A leaf that is in the log already costs nothing.
    """

    v: Literal[1]
    open: Open | None = None
    members: tuple[Member, ...] = msgspec.field(default=(), name="member")
    behind_proxy: bool = False
    """Whether the last entry of `X-Forwarded-For` names the client, because a proxy of ours wrote it."""

    def member(self, did: str) -> Member | None:
        """Return the member with this DID, or None."""
        return next((member for member in self.members if member.did == did), None)


def parse_append_policy(text: str) -> AppendPolicy:
    """Return the rules of a file, or raise `append.policy` or `input.…` saying where it is wrong."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("append.policy", problem=error) from error
    policy = convert(tree, AppendPolicy)
    dids = [member.did for member in policy.members]
    if twice := next((did for did in dids if dids.count(did) > 1), None):
        raise InputError("append.policy", problem=f"member {twice} twice")
    return policy
