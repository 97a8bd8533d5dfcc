"""Reading a request before answering it: who asks, for what, in whose words, and what to beware of."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..consent.message import RequestMessage, parse_message
from ..consent.notice import Notice
from ..consent.request import ReadRequest, parse_request, read_request
from ..errors import Unavailable
from .anchored import check_keys_public
from .wallet import Wallet

__all__ = ["Shown", "logs_for", "show_request"]


class Shown(msgspec.Struct, frozen=True):
    """A checked request, and what the wallet adds to it: the logs it would use, the warnings."""

    read: ReadRequest
    logs: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def company(self) -> str:
        """The DID of the company."""
        return self.read.signed.company

    @property
    def known(self) -> bool:
        """Whether the wallet has pinned this company before."""
        return "company.first_contact" not in self.warnings

    @property
    def offers(self) -> list[tuple[str, str]]:
        """Every purpose with each of its channels."""
        return [(one.purpose, channel) for one in self.read.signed.request.offers for channel in one.channels]

    @property
    def notice(self) -> Notice:
        """The notice, whose text the person reads."""
        return self.read.notice.notice


def show_request(wallet: Wallet, data: bytes | str, *, at: datetime) -> Shown:
    """Return the request in a file, with everything verified; nothing is written.

    Raises what `read_request` raises. A company or log that is new is no error but a warning,
    `company.first_contact`; a key other than the pinned one is refused (`company.key_changed`,
    `registry.other_key`), and one whose history is in no log that can be asked (see `check_keys_public`).
    """
    company = parse_request(parse_message(data, RequestMessage).request).company
    pinned = wallet.pinned(company)
    read = read_request(
        data,
        at=at,
        pinned=pinned,
        vkeys=wallet.logs.vkeys,
        own_dids=[one.did for one in wallet.identities() if one.company in (None, company)],
    )
    check_keys_public(wallet.logs, read.company, read.key_history, pinned=pinned)
    logs = tuple(log.origin for log in read.message.logs if log.origin in wallet.logs.vkeys)
    warnings = read.warnings + (("logs.controller_only",) if len(logs) < 2 else ())
    return Shown(read, logs, warnings)


def logs_for(shown: Shown) -> tuple[str, ...]:
    """Return the logs that a grant names: those of the request that this wallet knows, the company's first.

    A log that only one side knows is of no use: the wallet must be able to append, the company to look. The
    first one is taken to be the company's own; a second one keeps it from being alone with the log.
    """
    if not shown.logs:
        raise Unavailable("wallet.no_common_log", origin=shown.read.message.logs[0].origin)
    return shown.logs
