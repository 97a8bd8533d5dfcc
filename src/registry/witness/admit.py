"""May this checkpoint follow the one before? The rules of tlog-witness, "add-checkpoint", in their order.

Witness and mirror judge alike; what they do with a checkpoint that may follow is their own affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ...errors import InputError, VerificationError
from ..checkpoint import Checkpoint, parse_checkpoint
from ..note import NoteSignature, VerifierKey, add_signature, check_line, parse_note
from ..policy import Log, parse_policy
from ..tree import EMPTY_ROOT, check_consistency
from .request import AddCheckpoint, parse_add_checkpoint

__all__ = [
    "Keys",
    "Refused",
    "Response",
    "Seen",
    "Submitted",
    "check_follows",
    "keys_of",
    "parse_logs",
    "read",
]

TEXT, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"

Keys = Mapping[str, Sequence[VerifierKey]]
"""The keys that are trusted for each origin."""


class Response(msgspec.Struct, frozen=True):
    """What to answer over HTTP."""

    status: int
    body: bytes = b""
    content_type: str = TEXT


class Refused(Exception):  # noqa: N818 (an answer of the protocol, not an error of ours)
    """The protocol has a status code for why this cannot be done."""

    def __init__(self, status: int, body: bytes = b"", content_type: str = TEXT) -> None:
        super().__init__(status)
        self.response = Response(status, body, content_type)


class Submitted(msgspec.Struct, frozen=True):
    """A request whose checkpoint bears the log's signature; `note` has this signature and no other."""

    request: AddCheckpoint
    checkpoint: Checkpoint
    note: str


class Seen(msgspec.Struct, frozen=True):
    """Size and root of the checkpoint that a log is to go on from."""

    size: int
    root: bytes


def parse_logs(text: str | bytes) -> tuple[Log, ...]:
    """Return the logs that a witness or mirror serves: the `log` lines of a tlog-policy file.

    tlog-witness leaves the form of this list open. The file's quorum says nothing here and is `quorum none`
    as a rule. Two keys of one origin are a log that changes its key.
    """
    return parse_policy(text).logs


def keys_of(logs: Iterable[Log]) -> Keys:
    """Return the keys of `logs` by origin."""
    keys: dict[str, list[VerifierKey]] = {}
    for log in logs:
        keys.setdefault(log.key.name, []).append(log.key)
    return keys


def read(body: bytes, keys: Keys) -> Submitted:
    """Return what was submitted, or raise `Refused`: 400 malformed, 404 unknown origin, 403 not signed.

    400 too where the old size is larger than the checkpoint.
    """
    try:
        request = parse_add_checkpoint(body)
        parsed = parse_note(request.note)
        checkpoint = parse_checkpoint(parsed.unverified_text)
    except InputError as error:
        raise Refused(400) from error
    trusted = keys.get(checkpoint.origin)
    if trusted is None:
        raise Refused(404)
    note = _signed(parsed.unverified_text, parsed.signatures, trusted)
    if request.old_size > checkpoint.size:
        raise Refused(400)
    return Submitted(request, checkpoint, note)


def check_follows(submitted: Submitted, before: Seen) -> None:
    """Raise `Refused` unless the checkpoint goes on from `before`: 409 another size, 422 another tree."""
    request, checkpoint = submitted.request, submitted.checkpoint
    if request.old_size != before.size:
        raise Refused(409, b"%d\n" % before.size, SIZE)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise Refused(422)
    if before.size == 0:  # the empty tree is consistent with any tree
        if request.proof:
            raise Refused(422)
        return
    try:
        check_consistency(before.size, checkpoint.size, request.proof, before.root, checkpoint.root)
    except VerificationError as error:
        raise Refused(422) from error


def _signed(text: str, signatures: Sequence[NoteSignature], trusted: Sequence[VerifierKey]) -> str:
    """Return the note with the signatures of trusted keys alone."""
    note = text + "\n"
    for key in trusted:
        for line in signatures:
            if (line.name, line.id) != (key.name, key.id):
                continue
            try:
                check_line(text.encode(), line.signature, key)
            except VerificationError as error:
                raise Refused(403) from error
            note = add_signature(note, line)
    if note == text + "\n":
        raise Refused(403)
    return note
