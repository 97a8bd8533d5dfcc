"""The log's side of tlog-witness: ask every witness for a cosignature, and keep what is good.

Witnesses are asked side by side, each in a thread of its own, so that one that is slow holds up nobody. What
comes back is checked before it is kept, and every witness that gave nothing is named with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Protocol

import msgspec

from ...errors import Conflict, InputError, KonsensError, Unavailable, VerificationError
from ..checkpoint import SignedCheckpoint, parse_checkpoint, parse_decimal
from ..note import parse_note
from ..policy import Policy, ProvenCheckpoint, Witness
from .merge import cosignature_in, merge, with_cosignature
from .request import AddCheckpoint, render_add_checkpoint

__all__ = ["Answer", "Collected", "Transport", "collect"]

ATTEMPTS = 3  # a witness whose size changes faster than this is asked again next time
LEEWAY = timedelta(seconds=60)


class Transport(Protocol):
    """Carries one request to a witness; called from several threads at once."""

    def __call__(self, witness: Witness, body: bytes, *, timeout: float) -> tuple[int, bytes]:
        """Return status and body of the answer; raise `OSError` or `KonsensError` if there is none."""


class Answer(msgspec.Struct, frozen=True):
    """What came of one witness: the time of its cosignature, or why there is none."""

    witness: str
    at: datetime | None = None
    error: KonsensError | None = None


class Collected(msgspec.Struct, frozen=True):
    """A checkpoint with as many cosignatures as came.

    `proven` is what the policy makes of it, None while the quorum is missing.
    """

    note: str
    answers: tuple[Answer, ...]
    proven: ProvenCheckpoint | None

    @property
    def quorum(self) -> bool:
        """Whether the policy is satisfied."""
        return self.proven is not None


def collect(
    signed: SignedCheckpoint,
    policy: Policy,
    *,
    prove: Callable[[int], Sequence[bytes]],
    transport: Transport,
    at: datetime,
    before: str | None = None,
    timeout: float = 5.0,
) -> Collected:
    """Ask all witnesses of `policy` to cosign a checkpoint, and return it with what they gave.

    `prove` returns the consistency proof from an older size to this one; it is called in the caller's
    thread. `before` is the newest note with cosignatures, of this checkpoint or an older one: it tells what
    each witness has seen, and what is still good in it is kept. A log without news asks for the checkpoint
    that it has, and gets cosignatures of a new time. `timeout` is for all together, in seconds.

    Nothing is raised for a witness that fails; its `Answer` says `witness.down`, `witness.slow`,
    `witness.refused` (a status that is not in the protocol, or 404: it does not know this log),
    `witness.ahead` (it has seen a larger checkpoint of this log), `witness.inconsistent` (it has seen another
    tree), or one of those of `with_cosignature`, with which it told an untruth.
    """
    keys = [witness.key for witness in policy.witnesses]
    note = merge(signed.note, [before] if before else [], keys)
    round_ = _Round(signed, prove, transport, at=at, before=before, timeout=timeout)
    answers = []
    for witness, outcome in round_.run(policy.witnesses):
        if isinstance(outcome, KonsensError):
            answers.append(Answer(witness.name, error=outcome))
            continue
        line, made = outcome
        note = merge(note, [line], [witness.key])
        answers.append(Answer(witness.name, at=made))
    order = [witness.name for witness in policy.witnesses]
    answers.sort(key=lambda answer: order.index(answer.witness))
    try:
        proven = policy.check(note)
    except Unavailable:
        proven = None
    return Collected(note, tuple(answers), proven)


class _Round:
    """One time of asking all."""

    def __init__(
        self,
        signed: SignedCheckpoint,
        prove: Callable[[int], Sequence[bytes]],
        transport: Transport,
        *,
        at: datetime,
        before: str | None,
        timeout: float,
    ) -> None:
        self._signed, self._prove, self._transport = signed, prove, transport
        self._at, self._before, self._timeout = at, before, timeout
        self._answers: SimpleQueue[tuple[Witness, int, tuple[int, bytes] | BaseException]] = SimpleQueue()
        self._until = monotonic() + timeout

    def run(
        self, witnesses: Sequence[Witness]
    ) -> Iterator[tuple[Witness, KonsensError | tuple[str, datetime]]]:
        """Yield each witness once: why it gave nothing, or a note with its cosignature and the time."""
        waiting = {witness.name: witness for witness in witnesses}
        for witness in witnesses:
            self._ask(witness, self._guess(witness), 1)
        while waiting:
            try:
                witness, attempt, came = self._answers.get(timeout=max(0.0, self._until - monotonic()))
            except Empty:
                break
            try:
                outcome = self._judge(witness, came, attempt)
            except KonsensError as error:
                yield waiting.pop(witness.name), error
            else:
                if outcome is not None:
                    yield waiting.pop(witness.name), outcome
        for witness in waiting.values():
            yield witness, Unavailable("witness.slow", name=witness.name, seconds=self._timeout)

    def _guess(self, witness: Witness) -> int:
        """Return the size that the witness has presumably seen last: what it cosigned in the note before."""
        if self._before is None:
            return 0
        text = parse_note(self._before).unverified_text
        try:
            cosignature_in(self._before, text, witness.key)
        except KonsensError:
            return 0
        return min(parse_checkpoint(text).size, self._signed.checkpoint.size)

    def _ask(self, witness: Witness, old: int, attempt: int) -> None:
        size = self._signed.checkpoint.size
        proof = tuple(self._prove(old)) if 0 < old < size else ()
        body = render_add_checkpoint(AddCheckpoint(old, proof, self._signed.note))
        # A thread that waits for a witness that never answers must not keep the process from ending.
        Thread(target=self._carry, args=(witness, body, attempt), daemon=True).start()

    def _carry(self, witness: Witness, body: bytes, attempt: int) -> None:
        try:
            came: tuple[int, bytes] | BaseException = self._transport(witness, body, timeout=self._timeout)
        except BaseException as error:
            came = error
        self._answers.put((witness, attempt, came))

    def _judge(
        self, witness: Witness, came: tuple[int, bytes] | BaseException, attempt: int
    ) -> tuple[str, datetime] | None:
        """Return a note with the cosignature and its time, or None if the witness was asked again."""
        if isinstance(came, OSError | KonsensError):
            raise Unavailable("witness.down", name=witness.name, problem=came) from came
        if isinstance(came, BaseException):
            raise came
        status, body = came
        if status == 200:
            return with_cosignature(
                self._signed.note,
                body,
                witness.key,
                at=self._at,
                leeway=LEEWAY + timedelta(seconds=self._timeout),
                before=self._before,
            )
        if status == 422:
            raise Conflict("witness.inconsistent", name=witness.name)
        if status != 409 or attempt == ATTEMPTS:
            raise Unavailable("witness.refused", name=witness.name, status=status)
        self._ask(witness, self._size_in(witness, body), attempt + 1)
        return None

    def _size_in(self, witness: Witness, body: bytes) -> int:
        try:
            text = body.decode("ascii")
            size = parse_decimal(text.removesuffix("\n"))
        except (InputError, UnicodeDecodeError) as error:
            raise VerificationError("witness.answer", name=witness.name) from error
        if size > self._signed.checkpoint.size:
            raise Conflict("witness.ahead", name=witness.name, size=size)
        return size
