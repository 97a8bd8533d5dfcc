"""The log's side of tlog-mirror: bring a mirror up to a checkpoint, and take its cosignatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ...errors import InputError, Unavailable, VerificationError
from ..checkpoint import Checkpoint, SignedCheckpoint, parse_decimal
from ..note import VerifierKey
from ..tree import consistency_path, subtree_consistency_path
from ..witness.merge import with_cosignature
from ..witness.request import AddCheckpoint, render_add_checkpoint
from .packages import PACKAGES_AT_ONCE, Info, Package, Upload, parse_info, render_package, render_upload
from .source import Source

__all__ = ["MirrorTransport", "upload"]

ROUNDS_WITHOUT_PROGRESS = 3
LEEWAY = timedelta(seconds=120)


class MirrorTransport(Protocol):
    """Carries a request to a mirror, below its submission prefix."""

    def __call__(self, path: str, body: bytes, /) -> tuple[int, bytes]:
        """Return status and body of the answer; raise if there is none."""


def upload(
    source: Source,
    signed: SignedCheckpoint,
    keys: Sequence[VerifierKey],
    *,
    name: str,
    transport: MirrorTransport,
    at: datetime,
) -> str:
    """Bring the mirror `name` up to a checkpoint of `source`, and return its note with the cosignatures.

    `keys` are those that the mirror is known to sign with; all must have signed. Raises `mirror.refused` for
    a status that leads nowhere, `mirror.answer` for words that are not the protocol's, and what
    `with_cosignature` raises.
    """
    checkpoint = signed.checkpoint
    _announce(source, signed, name, transport)
    # What it has is not known: an upload of nothing makes it say so.
    start, ticket, idle = checkpoint.size, b"", 0
    while idle < ROUNDS_WITHOUT_PROGRESS:
        request = Upload(checkpoint.origin, start, checkpoint.size, ticket)
        status, body = transport("add-entries", b"".join(_body(source, checkpoint, request)))
        if status == 200:
            note = signed.note
            for key in keys:
                note, _ = with_cosignature(note, body, key, at=at, leeway=LEEWAY)
            return note
        if status not in (202, 409):
            raise Unavailable("mirror.refused", name=name, status=status)
        info = _info(body, name)
        if info.size > checkpoint.size:  # somebody else has brought it further
            raise Unavailable("mirror.refused", name=name, status=status)
        idle = 0 if status == 202 and info.next_entry > start else idle + 1
        start, ticket = min(info.next_entry, checkpoint.size), info.ticket
    raise Unavailable("mirror.refused", name=name, status=status)


def _announce(source: Source, signed: SignedCheckpoint, name: str, transport: MirrorTransport) -> None:
    """Make the checkpoint the pending one."""
    old, size = 0, signed.checkpoint.size
    for _ in range(ROUNDS_WITHOUT_PROGRESS):
        proof = tuple(consistency_path(old, size, source.node)) if 0 < old < size else ()
        status, body = transport(
            "add-checkpoint", render_add_checkpoint(AddCheckpoint(old, proof, signed.note))
        )
        if status == 200:
            return
        if status != 409:
            break
        try:
            old = parse_decimal(body.decode("ascii").removesuffix("\n"))
        except (InputError, UnicodeDecodeError) as error:
            raise VerificationError("mirror.answer", name=name) from error
        if old > size:
            break
    raise Unavailable("mirror.refused", name=name, status=status)


def _body(source: Source, checkpoint: Checkpoint, request: Upload) -> Iterator[bytes]:
    """Yield header and the next packages of an upload, as many as a request should have."""
    yield render_upload(request)
    for count, span in enumerate(request.packages()):
        if count == PACKAGES_AT_ONCE:
            return
        entries = tuple(source.entries(span.start, span.end))
        proof = subtree_consistency_path(span.base, span.end, checkpoint.size, source.node)
        yield render_package(Package(entries, tuple(proof)))


def _info(body: bytes, name: str) -> Info:
    try:
        return parse_info(body)
    except InputError as error:
        raise VerificationError("mirror.answer", name=name) from error
