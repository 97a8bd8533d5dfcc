"""A whole served log in a folder: writer, publication and application, put together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from litestar import Litestar

from ..check_ahead import LeafChecker
from ..checkpoint import SignedCheckpoint
from ..folder import Place, Registry
from ..log import SealLog
from ..note import NoteSigner
from ..policy import Policy
from ..signer_head import SignerHead
from ..static import FolderObjects
from ..witness import witness_transport
from .append_policy import AppendPolicy
from .group_commit import GroupCommit
from .log_app import log_app
from .log_service import LogService
from .publication import Publication
from .seen import check_witnesses
from .vouchers import SqliteVouchers

__all__ = ["VOUCHERS", "served_log"]

VOUCHERS = "vouchers.sqlite"
SHORTEST_PAUSE = 0.1  # seconds between two rounds of publishing, however short the writer's steps are


@contextmanager
def served_log(
    folder: Path,
    *,
    signer: NoteSigner,
    remembered: SignerHead,
    static: Path,
    rules: AppendPolicy,
    witnesses: Policy | None = None,
    place: Place | None = None,
    pause: float = 1.0,
    loopback: bool = False,
) -> Iterator[Litestar]:
    """Yield the application of the log in `folder`; at the end, what was taken is signed and published.

    `remembered` is the operator's own memory of what was signed; `static` is where the public files go;
    `pause` is how many seconds lie between two steps, at least; `loopback` allows witnesses on this machine.
    If a witness has seen more of this log, or another one, nothing is appended or signed; see
    `check_witnesses` and `Publication`.
    """

    def open_log() -> Registry:
        return Registry.open(folder, place=place)

    asked: list[bool] = []

    def publish(log: SealLog) -> SignedCheckpoint:
        if not asked:  # before the first signature, and before the first leaf
            check_witnesses(log, witnesses, loopback=loopback)
            asked.append(True)
        return log.publish(signer, at=datetime.now(UTC), remembered=remembered)

    objects = FolderObjects(static)
    with (
        LeafChecker(origin=signer.name) as checker,
        GroupCommit(open_log, publish, pause=pause, checker=checker) as intake,
        Publication(
            open_log,
            objects,
            intake,
            policy=witnesses,
            transport=witness_transport(loopback=loopback),
            pause=max(pause, SHORTEST_PAUSE),
            alarm=intake.stop,
        ) as publication,
    ):
        yield log_app(
            LogService(
                signer=signer,
                open_log=open_log,
                intake=intake,
                objects=objects,
                policy=rules,
                vouchers=SqliteVouchers(folder / VOUCHERS),
            ),
            published=lambda: publication.state,
        )
