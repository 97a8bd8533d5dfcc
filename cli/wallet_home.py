"""A customer's home: `konsens.json`, which says only that it is one, and the encrypted `wallet.sqlite`.

Whatever means a person or a company (names, DIDs, logs) lies in the vault, not in the settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .frame import Frame
from .home import Home, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from konsens.wallet import Act, Wallet

__all__ = ["WALLET", "check_answerable", "making_home", "open_wallet", "write_events"]

WALLET = "wallet.sqlite"


@contextmanager
def open_wallet(frame: Frame) -> Iterator[Wallet]:
    """Open the wallet of this run; `--registry` stands for this time in the place of its logs."""
    from konsens.wallet import Wallet

    frame.home.settings("customer")
    with Wallet.open(
        frame.home.file(WALLET), frame.passphrase(), folders=frame.registries, entropy=frame.entropy
    ) as wallet:
        yield wallet


@contextmanager
def making_home(home: Home) -> Iterator[Path]:
    """Yield the path of the vault to be made; the home appears when the block ends, or not at all."""
    with home.assemble() as draft:
        yield draft.file(WALLET)
        draft.save(Settings(kind="customer"))


def check_answerable(frame: Frame) -> None:
    """Raise `input.needed` if a question will come and nobody can answer it: before anything is unlocked."""
    from konsens.errors import InputError

    if not (frame.common.yes or frame.dry_run or frame.terminal.present):
        raise InputError("input.needed", option="--yes")


def write_events(frame: Frame, wallet: Wallet, acts: Iterable[Act], out: Path | None) -> None:
    """Write the file that takes these acts to the company."""
    if out is None:
        return
    from konsens.consent import render_message
    from konsens.wallet import events_message

    frame.write(out, render_message(events_message(wallet, acts)))
