"""`verify`: is this file what it says, by the verifier's own list of whom to trust?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from konsens.errors import Damaged, KonsensError, NotFound, NotTrusted

from .answers import Check, Checkpoint, Verify
from .answers.everyone import Answered, GuiltShown
from .answers.shared import Sentences
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import Screen
from .trust import read_trust, trusted

if TYPE_CHECKING:
    from konsens.trail.result import Answer, Guilt, Report, Shown

__all__ = ["verify"]

SHOWN = 10  # failures that a person is told; --json names all

# The checks of a bundle in a person's words, German and English.
WHAT = {
    "bundle.files": ("Dateien wie angekündigt", "Files as announced"),
    "bundle.trust": ("Register und Unternehmen, denen Sie vertrauen", "Log and company that you trust"),
    "bundle.manifest": ("Verzeichnis unterschrieben", "Manifest signed"),
    "bundle.events": ("Ereignisse unterschrieben", "Events signed"),
    "bundle.notices": ("Texte, denen zugestimmt wurde", "Words that were agreed to"),
    "bundle.commitments": ("Ereignisse passen zu ihren Einträgen", "Events fit their entries"),
    "bundle.log": ("Einträge stehen im Register", "Entries are in the log"),
    "bundle.lanes": ("Ereignisse in ihrer Folge", "Events in their order"),
    "bundle.batches": ("Listen vollständig", "Lists complete"),
    "bundle.seals": ("Siegel, ganz oder gebrochen", "Seals, whole or broken"),
    "bundle.states": ("Stände nachgerechnet", "States computed again"),
    "credential.signature": ("Nachweis unterschrieben", "Credential signed"),
    "fraud.form": ("Form des Belegs", "Form of the evidence"),
    "fraud.trust": ("Register, das Sie kennen", "Log that you know"),
    "fraud.proof": ("Der Betreiber ist überführt", "The operator is convicted"),
    "message.form": ("Form der Nachricht", "Form of the message"),
    "message.trust": ("Unternehmen, dem Sie vertrauen", "Company that you trust"),
    "message.events": ("Ereignisse unterschrieben", "Events signed"),
    "message.commitments": ("Ereignisse passen zu ihren Einträgen", "Events fit their entries"),
    "message.lanes": ("Ereignisse in ihrer Folge", "Events in their order"),
    "message.logs": ("Register, denen Sie vertrauen", "Logs that you trust"),
    "message.presentations": ("Nachweise, die gezeigt werden", "Credentials that are shown"),
    "message.notice": ("Hinweistext unterschrieben", "Notice signed"),
    "message.request": ("Anfrage gültig", "Request valid"),
    "message.signature": ("Unterschrift", "Signature"),
    "proof.form": ("Form des Beweises", "Form of the proof"),
    "proof.checkpoint": (
        "Prüfpunkt eines Registers, dem Sie vertrauen",
        "Checkpoint of a log that you trust",
    ),
    "proof.head": ("Letzter Eintrag des Registers", "The log's last entry"),
    "proof.entry": ("Der Eintrag steht im Register", "The entry is in the log"),
    "receipt.credential": ("Quittung unterschrieben", "Receipt signed"),
    "receipt.event": ("Ereignis des Unternehmens", "The company's event"),
    "receipt.proof": ("Beweis aus dem Register", "Proof from the log"),
}

# What an operator can be convicted of, German and English; `where` is a number of entries, or an index.
GUILT = {
    "fork": (
        "Bewiesen: Der Betreiber von {origin} hat zwei Vergangenheiten gezeigt ({where} Einträge).",
        "Proven: the operator of {origin} showed two pasts (of {where} entries).",
    ),
    "hidden_seal": (
        "Bewiesen: Der Betreiber von {origin} hat ein gebrochenes Siegel verschwiegen (Eintrag {where}).",
        "Proven: the operator of {origin} hid a broken seal (entry {where}).",
    ),
    "entries": (
        "Bewiesen: Der Betreiber von {origin} hat unterschrieben, was kein Eintrag ist (Nr. {where}).",
        "Proven: the operator of {origin} signed over something that is no entry (no. {where}).",
    ),
    "leaf_signature": (
        "Bewiesen: Der Betreiber von {origin} hat eine falsche Unterschrift übergangen (Eintrag {where}).",
        "Proven: the operator of {origin} passed over a wrong signature (entry {where}).",
    ),
    "key_twice": (
        "Bewiesen: Der Betreiber von {origin} hat ein Siegel zweimal brechen lassen (Eintrag {where}).",
        "Proven: the operator of {origin} let one seal be broken twice (entry {where}).",
    ),
    "public_twice": (
        "Bewiesen: Der Betreiber von {origin} führt ein Dokument zweimal (Eintrag {where}).",
        "Proven: the operator of {origin} lists one document twice (entry {where}).",
    ),
    "head_time": (
        "Bewiesen: Der Betreiber von {origin} hat die Zeit zurückgedreht (Eintrag {where}).",
        "Proven: the operator of {origin} turned back the time (entry {where}).",
    ),
    "checkpoint_head": (
        "Bewiesen: Der Betreiber von {origin} hat einen Prüfpunkt ohne Stand der Siegel unterschrieben"
        " (Eintrag {where}).",
        "Proven: the operator of {origin} signed a checkpoint that does not say which seals are broken"
        " (entry {where}).",
    ),
}


@command()
def verify(
    frame: Frame,
    file: Annotated[
        Path,
        Argument(metavar="FILE", help="A bundle, proof, receipt, credential, message or evidence of fraud."),
    ],
    trust: Annotated[
        Path | None, Option("--trust", metavar="FILE", help="Whom to trust; else this home's own list.")
    ] = None,
    at: Annotated[datetime | None, Option("--at", metavar="T", help="As of then; else now.")] = None,
    entry: Annotated[
        str | None, Option("--entry", metavar="HEX", help="The entry that a proof is about.")
    ] = None,
    seal: Annotated[
        str | None, Option("--seal", metavar="HEX", help="The seal that a proof is about.")
    ] = None,
) -> Outcome:
    """Check a file offline: who signed it, that nothing was changed, and that the log holds it.

    Nothing that the file says of itself is believed. Whom to trust comes from --trust or from `konsens trust
    list`; where that is nobody, this ends with 10 and says whom it would have to be.
    """
    from konsens.trail.verify import verify as verify_file

    whom = read_trust(frame, trust) if trust else trusted(frame)
    if str(file) != "-" and not file.exists():
        raise NotFound("file.missing", path=file)
    source = frame.read(file) if str(file) == "-" else file
    try:
        report = verify_file(
            source, whom, at=at or frame.now(), entry=_bytes(entry), seal=_bytes(seal, size=32)
        )
    except Damaged as error:  # not even the container could be read
        return Outcome(_unreadable(frame, error), show=lambda _: None, error=error)
    data = Verify(
        kind=report.kind,
        as_of=report.as_of,
        signer=report.signer,
        origin=report.origin,
        checkpoint=_checkpoint(report.checkpoint),
        checks=[Check(name=one.name, ok=one.ok, detail=one.detail) for one in report.checks],
        failed=list(report.failed),
        warnings=list(report.warnings),
        counts=report.counts,
        answer=_answered(report.answer),
        guilt=_guilt(report.guilt),
    )
    return Outcome(
        data,
        show=lambda screen: _show(screen, frame, data, report),
        done=_done(frame, report),
        error=report.errors[0] if report.errors else None,
        warnings=tuple((code, {}) for code in report.warnings),
    )


def _show(screen: Screen, frame: Frame, data: Verify, report: Report) -> None:
    errors = report.errors
    untrusted = bool(errors) and isinstance(errors[0], NotTrusted)
    for check in data.checks:
        de, en = WHAT.get(check.name, (check.name, check.name))
        said = check.detail.replace(" of ", " von ").replace("not checked", "nicht geprüft")
        detail = frame.pick(de=said, en=check.detail)
        # Where nobody is trusted, what else failed is not wrong but cannot be known.
        ok = None if untrusted and not check.ok and not check.name.endswith(".trust") else check.ok
        screen.check(ok, frame.pick(de=de, en=en), detail)
    rows = {
        frame.pick(de="Unterschrieben von", en="Signed by"): data.signer,
        frame.pick(de="Stand", en="As of"): data.as_of,
        frame.pick(de="Bekannt bis", en="Known at"): None
        if report.known_at == data.as_of
        else report.known_at,
        frame.pick(de="Antwort", en="Answer"): _answer(frame, report.answer),
        frame.pick(de="Register", en="Registry"): data.origin,
        frame.pick(de="Einträge", en="Entries"): data.checkpoint and data.checkpoint.size,
    }
    if known := {name: value for name, value in rows.items() if value is not None}:
        screen.line()
        screen.fields(known)
    _show_others(screen, frame, [e for e in errors if isinstance(e, NotTrusted) or not untrusted])


def _done(frame: Frame, report: Report) -> str:
    """Say what holds: of evidence against an operator, what he did."""
    if report.guilt is None:
        return frame.pick(de="Alles stimmt.", en="Everything holds.")
    de, en = GUILT[report.guilt.rule]
    said = frame.pick(de=de, en=en).format(origin=report.guilt.origin, where=report.guilt.where)
    return said + frame.pick(
        de="\nVerlassen Sie sich auf nichts aus diesem Register; zeigen Sie die Datei allen, die es nutzen.",
        en="\nRely on nothing from this registry, and show the file to everybody who uses it.",
    )


def _answer(frame: Frame, answer: Answer | None) -> str | None:
    """Say what a bundle about one question answers to it, and why: in our words, never in the bundle's."""
    if answer is None:
        return None
    if answer.allowed:
        return frame.pick(de="Ja, der Kontakt war erlaubt.", en="Yes, contact was allowed.")
    no = frame.pick(de="Nein, kein Kontakt erlaubt.", en="No, contact was not allowed.")
    return f"{no} {answer.reason[frame.lang]} ({answer.code})"


def _show_others(screen: Screen, frame: Frame, errors: Sequence[KonsensError]) -> None:
    """Write what failed besides the first, with which this run ends."""
    said = list(dict.fromkeys((error.code, error.message(frame.lang)) for error in errors))[1:]
    if said:
        screen.heading(frame.pick(de="Außerdem", en="Besides"))
    for code, message in said[:SHOWN]:
        screen.check(False, code, message)
    if len(said) > SHOWN:
        screen.line(f"+ {len(said) - SHOWN}")


def _unreadable(frame: Frame, error: KonsensError) -> Verify:
    return Verify(
        kind="bundle",
        as_of=None,
        signer=None,
        origin=None,
        checkpoint=None,
        checks=[Check(name="bundle.container", ok=False, detail=error.message(frame.lang))],
        failed=[error.code],
        warnings=[],
        counts={},
        answer=None,
        guilt=None,
    )


def _answered(answer: Answer | None) -> Answered | None:
    if answer is None:
        return None
    return Answered(allowed=answer.allowed, code=answer.code, reason=Sentences(**answer.reason))


def _guilt(guilt: Guilt | None) -> GuiltShown | None:
    return None if guilt is None else GuiltShown(rule=guilt.rule, origin=guilt.origin, where=guilt.where)


def _checkpoint(shown: Shown | None) -> Checkpoint | None:
    if shown is None:
        return None
    return Checkpoint(
        origin=shown.origin,
        size=shown.size,
        root=shown.root,
        map_root=shown.map_root,
        at=shown.at,
        acknowledged="witnessed" if shown.witnessed else "checkpointed",
    )


def _bytes(text: str | None, *, size: int | None = None) -> bytes | None:
    from konsens.encoding import from_hex

    return None if text is None else from_hex(text, size=size or len(text) // 2)
