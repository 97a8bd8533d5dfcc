"""Cosignatures that came back, checked one by one before they stand under a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ...errors import InputError, KonsensError, NotTrusted, VerificationError
from ..cosignature import check_cosignatures
from ..note import NoteSignature, UnverifiedNote, VerifierKey, add_signature, parse_note, signatures_by

__all__ = ["cosignature_in", "merge", "only", "with_cosignature"]


def merge(note: str, others: Sequence[str], keys: Sequence[VerifierKey]) -> str:
    """Return `note` with the cosignatures of `keys` in it and in `others`, of each key the newest.

    Notes about another text, and lines that do not fit, are passed over; so are signatures of other keys,
    except those of `note` that are no cosignatures by `keys`, which stay.
    """
    for key in keys:
        found = []
        for one in (note, *others):
            try:
                found.append(cosignature_in(one, parse_note(note).unverified_text, key))
            except KonsensError:
                continue
        note = _without(note, key)
        if found:
            line, _ = max(found, key=lambda pair: pair[1])
            note = add_signature(note, line)
    return note


def with_cosignature(
    note: str, answer: bytes, key: VerifierKey, *, at: datetime, leeway: timedelta, before: str | None = None
) -> tuple[str, datetime]:
    """Return the note with the cosignature in a witness' `answer`, and its time.

    `witness.answer` if these are no signature lines, `witness.other_key` if none is by `key`,
    `witness.other_checkpoint` if it is one over `before`, an older note, `witness.signature` if it fits
    neither, and `witness.time` if it was not made about now.
    """
    text = parse_note(note).unverified_text
    try:
        whole = f"{text}\n{answer.decode()}"
        parse_note(whole)
    except (InputError, UnicodeDecodeError) as error:
        raise VerificationError("witness.answer", name=key.name) from error
    try:
        line, made = cosignature_in(whole, text, key)
    except VerificationError as error:
        if before is not None and _fits_other(answer, before, key):
            raise VerificationError("witness.other_checkpoint", name=key.name) from error
        raise VerificationError("witness.signature", name=key.name) from error
    if abs(made - at) > leeway:
        raise VerificationError("witness.time", name=key.name, at=made.isoformat())
    return add_signature(_without(note, key), line), made


def only(note: str, key: VerifierKey) -> str:
    """Return the note with nothing but what `key` signed."""
    parsed = parse_note(note)
    bare = parsed.unverified_text + "\n"
    for line in signatures_by(parsed, key):
        bare = add_signature(bare, line)
    return bare


def cosignature_in(note: str, text: str, key: VerifierKey) -> tuple[NoteSignature, datetime]:
    """Return the newest cosignature by `key` over `text` in a note, with its time.

    `note.signature` if it does not fit, `witness.other_key` if there is none.
    """
    lines = signatures_by(parse_note(note), key)
    if not lines:
        raise NotTrusted("witness.other_key", name=key.name)
    newest = max(lines, key=lambda line: line.signature[:8])
    (found,) = check_cosignatures(UnverifiedNote(text, tuple(lines)), [key])
    return newest, found.at


def _fits_other(answer: bytes, before: str, key: VerifierKey) -> bool:
    text = parse_note(before).unverified_text
    try:
        cosignature_in(f"{text}\n{answer.decode()}", text, key)
    except KonsensError:
        return False
    return True


def _without(note: str, key: VerifierKey) -> str:
    """Return the note without what `key` signed."""
    parsed = parse_note(note)
    rest = parsed.unverified_text + "\n"
    for line in parsed.signatures:
        if (line.name, line.id) != (key.name, key.id):
            rest = add_signature(rest, line)
    return rest
