"""Whole files at once: which rows of a list may be contacted, and consents from before konsens."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from konsens.encoding import format_time
from konsens.errors import InputError

from .answers import Filtered, Imported
from .company_answers import time
from .company_home import open_company
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .screen import Screen
from .words import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konsens.consent import Filtered as Parted
    from konsens.consent import Imported as Done
    from konsens.consent import Reject
    from konsens.consent.import_file import Source

__all__ = ["company_filter", "company_import"]


@command(signs=True, writes=True, unlocks=True, logs=True)
def company_filter(
    frame: Frame,
    list_: Annotated[Path, Argument(metavar="LIST.csv", help="With a header; - is stdin.")],
    purpose: Annotated[str, Argument(metavar="PURPOSE", help="A purpose of a notice.")],
    channel: Annotated[str, Option("--channel", metavar="C", help="A channel of the purpose.")],
    column: Annotated[str, Option("--column", metavar="NAME", help="Where the list names the customer.")],
    out: Annotated[Path, Option("--out", metavar="YES.csv", help="The rows that may be contacted.")],
    refused: Annotated[Path, Option("--refused", metavar="NO.csv", help="The others, each with its code.")],
    by: Annotated[
        Literal["ref", "address"],
        Option("--by", help="What the column holds: your numbers or DIDs, or addresses."),
    ] = "ref",
    use: Annotated[
        str | None, Option("--use", metavar="CAMPAIGN", help="Record that the allowed ones are contacted.")
    ] = None,
) -> Outcome:
    """Say which rows of a list may be contacted, and why not the others.

    Both files appear, or neither. The list is good for a day at most: see `konsens_valid_until` in it.
    Without --use nothing is unlocked or written but the two files.
    """
    from konsens.consent import filter_list

    if "-" in (str(out), str(refused)) or out.absolute() == refused.absolute():
        raise InputError("filter.two_files")
    frame.check_out(out)
    frame.check_out(refused)
    source = _source(list_, out, refused)
    warnings: tuple[tuple[str, Mapping[str, object]], ...] = ()
    with open_company(frame, bulk=True) as shop:
        ledger = shop.company.ledger
        ledger.logs.check_current(ledger.seen)  # a list of nothing but "unknown" is no list
        found = filter_list(
            ledger,
            source,
            purpose=purpose,
            channel=channel,
            column=column,
            by=by,
            out=None if frame.dry_run else out,
            refused=None if frame.dry_run else refused,
            campaign=use,
            keys=shop.keys() if use is not None else None,
            random=frame.entropy,
            now=frame.now(),
        )
        if found.use is not None:
            warnings = shop.publish_after()
    return Outcome(
        _filter_data(found),
        show=lambda screen: _show_filter(screen, frame, found, purpose=purpose, channel=channel),
        warnings=warnings,
    )


def _filter_data(found: Parted) -> Filtered:
    return Filtered(
        rows=found.rows,
        allowed=found.allowed,
        refused=found.refused,
        invalid=found.invalid,
        as_of=format_time(found.as_of),
        valid_until=time(found.valid_until),
        use=found.use,
    )


def _show_filter(screen: Screen, frame: Frame, found: Parted, *, purpose: str, channel: str) -> None:
    screen.fields(
        {
            frame.pick(de="Erlaubt", en="Allowed"): f"{found.allowed} / {found.rows}",
            frame.pick(de="Ohne Angabe", en="Without a value"): found.empty,
            frame.pick(de="Unbrauchbare Angabe", en="Unusable value"): found.invalid - found.empty,
            frame.pick(de="Gültig bis", en="Valid until"): moment(time(found.valid_until)),
            frame.pick(de="Nutzung", en="Use"): found.use,
        }
    )
    _show_codes(screen, frame, found.refused, purpose=purpose, channel=channel)


@command(signs=True, writes=True, unlocks=True, logs=True)
def company_import(
    frame: Frame,
    file: Annotated[Path, Argument(metavar="FILE.csv", help="What your system exported; - is stdin.")],
    mapping: Annotated[
        str,
        Option(
            "--mapping", metavar="NAME|FILE.toml", help="mailchimp, hubspot, mautic, salesforce, or yours."
        ),
    ],
    rejects: Annotated[
        Path | None, Option("--rejects", metavar="CSV", help="Write the refused rows there: line and why.")
    ] = None,
) -> Outcome:
    """Take in consents from before konsens: all good rows of a file as one event, or none.

    They stay marked as what the company alone says. A yes never overrides a no. Try it with --dry-run.
    """
    from konsens.consent import import_rows, read_mapping

    frame.check_out(rejects)
    source = _source(file, *([] if rejects is None else [rejects]))
    columns = read_mapping(mapping)
    warnings: tuple[tuple[str, Mapping[str, object]], ...] = ()
    what = frame.pick(de="Siegel anlegen", en="Making seals")
    with open_company(frame, bulk=True) as shop, frame.progress(what) as progress:
        found = import_rows(
            shop.company.ledger,
            None if frame.dry_run else shop.keys(),
            source,
            columns,
            random=frame.entropy,
            progress=progress,
            now=frame.now(),
        )
        if found.event is not None:
            warnings = shop.publish_after()
    if found.shared:
        warnings = (*warnings, ("import.shared_addresses", {"count": found.shared}))
    if rejects is not None:
        frame.write(rejects, _rejects_csv(frame, found.rejects))
    data = Imported(
        rows=found.rows,
        accepted=found.accepted,
        rejected=len(found.rejects),
        duplicates=found.duplicates,
        batch=found.batch,
        event=found.event,
        leaf_index=found.leaf_index,
        rejects=None if rejects is None else str(rejects),
    )
    return Outcome(data, show=lambda screen: _show_import(screen, frame, found), warnings=warnings)


def _source(file: Path, *answers: Path) -> Source:
    """Return what is read, stdin for `-`; no answer may be written over it."""
    if str(file) == "-":
        return sys.stdin.buffer
    for answer in answers:
        if answer.resolve() == file.resolve():
            raise InputError("filter.over_source", path=answer)
    return file


def _show_import(screen: Screen, frame: Frame, found: Done) -> None:
    screen.fields(
        {
            frame.pick(de="Zeilen", en="Rows"): found.rows,
            frame.pick(de="Übernommen", en="Accepted"): found.accepted,
            frame.pick(de="Schon bekannt", en="Known already"): found.duplicates,
            frame.pick(de="Zurückgewiesen", en="Refused"): len(found.rejects),
            frame.pick(de="Blatt", en="Leaf"): found.leaf_index,
        }
    )
    _show_codes(screen, frame, Counter(reject.code for reject in found.rejects))


def _show_codes(screen: Screen, frame: Frame, codes: Mapping[str, int], **facts: object) -> None:
    if not codes:
        return
    screen.heading(frame.pick(de="Warum nicht", en="Why not"))
    screen.table(
        frame.pick(de="Zeilen|Code|Grund", en="Rows|Code|Reason").split("|"),
        [(count, code, frame.text(code, **facts)) for code, count in sorted(codes.items())],
    )


def _rejects_csv(frame: Frame, rejects: tuple[Reject, ...]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["line", "code", "reason"])
    writer.writerows([reject.line, reject.code, frame.text(reject.code)] for reject in rejects)
    return file.getvalue().encode()
