"""A served log in a company's home: a mirror in the home's folder `logs`, which decisions read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ..did import Signer
    from ..registry.log_place import LogUrl
    from ..registry.remote import MirroredLog

__all__ = ["BULK", "ONLINE", "Service", "mirror_folder", "open_served"]

ONLINE = timedelta(minutes=15)
BULK = timedelta(hours=24)
LOGS = "logs"


def _now() -> datetime:
    return datetime.now(UTC)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """How this run uses served logs.

    `member` returns what signs its appends, and is asked only then; `max_age` is how old what is known of a
    log may be: `ONLINE` for one decision, `BULK` for a list.
    """

    member: Callable[[], Signer] | None = None
    max_age: timedelta = ONLINE
    now: Callable[[], datetime] = _now


def mirror_folder(home: Path, origin: str) -> Path:
    """Return where a home keeps its copy of a served log."""
    return home / LOGS / sha256(origin.encode()).hexdigest()[:16]


def open_served(home: Path, place: LogUrl, *, vkey: str, policy: str, service: Service) -> MirroredLog:
    """Open the home's copy of the log with this key at `place`, and bring it up to date if that is due.

    `policy` is a tlog-policy whose quorum has to have cosigned lately, or empty. A log that cannot be reached
    is no error here.
    """
    from ..registry import parse_policy, parse_vkey
    from ..registry.remote import LogClient, MirroredLog  # who has folders only does without the extra

    key = parse_vkey(vkey)
    (home / LOGS).mkdir(mode=0o700, exist_ok=True)
    client = LogClient(place.url, key, member=service.member, loopback=place.loopback, now=service.now)
    return MirroredLog.follow(
        mirror_folder(home, key.name),
        client,
        policy=parse_policy(policy) if policy else None,
        max_age=service.max_age,
        now=service.now,
    )
