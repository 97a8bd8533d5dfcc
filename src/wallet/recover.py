"""Coming back: from the 24 words alone, or from a backup."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from ..errors import Damaged
from ..records import Seed
from ..registry.log_place import LogPlace
from .backup import Summary, read_backup
from .header import Cost, Random
from .kinds import PROFILE
from .logs import Logs, first_contact
from .scan import scan
from .vault import Vault
from .wallet import Wallet, did_of_number

__all__ = ["Recovered", "recover", "restore"]


class Recovered(msgspec.Struct, frozen=True):
    """What the logs tell about a seed: its DIDs, how many seals it broke, and consents of unknown words."""

    dids: tuple[str, ...]
    seals_found: int
    records_without_text: int


def recover(
    path: Path,
    passphrase: str,
    seed: Seed,
    *,
    folders: Sequence[LogPlace],
    at: datetime,
    entropy: Random = os.urandom,
    cost: Cost | None = None,
) -> tuple[Wallet, Recovered]:
    """Create a wallet of a seed alone, where there is none, and look for all that the seed has done.

    The words give back every key and with it every withdrawal, but no text: what was agreed stands in a
    backup, or with the company (Art. 15 GDPR).
    """
    found = scan(seed, Logs(first_contact(folders))) if folders else {}
    wallet = Wallet.create(
        path,
        passphrase,
        seed=seed,
        at=at,
        folders=folders,
        numbers={0, *found},
        unscanned=not folders,
        entropy=entropy,
        cost=cost,
    )
    lanes = [lane for company in found.values() for lane in company.items()]
    return wallet, Recovered(
        dids=tuple(did_of_number(seed, number) for number in sorted(found)),
        seals_found=sum(len(lane.broken) for _, lane in lanes),
        records_without_text=sum(number > 0 for number, _ in lanes),
    )


def restore(
    source: Path | bytes,
    passphrase: str,
    *,
    path: Path,
    entropy: Random = os.urandom,
    cost: Cost | None = None,
) -> Summary:
    """Bring a backup back, where there is no wallet. It may only read until it was compared with the logs.

    Other devices may have acted since it was made: the first act looks for their leaves (`Wallet.rescan`).
    """
    records, summary = read_backup(source, passphrase)
    rows = {(kind, key): value for kind, key, value in records}
    if (stored := rows.get((PROFILE.name, "profile"))) is None:
        raise Damaged("wallet.no_seed")
    profile = msgspec.structs.replace(PROFILE.parse(stored), unscanned=True)
    marked = [row for row in records if row[0] != PROFILE.name] + [PROFILE.row("profile", profile)]
    Vault.create(path, passphrase, records=marked, entropy=entropy, cost=cost).close()
    return summary
