"""What a company does with credentials: it issues them, asks for claims, and checks the answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from konsens.encoding import format_time
from konsens.errors import InputError, VerificationError

from .answers import Answer, AnswerChecked, Check, Issued, QuestionAsked
from .company_answers import span, time
from .company_home import open_company
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import spoken
from .words import moment

if TYPE_CHECKING:
    from konsens.credentials import VerifiedAnswer, VerifiedCredential

__all__ = ["company_issue", "company_question", "company_verify_answer"]


@command(signs=True, writes=True, unlocks=True)
def company_issue(
    frame: Frame,
    claims: Annotated[str, Argument(metavar="CLAIMS.json", help="What is true of the holder; - is stdin.")],
    kind: Annotated[str, Option("--type", metavar="VCT", help="The credential's type.")],
    to: Annotated[str, Option("--to", metavar="DID", help="The holder's DID.")],
    out: Annotated[Path, Option("--out", metavar="FILE", help="Where to write the credential.")],
    until: Annotated[datetime | None, Option("--until", metavar="DATE", help="When it ends.")] = None,
    always_shown: Annotated[
        list[str] | None,
        Option("--always-shown", metavar="PATH", help="A claim that cannot be withheld; may be repeated."),
    ] = None,
) -> Outcome:
    """Issue a credential of which the holder chooses what to show."""
    from konsens.credentials import CredentialMessage, issue, open_held, render_message, render_path
    from konsens.did import OfflineResolver
    from konsens.strict_json import parse

    now = frame.now()
    if not to.startswith(("did:key:", "did:jwk:")):
        raise InputError("company.holder_did", did=to)
    if until is not None and until <= now:
        raise InputError("company.until_past")
    frame.check_out(out)
    content = _claims_in(parse(frame.read(claims)))
    with open_company(frame) as shop:
        text = issue(
            content,
            vct=kind,
            issuer=shop.keys().signer,
            at=now,
            entropy=frame.entropy,
            holder=OfflineResolver().resolve(to).relations[0].key,
            subject=to,
            expires_at=until,
            always_shown=always_shown or (),
        )
    frame.write(out, render_message(CredentialMessage(credential=text)))
    held = open_held(text)
    data = Issued(
        card=held.card,
        type=kind,
        subject=to,
        expires_at=time(until),
        concealable=sorted(render_path(path) for path in held.concealable),
        out=str(out),
    )
    return _told(
        frame,
        data,
        {
            ("Nachweis", "Credential"): data.card,
            ("Art", "Type"): kind,
            ("Für", "For"): to,
            ("Gültig bis", "Valid until"): moment(data.expires_at),
            ("Lässt sich verbergen", "Can be withheld"): data.concealable,
            ("Datei", "File"): data.out,
        },
    )


@command(signs=True, writes=True, unlocks=True)
def company_question(
    frame: Frame,
    out: Annotated[Path, Option("--out", metavar="QUESTION", help="Where to write the question.")],
    dcql: Annotated[str | None, Option("--dcql", metavar="FILE", help="A query in DCQL.")] = None,
    kind: Annotated[str | None, Option("--type", metavar="VCT", help="Or: the credential's type,")] = None,
    claim: Annotated[
        list[str] | None, Option("--claim", metavar="PATH", help="and what you want to know of it.")
    ] = None,
    reason: Annotated[str | None, Option("--reason", metavar="TEXT", help="Why you ask.")] = None,
    valid: Annotated[str, Option("--valid", metavar="24h", help="How long an answer is taken.")] = "24h",
) -> Outcome:
    """Ask for claims of a credential. Ask for no more than you need: the holder sees it."""
    from konsens.credentials import ask_for, render_message
    from konsens.strict_json import parse

    if (dcql is None) == (kind is None) or (kind is not None and not claim) or (dcql is not None and claim):
        raise InputError("question.what")
    expires_at = frame.now() + span(valid, "--valid")
    frame.check_out(out)
    query = parse(frame.read(dcql)) if dcql is not None else ask_for(kind or "", claim or ())
    if not isinstance(query, dict):
        raise InputError("question.what")
    with open_company(frame) as shop:
        asked, message = shop.company.question(
            shop.keys(),
            query,
            expires_at=expires_at,
            key_history=shop.history,
            reason=reason,
            now=frame.now(),
        )
    frame.write(out, render_message(message))
    data = QuestionAsked(
        question=asked.id,
        audience=asked.client_id,
        nonce=asked.nonce,
        expires_at=format_time(asked.expires_at),
        out=str(out),
    )
    return _told(
        frame,
        data,
        {
            ("Frage", "Question"): data.question,
            ("Gültig bis", "Valid until"): moment(data.expires_at),
            ("Datei", "File"): data.out,
        },
    )


@command(signs=True)
def company_verify_answer(
    frame: Frame,
    answer: Annotated[str, Argument(metavar="ANSWER", help="What the holder sent back; - is stdin.")],
    question: Annotated[
        str | None, Option("--question", metavar="ID", help="It must answer this question.")
    ] = None,
) -> Outcome:
    """Check what a customer answered, against your question; it counts once.

    `beyond_question` names what was shown without being asked: do not keep it.
    """
    from konsens.credentials import AnswerMessage, parse_message

    from .trust import trusted

    message = parse_message(frame.read(answer), AnswerMessage)
    if question is not None and question != message.question:
        raise VerificationError("question.other", question=message.question)
    with open_company(frame) as shop:
        verified = shop.company.answer(message, trust=trusted(frame).issuers, now=frame.now())
    data = _checked(verified)
    return _told(
        frame,
        data,
        {
            ("Ausgestellt von", "Issued by"): data.issuer,
            ("Für", "About"): data.subject,
            ("Art", "Type"): data.type,
            **{(name, name): spoken(value, frame.lang) for name, value in data.claims.items()},
            ("Ungefragt gezeigt", "Shown unasked"): data.beyond_question or None,
        },
        done=frame.pick(de="Die Antwort stimmt.", en="The answer holds.")
        if frame.dry_run
        else frame.pick(
            de="Die Antwort stimmt. Sie ist damit verbraucht.", en="The answer holds. It is spent now."
        ),
    )


def _claims_in(content: object) -> dict[str, Any]:
    """Return what is true of the holder; another message, or a claim without a name, is a mistake."""
    if not isinstance(content, dict):
        raise InputError("company.claims")
    found = content.get("type")
    if isinstance(found, str) and found.startswith("konsens/"):
        raise InputError("input.wrong_type", found=found, expected="CLAIMS.json")
    if not content or _nameless(content):
        raise InputError("company.no_claims")
    return content


def _nameless(value: object) -> bool:
    """Tell whether a claim at any depth has an empty name."""
    if isinstance(value, dict):
        return any(not name.strip() or _nameless(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_nameless, value))


def _told(frame: Frame, data: Answer, pairs: dict[tuple[str, str], object], *, done: str = "") -> Outcome:
    """Return an answer that people read as these fields, in their language; what is not there is left out."""
    fields = {frame.pick(de=de, en=en): value for (de, en), value in pairs.items() if value is not None}
    return Outcome(data, show=lambda screen: screen.fields(fields), done=done)


def _checked(verified: VerifiedAnswer) -> AnswerChecked:
    """Return an answer as answers show it; of several credentials each by the id of its query."""
    from konsens.credentials import render_path

    shown = [(query, one) for query, several in verified.credentials.items() for one in several]
    beyond = [
        (query, render_path(path))
        for query, several in verified.beyond.items()
        for paths in several
        for path in paths
    ]
    alone = shown[0][1] if len(shown) == 1 else None
    return AnswerChecked(
        question=verified.question,
        issuer=alone.issuer.did if alone else None,
        subject=alone.subject if alone else None,
        type=alone.type if alone else None,
        claims=_claims(alone) if alone else {query: _claims(one) for query, one in shown},
        beyond_question=[path if alone else f"{query}: {path}" for query, path in beyond],
        checks=[
            Check(name=check.name, ok=check.ok, detail=check.detail)
            for _, one in shown
            for check in one.checks
        ],
    )


def _claims(credential: VerifiedCredential) -> dict[str, Any]:
    """Return what is about the holder, without what is about the credential."""
    from konsens.credentials import NEVER_CONCEALED

    about = NEVER_CONCEALED | {"aud", "iat", "sub"}
    return {name: value for name, value in credential.claims.items() if name not in about}
