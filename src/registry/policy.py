"""Whom a verifier trusts (C2SP tlog-policy): logs, witnesses, and how many witnesses make a checkpoint good.

>>> from .checkpoint import Checkpoint, sign_checkpoint
>>> from .note import NoteSigner, render_vkey
>>> log = NoteSigner("log.muster.example", bytes(32))
>>> policy = parse_policy(f"log {render_vkey(log.vkey)}\\nquorum none\\n")
>>> policy.check(sign_checkpoint(Checkpoint(log.name, 7, bytes(32)), log).note).unwitnessed
True
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from ..errors import InputError, NotTrusted, Unavailable
from .checkpoint import parse_checkpoint
from .cosignature import Cosignature, check_cosignatures
from .note import (
    COSIGNATURE,
    ED25519,
    ML_DSA_44,
    SignatureType,
    UnverifiedNote,
    VerifierKey,
    check_signatures,
    parse_note,
    parse_vkey,
    render_vkey,
)

__all__ = [
    "Group",
    "Log",
    "Policy",
    "ProvenCheckpoint",
    "Witness",
    "check_fresh",
    "parse_policy",
    "render_policy",
]

# The specification asks for 32 logs, 32 witnesses and 32 groups at least ("Implementation limits").
MAX_LINES = 1024
MAX_BYTES = 1 << 18

_THRESHOLD = re.compile(r"[1-9][0-9]{0,3}")


class Log(msgspec.Struct, frozen=True):
    """A log whose checkpoints are accepted; its key name is its origin."""

    key: VerifierKey
    url: str | None = None


class Witness(msgspec.Struct, frozen=True):
    """A witness, under the name that groups and quorum use."""

    name: str
    key: VerifierKey
    url: str | None = None


class Group(msgspec.Struct, frozen=True):
    """Witnesses a checkpoint if at least `threshold` of its members (witnesses, groups) do."""

    name: str
    threshold: int
    members: tuple[str, ...]


class ProvenCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint that satisfies a policy.

    `cosigned_at` is the latest moment as of which the quorum vouches for it, with the cosignatures made then
    or later; None without any. `witnesses` are all that cosigned; `unwitnessed` says that there is none and
    all rests on the operator's word. `map_cosigned` says that one of them computed the seal map again:
    without it, that a seal is *not* broken rests on the operator's word even where there are witnesses.
    """

    origin: str
    size: int
    root: bytes
    cosigned_at: datetime | None
    witnesses: tuple[str, ...]
    unwitnessed: bool
    map_cosigned: bool = False


class Policy(msgspec.Struct, frozen=True):
    """The trust that a verifier brings; groups come after their members. See `parse_policy`."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str | None
    """The name of a witness or group, or None to take the operator's word."""

    def check(self, note: str | bytes) -> ProvenCheckpoint:
        """Return the checkpoint of a note that a listed log signed and the quorum cosigned.

        Raises `policy.unknown_log`, `note.unknown_signer`, `note.signature` (a known key's signature is
        wrong: the whole note is spoilt) or `policy.quorum_missing`.
        """
        parsed = parse_note(note)
        checkpoint = parse_checkpoint(parsed.unverified_text)
        if all(log.key.name != checkpoint.origin for log in self.logs):
            raise NotTrusted("policy.unknown_log", origin=checkpoint.origin)
        signers = check_signatures(parsed, [log.key for log in self.logs])
        if all(key.name != checkpoint.origin for key in signers):
            raise NotTrusted("note.unknown_signer")
        cosignatures = self._cosignatures(parsed)
        cosigned_at = self._quorum_at(cosignatures)
        if self.quorum is not None and cosigned_at is None:
            raise Unavailable("policy.quorum_missing", origin=checkpoint.origin)
        seen = {cosignature.key for cosignature in cosignatures}
        return ProvenCheckpoint(
            checkpoint.origin,
            checkpoint.size,
            checkpoint.root,
            cosigned_at,
            tuple(witness.name for witness in self.witnesses if witness.key in seen),
            unwitnessed=not seen,
            map_cosigned=any(cosignature.map for cosignature in cosignatures),
        )

    def _cosignatures(self, note: UnverifiedNote) -> list[Cosignature]:
        """Return the witnesses' cosignatures; one made with a log's own key counts for nothing."""
        operators = {log.key.public for log in self.logs}
        found = check_cosignatures(note, [witness.key for witness in self.witnesses])
        return [cosignature for cosignature in found if cosignature.key.public not in operators]

    def _quorum_at(self, cosignatures: list[Cosignature]) -> datetime | None:
        """Return the latest time such that the cosignatures since then make the quorum; None if none do."""
        newest_first = sorted(cosignatures, key=lambda cosignature: cosignature.at, reverse=True)
        seen: set[VerifierKey] = set()
        for cosignature in newest_first:
            seen.add(cosignature.key)
            if self._is_quorum(seen):
                return cosignature.at
        return None

    def _is_quorum(self, seen: set[VerifierKey]) -> bool:
        agreed = {witness.name for witness in self.witnesses if witness.key in seen}
        for group in self.groups:
            if len(agreed.intersection(group.members)) >= group.threshold:
                agreed.add(group.name)
        return bool(agreed) if self.quorum is None else self.quorum in agreed


def check_fresh(
    checkpoint: ProvenCheckpoint,
    *,
    at: datetime,
    max_age: timedelta,
    leeway: timedelta = timedelta(seconds=60),
) -> None:
    """Raise unless the quorum vouched for the checkpoint within `max_age` before `at`.

    `checkpoint.untimed` without any cosignature, `checkpoint.stale`, and `checkpoint.future` if the time
    lies more than `leeway` after `at`.
    """
    if checkpoint.cosigned_at is None:
        raise Unavailable("checkpoint.untimed", origin=checkpoint.origin)
    if at - checkpoint.cosigned_at > max_age:
        raise Unavailable("checkpoint.stale", origin=checkpoint.origin, cosigned_at=checkpoint.cosigned_at)
    if checkpoint.cosigned_at - at > leeway:
        raise Unavailable("checkpoint.future", origin=checkpoint.origin, cosigned_at=checkpoint.cosigned_at)


def parse_policy(text: str | bytes) -> Policy:
    """Return the policy of a tlog-policy file ("Policy file syntax and structure").

    Each rule has its code: `policy.octets`, `policy.too_large`, `policy.syntax`, `policy.key`,
    `policy.duplicate_key`, `policy.duplicate_name`, `policy.unknown_name`, `policy.member_twice`,
    `policy.threshold`, `policy.quorum`. Names are octets without a meaning: those that are not UTF-8 are kept
    as surrogates (PEP 383).
    """
    try:
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise InputError("policy.octets") from error
    lines = raw.split(b"\n")
    if len(raw) > MAX_BYTES or len(lines) > MAX_LINES:
        raise InputError("policy.too_large", limit=MAX_BYTES)
    if re.search(rb"[^\t\n\x20-\x7e\x80-\xff]", raw):
        raise InputError("policy.octets")
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        words = [word.decode("utf-8", "surrogateescape") for word in re.split(rb"[\t ]+", line.strip(b"\t "))]
        if words[0] and not words[0].startswith("#"):
            reader.read(words, number)
    return reader.policy()


def render_policy(policy: Policy) -> str:
    """Return the text of a tlog-policy file."""
    lines = [["log", render_vkey(log.key), log.url or ""] for log in policy.logs]
    lines += [["witness", each.name, render_vkey(each.key), each.url or ""] for each in policy.witnesses]
    lines += [["group", each.name, str(each.threshold), *each.members] for each in policy.groups]
    lines += [["quorum", policy.quorum or "none"]]
    return "".join(" ".join(line).rstrip(" ") + "\n" for line in lines)


class _Reader:
    """Reads a policy line by line.

    - A name is defined once, before it is used, and never is `none`.
    - A name is a member of one group at most, so that each witness counts in one way only.
    - A public key is that of one log at most, and of one witness at most.
    """

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorums: list[str] = []
        self.names: set[str] = set()
        self.members: set[str] = set()

    def read(self, words: list[str], line: int) -> None:
        match words:
            case ["log", _] | ["log", _, _]:
                self._log(words[1:], line)
            case ["witness", _, _] | ["witness", _, _, _]:
                self._witness(words[1:], line)
            case ["group", _, _, _, *_]:
                self._group(words[1:], line)
            case ["quorum", _]:
                self._quorum(words[1], line)
            case _:
                raise InputError("policy.syntax", line=line)

    def policy(self) -> Policy:
        if len(self.quorums) != 1:
            raise InputError("policy.quorum")
        quorum = None if self.quorums[0] == "none" else self.quorums[0]
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), quorum)

    def _log(self, words: list[str], line: int) -> None:
        key = _key(words[0], (ED25519,), [log.key for log in self.logs], line)
        self.logs.append(Log(key, *words[1:]))

    def _witness(self, words: list[str], line: int) -> None:
        self._define(words[0], line)
        key = _key(words[1], (COSIGNATURE, ML_DSA_44), [witness.key for witness in self.witnesses], line)
        self.witnesses.append(Witness(words[0], key, *words[2:]))

    def _group(self, words: list[str], line: int) -> None:
        name, count, *members = words
        for member in members:
            self._check_known(member, line)
            if member in self.members:
                raise InputError("policy.member_twice", name=member, line=line)
            self.members.add(member)
        count = {"any": "1", "all": str(len(members))}.get(count, count)
        if not _THRESHOLD.fullmatch(count) or int(count) > len(members):
            raise InputError("policy.threshold", name=name, line=line)
        self._define(name, line)
        self.groups.append(Group(name, int(count), tuple(members)))

    def _quorum(self, name: str, line: int) -> None:
        if name != "none":
            self._check_known(name, line)
        self.quorums.append(name)

    def _define(self, name: str, line: int) -> None:
        if name == "none" or name in self.names:
            raise InputError("policy.duplicate_name", name=name, line=line)
        self.names.add(name)

    def _check_known(self, name: str, line: int) -> None:
        if name not in self.names:
            raise InputError("policy.unknown_name", name=name, line=line)


def _key(text: str, kinds: tuple[SignatureType, ...], others: list[VerifierKey], line: int) -> VerifierKey:
    try:
        key = parse_vkey(text)
    except InputError as error:
        raise InputError("policy.key", line=line) from error
    if key.type not in kinds:
        raise InputError("policy.key", line=line)
    if any(other.public == key.public for other in others):
        raise InputError("policy.duplicate_key", line=line)
    return key
