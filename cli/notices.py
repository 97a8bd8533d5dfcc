"""Notices: what customers are told, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from konsens.errors import InputError

from .answers import Notice, NoticeLine, Notices, NoticeText, PurposeLine
from .company_home import open_company
from .frame import Frame, Outcome, command
from .line import Argument
from .screen import Screen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konsens.consent import Notice as Written
    from konsens.consent import SignedNotice

__all__ = ["notice_check", "notice_list", "notice_publish", "notice_show"]

File = Annotated[str, Argument(metavar="FILE.toml", help="The notice; - reads it from stdin.")]
MAX_NOTICE = 1 << 18


@command()
def notice_check(frame: Frame, file: File) -> Outcome:
    """Check a notice before it is published: what the law asks for and a fair reader would miss.

    Each problem has a code. It is a fact about the file, not legal advice. Needs no home.
    """
    from konsens.consent import draft_notice, problems_of

    draft = draft_notice(_text(frame, file))
    problems = list(problems_of(draft))
    if any(purpose.double_opt_in for purpose in draft.purpose):
        problems.append("notice.double_opt_in_later")

    def show(screen: Screen) -> None:
        screen.check(not problems, f"{draft.id} {draft.version}", ", ".join(sorted(draft.text)))
        for problem in problems:
            screen.check(False, problem, frame.text(problem, notice=draft.id))

    error = InputError("notice.incomplete", problems=", ".join(problems)) if problems else None
    done = frame.pick(de="Der Hinweistext ist vollständig.", en="The notice is complete.")
    return Outcome(Notice(notice=None, problems=problems), show=show, done=done, error=error)


@command(signs=True, unlocks=True, logs=True)
def notice_publish(frame: Frame, file: File) -> Outcome:
    """Sign a notice, keep it, and put its hash into the log for everyone.

    Your DID and the day are filled in. The same file again changes nothing; other words need a new version.
    """
    text = _text(frame, file)
    with open_company(frame) as shop:
        signed, index = shop.company.publish(shop.keys(), text, now=frame.now())
    data = Notice(notice=_line(signed, index), problems=[])
    following = f"konsens company ask --notice {signed.notice.id}"
    done = frame.pick(
        de=f"Veröffentlicht als Blatt {index}. Als Nächstes: {following}",
        en=f"Published as leaf {index}. Next: {following}",
    )
    warnings: tuple[tuple[str, Mapping[str, object]], ...] = ()
    told = signed.notice.controller.name
    if told != shop.name:
        warnings = (("notice.other_name", {"name": told, "home": shop.name}),)
    return Outcome(
        data,
        show=lambda screen: _show(screen, frame, signed.notice, signed.hash),
        done=done,
        warnings=warnings,
    )


@command(lists="notices", logs=True)
def notice_list(frame: Frame) -> Outcome:
    """List every published notice, oldest first."""
    with open_company(frame) as shop:
        notices = [_line(signed, index) for signed, index in shop.company.notices()]

    def show(screen: Screen) -> None:
        headers = frame.pick(
            de="Kennung|Fassung|Sprachen|Zwecke|Blatt", en="Id|Version|Languages|Purposes|Leaf"
        ).split("|")
        screen.table(
            headers,
            [
                (one.id, one.version, one.languages, [each.code for each in one.purposes], one.leaf_index)
                for one in notices
            ],
        )

    return Outcome(Notices(notice=None, problems=[], notices=notices), show=show)


@command(logs=True)
def notice_show(
    frame: Frame,
    notice: Annotated[str, Argument(metavar="ID", help="Its newest version.")],
) -> Outcome:
    """Show a notice in its exact words, in the language of --lang if it has that one."""
    with open_company(frame) as shop:
        signed = shop.company.notice(notice)
        index = shop.company.ledger.notice_leaf(signed.hash)
    language = frame.lang if frame.lang in signed.notice.text else signed.notice.languages[0]
    text = signed.notice.text[language]
    data = NoticeText(notice=_line(signed, index), problems=[], language=language, text=text)

    def show(screen: Screen) -> None:
        _show(screen, frame, signed.notice, signed.hash)
        screen.line()
        screen.line(text)

    return Outcome(data, show=show)


def _text(frame: Frame, file: str) -> str:
    try:
        return frame.read(file, max_bytes=MAX_NOTICE).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("notice.toml", problem="not UTF-8") from error


def _line(signed: SignedNotice, index: int | None) -> NoticeLine:
    notice = signed.notice
    return NoticeLine(
        id=notice.id,
        version=notice.version,
        hash=signed.hash,
        languages=list(notice.languages),
        purposes=[PurposeLine(code=one.code, channels=list(one.channels)) for one in notice.purpose],
        leaf_index=index,
    )


def _show(screen: Screen, frame: Frame, notice: Written, digest: str) -> None:
    screen.fields(
        {
            frame.pick(de="Hinweistext", en="Notice"): f"{notice.id} {notice.version}",
            frame.pick(de="Zwecke", en="Purposes"): ", ".join(
                f"{one.code} ({', '.join(one.channels)})" for one in notice.purpose
            ),
            frame.pick(de="Sprachen", en="Languages"): ", ".join(notice.languages),
            "Hash": digest,
        }
    )
