"""A served log in PostgreSQL: any number of nodes take leaves over HTTP, and one sequencer publishes.

A node knows the log's key, because it signs acknowledgements; only the sequencer signs checkpoints. Readers
get static files, which the sequencer writes and the nodes, or any web server, show.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from threading import Event, Lock

import msgspec
from litestar import Litestar

from ...errors import KonsensError, Locked, NotTrusted, Unavailable
from ..check_ahead import LeafChecker
from ..map_cache import MapCache
from ..note import NoteSigner
from ..policy import Policy
from ..postgres import Intake, PostgresLog, Sequencer, open_postgres
from ..signer_head import SignerHead
from ..static import ObjectStore
from ..witness import witness_transport
from .append_policy import AppendPolicy
from .group_commit import MOST_WAITING, State
from .log_app import log_app
from .log_service import LogService
from .postgres_vouchers import PostgresVouchers
from .publication import Publication
from .seen import check_witnesses
from .step import Leaves
from .watch import Readers, Watch

__all__ = ["Place", "sequence", "served_node"]

_LOG = logging.getLogger(__name__)

TAKE_OVER_SECONDS = 1.0


class NodeIntake:
    """The way of one node into the log, as a served log wants it: with a state, and a limit of what waits."""

    def __init__(self, intake: Intake, watch: Watch) -> None:
        self._intake, self._watch = intake, watch
        self._lock = Lock()
        self._waiting = 0

    @property
    def state(self) -> State:
        """What this node knows of the log now."""
        return msgspec.structs.replace(self._watch.state, waiting=self._waiting)

    def append(self, leaves: Leaves) -> Future[list[int]]:
        """Hand leaves over; see `Intake.submit`. Raises `append.busy` while too much waits."""
        with self._lock:
            if self._waiting + len(leaves) > MOST_WAITING:
                raise Unavailable("append.busy")
            self._waiting += len(leaves)
        try:
            asked = self._intake.submit(leaves)
        except BaseException:
            self._answered(len(leaves))
            raise
        asked.add_done_callback(lambda _: self._answered(len(leaves)))
        return asked

    def _answered(self, count: int) -> None:
        with self._lock:
            self._waiting -= count


@contextmanager
def served_node(
    dsn: str,
    *,
    schema: str,
    signer: NoteSigner,
    objects: ObjectStore,
    rules: AppendPolicy,
    pause: float = 1.0,
    wait: float = 30.0,
) -> Iterator[Litestar]:
    """Yield the application of one node of the log in `schema`.

    `signer` signs acknowledgements (`registry.other_key` if it is not the log's); `objects` is where the
    sequencer publishes; what has no place after `wait` seconds is answered with `postgres.not_sequenced`.
    """
    opener = _opener(dsn, schema, signer)
    opener().close()  # what is wrong is told before anybody asks
    with (
        closing(Readers(opener)) as readers,
        Watch(opener, pause=pause) as watch,
        Intake(dsn, signer.vkey, schema=schema, wait=wait) as intake,
        closing(PostgresVouchers(dsn, schema=schema)) as vouchers,
    ):
        yield log_app(
            LogService(
                signer=signer,
                open_log=readers.lend,
                intake=NodeIntake(intake, watch),
                objects=objects,
                policy=rules,
                vouchers=vouchers,
            )
        )


class Place(msgspec.Struct, frozen=True):
    """Which log to sequence, with what, and what is remembered of it."""

    dsn: str
    schema: str
    signer: NoteSigner
    remembered: SignerHead
    single_node: bool = False

    def take(self, *, pause: float = 0.0, checker: LeafChecker | None = None) -> Sequencer | None:
        """Become the sequencer, or return None while another one lives; raises what `Sequencer` raises."""
        try:
            return Sequencer(
                self.dsn,
                self.signer,
                schema=self.schema,
                remembered=self.remembered,
                single_node=self.single_node,
                every=pause,
                publish_every=pause,
                cache=MapCache(self.remembered.path.with_name(self.remembered.path.name + ".map")),
                checker=checker,
            )
        except Locked as error:
            if error.code != "postgres.sequencer_runs":
                raise
            return None


def sequence(
    place: Place,
    objects: ObjectStore,
    stop: Event,
    *,
    witnesses: Policy | None = None,
    pause: float = 1.0,
    loopback: bool = False,
) -> None:
    """Sequence, have cosigned and publish a log until `stop` is set; at the end, what was taken is published.

    While another sequencer lives, it waits to take over. What this one must not go on from is raised, and
    with it what a witness has seen that contradicts the log (`check_witnesses`, `Publication`).
    """
    opener = _opener(place.dsn, place.schema, place.signer)
    alarm, transport = _Alarm(stop), witness_transport(loopback=loopback)
    with LeafChecker(origin=place.signer.name) as checker:
        while not stop.is_set():
            if (sequencer := place.take(pause=pause, checker=checker)) is None:
                stop.wait(TAKE_OVER_SECONDS)
                continue
            with sequencer:
                with closing(opener()) as log:
                    check_witnesses(log, witnesses, loopback=loopback)
                with (
                    Watch(opener, pause=pause / 2) as watch,
                    Publication(
                        opener,
                        objects,
                        watch,
                        policy=witnesses,
                        transport=transport,
                        pause=pause,
                        alarm=alarm,
                    ),
                ):
                    _LOG.info("this is the sequencer")
                    sequencer.run(stop)
                    alarm.check()
                    watch.wait_for(sequencer.publish())


class _Alarm:
    """Ends a sequencer with what a witness has found."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._found: KonsensError | None = None

    def __call__(self, error: KonsensError) -> None:
        self._found = error
        self._stop.set()

    def check(self) -> None:
        if self._found is not None:
            raise self._found


def _opener(dsn: str, schema: str, signer: NoteSigner) -> Callable[[], PostgresLog]:
    def open_log() -> PostgresLog:
        log = open_postgres(dsn, schema=schema)
        if log.vkey != signer.vkey:
            log.close()
            raise NotTrusted("registry.other_key", origin=signer.name)
        return log

    return open_log
