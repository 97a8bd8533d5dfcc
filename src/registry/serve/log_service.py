"""A log as a service: what happens to a request, without a word of HTTP.

A request to append goes: signature of a member, if one is given · what is in the log already costs nothing ·
vouchers · limits · one durable step with all others · an acknowledgement for each leaf.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

import msgspec

from ...errors import KonsensError, NotFound, NotTrusted, RefusedByPolicy, Unavailable
from ..ack import sign_acks
from ..checkpoint import parse_signed_checkpoint
from ..leaf import PublicLeaf, SealLeaf
from ..log import SealLog
from ..note import NoteSigner
from ..static import ObjectStore, parse_path
from ..static.paths import CHECKPOINT
from ..tree import leaf_hash
from .admission import Admission
from .append_policy import AppendPolicy, Member
from .group_commit import State
from .membership import check_request
from .vouchers import Vouchers
from .wire import Append

_MAP = re.compile(r"map/(newest|(0|[1-9][0-9]{0,18})(/x[0-9]{3})*/[0-9]{3})")

MOST_SECONDS_BEHIND = 60  # a round takes some 6 seconds, with witnesses that never answer

__all__ = ["Admitted", "Intake", "LogService"]


class Intake(Protocol):
    """Where leaves get their place: `GroupCommit` on one machine, PostgreSQL's on many."""

    @property
    def state(self) -> State:
        """What the writer knows now."""

    def append(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> Future[list[int]]:
        """Ask for a place; the future has the indices once they are durable, or the error."""


class Admitted(msgspec.Struct, frozen=True):
    """A request on its way into the log."""

    leaves: tuple[SealLeaf | PublicLeaf, ...]
    spends: dict[bytes, bytes]
    """Entry of a new leaf, and the voucher that let it in."""
    indices: Future[list[int]]


class LogService:
    """One log, its writer, and the rules for those who append."""

    def __init__(
        self,
        *,
        signer: NoteSigner,
        open_log: Callable[[], AbstractContextManager[SealLog]],
        intake: Intake,
        objects: ObjectStore,
        policy: AppendPolicy,
        vouchers: Vouchers,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.vkey = signer.vkey
        self.policy = policy
        self.intake = intake
        self._open_log = open_log
        self._objects = objects
        self._signer = signer
        self._admission = Admission(policy)
        self._vouchers = vouchers
        self._unshown: tuple[int, datetime | None] = (0, None)
        """A size that is published, and when the first checkpoint after it was signed."""
        self._now = now
        self._clock = clock

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint that is published.

        Raises `static.no_checkpoint`, and `serve.behind` once it is a minute behind what is signed: whoever
        took it for the newest would count an old state as now.
        """
        note = self._objects.get(CHECKPOINT)
        self._check_lag(note)
        if note is None:
            raise NotFound("static.no_checkpoint")
        return note

    def check_published(self) -> None:
        """Raise `serve.behind` once what is published is a minute behind what is signed."""
        self._check_lag(self._objects.get(CHECKPOINT))

    def file(self, path: str) -> bytes:
        """Return a published tile, bundle or bucket of the map, or raise `static.path` or `serve.no_file`."""
        if not _MAP.fullmatch(path):
            parse_path(path)
        data = self._objects.get(path)
        if data is None:
            raise NotFound("serve.no_file", path=path)
        return data

    def member(self, header: str | None, body: bytes) -> Member | None:
        """Return the member who signed a request; None if there is no signature at all.

        A signature that fails, or of somebody who is no member, is an error and not a stranger's request.
        """
        if header is None:
            return None
        did = check_request(header, body, origin=self.vkey.name, at=self._now())
        member = self.policy.member(did)
        if member is None:
            raise NotTrusted("append.not_a_member", did=did)
        return member

    def admit(self, asked: Append, *, member: Member | None, client: str) -> Admitted:
        """Let a request in, by the rules, and hand it to the writer; or raise. It reads the log."""
        known = self._known(asked.leaves)
        fresh = {leaf.entry: leaf for leaf in asked.leaves if leaf.entry not in known}
        seals = [entry for entry, leaf in fresh.items() if isinstance(leaf, SealLeaf)]
        good = self._vouchers.reserve(asked.vouchers, most=len(seals)) if asked.vouchers and seals else set()
        try:
            self._admission.admit(
                seals=len(seals),
                public=len(fresh) - len(seals),
                vouchers=len(good),
                client=client,
                member=member,
                now=self._clock(),
            )
            return Admitted(
                asked.leaves, dict(zip(seals, good, strict=False)), self.intake.append(asked.leaves)
            )
        except BaseException:
            self._release(good)
            raise

    def refused(self, admitted: Admitted, error: KonsensError) -> None:
        """Give back the vouchers of a request that has no place.

        What may have one yet, like a leaf that waits for a sequencer, keeps its vouchers until their time is
        over: else one would let in as many leaves as are sent meanwhile.
        """
        if not isinstance(error, Unavailable):
            self._release(admitted.spends.values())

    def acknowledge(self, admitted: Admitted, indices: Sequence[int]) -> list[str]:
        """Return the log's signed word for each leaf of a request that is durable now."""
        if admitted.spends:
            at = dict(zip((leaf.entry for leaf in admitted.leaves), indices, strict=True))
            self._vouchers.spend({voucher: at[entry] for entry, voucher in admitted.spends.items()})
        hashes = [leaf_hash(leaf.entry) for leaf in admitted.leaves]
        return sign_acks(list(zip(indices, hashes, strict=True)), signer=self._signer)

    def register_vouchers(self, hashes: Sequence[bytes], *, member: Member | None) -> None:
        """Take in a member's vouchers."""
        if member is None:
            raise NotTrusted("append.unsigned")
        if not member.vouchers:
            raise RefusedByPolicy("append.vouchers", limit=0)
        self._vouchers.register(hashes, member=member.did, most=member.vouchers)

    def _check_lag(self, note: bytes | None) -> None:
        signed = self.intake.state.checkpoint
        if signed is None:
            return
        shown = 0
        with suppress(KonsensError):  # what is no checkpoint shows nothing
            shown = parse_signed_checkpoint((note or b"").decode("utf-8", "replace")).checkpoint.size
        if shown >= signed.checkpoint.size:
            return
        size, since = self._unshown
        if size != shown or since is None:
            with self._open_log() as log:
                later = log.store.checkpoints(shown + 1)
                since = log.head_of(later[0][0]).at if later else None
            self._unshown = shown, since
        lag = (self._now() - since).total_seconds() if since is not None else 0.0
        if lag > MOST_SECONDS_BEHIND:
            raise Unavailable("serve.behind", seconds=int(lag))

    def _release(self, vouchers: Collection[bytes]) -> None:
        if vouchers:
            self._vouchers.release(vouchers)

    def _known(self, leaves: Sequence[SealLeaf | PublicLeaf]) -> set[bytes]:
        """Return the entries among `leaves` that are in the log already."""
        with self._open_log() as log:
            broken = log.broken_many([leaf.seal for leaf in leaves if isinstance(leaf, SealLeaf)])
            known = {log.entry(index) for index in broken.values()}
            public = (leaf for leaf in leaves if isinstance(leaf, PublicLeaf))
            return known | {leaf.entry for leaf in public if log.find_public(leaf.digest) is not None}
