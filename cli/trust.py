"""`trust list` and `trust add`: whose word counts when something is verified here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from konsens.errors import Damaged, InputError

from .answers import Registry
from .answers import Trust as TrustAnswer
from .frame import Frame, Outcome, command
from .line import Argument
from .screen import Screen

if TYPE_CHECKING:
    from konsens.trail.trust import Trust

__all__ = ["read_trust", "trust_add", "trust_list", "trusted"]

MAX_BYTES = 1 << 18


@command()
def trust_list(frame: Frame) -> Outcome:
    """Show whom this home trusts."""
    return _outcome(frame, trusted(frame))


@command()
def trust_add(
    frame: Frame,
    file: Annotated[Path, Argument(metavar="FILE", help="A trust file that somebody handed over.")],
) -> Outcome:
    """Trust the logs, companies and issuers of a trust file from now on.

    Take such a file only from where you know whose it is, and never together with what it is to prove.
    """
    from konsens.encoding import jcs

    trust = trusted(frame)
    for added in read_trust(frame, file).files:
        trust = trust.adding(added)
    frame.home.save_trust(jcs(msgspec.to_builtins(trust)))
    return _outcome(frame, trust, done=frame.pick(de="Gemerkt.", en="Remembered."))


def trusted(frame: Frame) -> Trust:
    """Return whom the home of this run trusts: nobody, if there is none."""
    from konsens.strict_json import decode
    from konsens.trail.trust import Trust

    data = frame.home.trust()
    try:
        return Trust() if data is None else decode(data, Trust)
    except InputError as error:
        raise Damaged("trust.damaged", path=frame.home.folder) from error


def read_trust(frame: Frame, file: Path) -> Trust:
    """Return whom a trust file names."""
    from konsens.trail.trust import parse_trust

    return parse_trust(frame.read(file, max_bytes=MAX_BYTES))


def _outcome(frame: Frame, trust: Trust, *, done: str = "") -> Outcome:
    from konsens.registry import render_vkey

    data = TrustAnswer(
        logs=[Registry(origin=log.name, vkey=render_vkey(log)) for log in trust.logs],
        companies=[company.did for company in trust.companies],
        issuers={kind: list(dids) for kind, dids in trust.issuers.items()},
    )
    nobody = frame.pick(
        de="Noch niemandem. So geht es: konsens trust add DATEI",
        en="Nobody yet. Like this: konsens trust add FILE",
    )
    names = {company.did: company.name for company in trust.companies}
    what = frame.pick(de="Wem|Name|Kennung", en="Whom|Name|Identity").split("|")
    log, company, issuer = frame.pick(
        de="Register|Unternehmen|Aussteller", en="registry|company|issuer"
    ).split("|")

    def show(screen: Screen) -> None:
        rows = [(log, one.origin, one.vkey) for one in data.logs]
        rows += [(company, names[did], did) for did in data.companies]
        rows += [(issuer, kind, did) for kind, dids in data.issuers.items() for did in dids]
        if rows:
            screen.table(what, rows)
        else:
            screen.line(nobody)

    return Outcome(data, show=show, done=done)
