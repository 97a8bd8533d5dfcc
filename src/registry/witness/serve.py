"""The witness itself (C2SP tlog-witness): it cosigns a log's checkpoint if it goes on from the one before.

It knows no HTTP and no clock: a request is bytes and a moment, a response is a status, a type and bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from hashlib import sha256

from ...errors import InputError, Unavailable
from ..cosignature import MAP_SUFFIX, Cosigner, MlDsaCosigner, cosign
from ..policy import Log
from ..tree import EMPTY_ROOT
from .admit import Refused, Response, Seen, Submitted, check_follows, keys_of, read
from .state import Cosigned, WitnessState

__all__ = ["Witness"]

LEEWAY_SECONDS = 60  # a clock that was set back by more is not believed
NOTHING = Seen(0, EMPTY_ROOT)


class Witness:
    """Cosigns checkpoints of the logs that it knows.

    - It never cosigns a size smaller than before, nor two roots of one size: the state is compared and set
      in one durable step, and only then does anybody see the cosignature.
    - Its times never go back. A clock that was set back by more than a minute stops it
      (`witness.clock_back`).
    - It says "append-only" and no more; its key name must not claim that it recomputes the map.
    """

    def __init__(
        self,
        cosigner: Cosigner | MlDsaCosigner,
        logs: Iterable[Log],
        state: WitnessState,
        *,
        also: Iterable[Cosigner | MlDsaCosigner] = (),
    ) -> None:
        """Cosign as `cosigner`, and with the keys of `also`, such as one of ML-DSA-44 beside Ed25519."""
        self.cosigner = cosigner
        self._cosigners = [cosigner, *also]
        for one in self._cosigners:
            if one.name.endswith(MAP_SUFFIX):
                raise InputError("witness.name", name=one.name)
        self._keys = keys_of(logs)
        self._state = state

    @property
    def origins(self) -> Collection[str]:
        """The logs that it knows."""
        return self._keys.keys()

    def add_checkpoint(self, body: bytes, *, at: datetime) -> Response:
        """Answer `POST <submission prefix>/add-checkpoint` (tlog-witness, "add-checkpoint").

        Raises only what keeps it from answering: `witness.busy`, `witness.cannot_write`,
        `witness.clock_back` (503 Service Unavailable) and `witness.state` (500).
        """
        try:
            submitted = read(body, self._keys)
            return Response(200, self._cosign(submitted, at).encode())
        except Refused as refused:
            return refused.response

    def checkpoint(self, origin_hash: str) -> Response:
        """Answer `GET <monitoring prefix>/<origin hash>/checkpoint` ("Monitor Retrieval Mechanism")."""
        origin = next((name for name in self._keys if sha256(name.encode()).hexdigest() == origin_hash), None)
        newest = None if origin is None else self._state.newest(origin)
        return Response(404) if newest is None else Response(200, newest.note.encode())

    def _cosign(self, submitted: Submitted, at: datetime) -> str:
        """Return the signature lines, once what they say is on the medium."""
        checkpoint, note = submitted.checkpoint, submitted.note
        signed, fork = "", ""

        def decide(before: Cosigned | None) -> Cosigned:
            nonlocal signed, fork
            if before and before.size == checkpoint.size and before.root != checkpoint.root:
                fork = before.note
            check_follows(submitted, Seen(before.size, before.root) if before else NOTHING)
            seconds = _time(at, before)
            signed = note
            for cosigner in self._cosigners:
                signed = cosign(signed, cosigner, at=datetime.fromtimestamp(seconds, UTC))
            return Cosigned(checkpoint.origin, checkpoint.size, checkpoint.root, seconds, signed)

        try:
            self._state.step(checkpoint.origin, decide)
        except Refused:
            if fork:  # "it might be proof of log misbehavior", and is: the log signed both
                self._state.keep_fork(checkpoint.origin, fork, note)
            raise
        return signed[len(note) :]


def _time(at: datetime, before: Cosigned | None) -> int:
    """Return the second to sign: requests overtake each other, and clocks are set back a little."""
    seconds = int(at.timestamp())
    if before and seconds < before.seconds - LEEWAY_SECONDS:
        raise Unavailable("witness.clock_back", last=datetime.fromtimestamp(before.seconds, UTC).isoformat())
    return max(seconds, before.seconds if before else 0)
