"""The vouchers that came with a message, to be kept for the leaves that they let in (`served.ServedLog`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..encoding import b64u_decode
from .kind import Record
from .kinds import VOUCHER, Voucher
from .wallet import Wallet

__all__ = ["vouchers_in"]


def vouchers_in(wallet: Wallet, given: Mapping[str, Iterable[str]], *, company: str) -> list[Record]:
    """Return what to remember of the vouchers that a company gave, by origin.

    Only a log that is served limits anybody; for a folder they are carried and never needed.
    """
    found = [
        Voucher(origin, company, b64u_decode(text, size=32))
        for origin in wallet.logs.served
        for text in given.get(origin, ())
    ]
    return [VOUCHER.row(voucher.key, voucher) for voucher in found]
