"""`registry mirror` and `registry monitor`: a log of somebody else's, kept, verified and watched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated, TypeVar

from konsens.encoding import format_time, from_hex
from konsens.errors import InputError, KonsensError, NoConsent, VerificationError

from .answers import Answer, Broken, LogProblem, Mirrored, Monitored
from .envelope import tell
from .frame import Frame, Outcome, command
from .line import Argument, Option
from .log_home import cosigning_seed
from .log_source import is_url, key_shown_by, source_at
from .screen import Screen

if TYPE_CHECKING:
    from konsens.registry import Policy, VerifierKey
    from konsens.registry.mirror import Mirror, Polled, Source

__all__ = ["registry_mirror", "registry_monitor"]

Where = Annotated[str, Argument(metavar="FROM", help="The log: its folder, or the URL where it is served.")]
To = Annotated[Path, Option("--to", metavar="DIR", help="The copy; it can be read like any registry.")]
PolicyFile = Annotated[
    Path | None, Option("--policy", metavar="FILE", help="A tlog-policy: the log's key, its witnesses.")
]
Every = Annotated[
    int | None, Option("--every", metavar="SECONDS", min=1, help="Again and again, until Ctrl+C.")
]
LONGEST_FILE = 1 << 20
WATCH = "monitor.sqlite"

T = TypeVar("T", bound=Answer)


@command(unlocks=True)
def registry_mirror(
    frame: Frame,
    source: Where,
    to: To,
    policy: PolicyFile = None,
    cosign: Annotated[
        str | None,
        Option("--cosign", metavar="NAME", help="Cosign as map cosigner NAME, with a key of this home."),
    ] = None,
    static: Annotated[
        Path | None, Option("--static", metavar="DIR", help="Show the copy as static files there.")
    ] = None,
    every: Every = None,
) -> Outcome:
    """Keep a full copy of a log, verified entry by entry.

    When the operator is gone, the copy still proves everything. Where the operator breaks a rule or shows two
    pasts, this ends with 6 and leaves evidence that anybody can check with `konsens verify`.
    """
    asked = _policy(frame, policy)
    vkey, first = _key(source, to, asked)
    seed = cosigning_seed(frame, _map_name(cosign)) if cosign else None

    def once() -> tuple[Mirrored, None]:
        return _mirror(frame, source, to, vkey, policy=asked, cosign=cosign, seed=seed, static=static), None

    data, _ = once()
    rows = {
        frame.pick(de="Register", en="Registry"): data.origin,
        frame.pick(de="Einträge", en="Entries"): data.size,
        frame.pick(de="davon neu", en="of these new"): data.added,
        frame.pick(de="Kopie", en="Copy"): data.folder,
        frame.pick(de="Mitgezeichnet", en="Cosigned"): data.cosigner,
    }
    known = {name: value for name, value in rows.items() if value is not None}
    return Outcome(
        data,
        show=lambda screen: screen.fields(known),
        done=frame.pick(
            de="Alles Kopierte ist geprüft; das Register zeigt eine Vergangenheit.",
            en="All that was copied is verified; the log shows one past.",
        ),
        warnings=(("mirror.first_contact", {"origin": vkey.name}),) if first else (),
        after=_again(frame, every, once, lambda found: f"{found.size} (+{found.added})") if every else None,
    )


@command(unlocks=True)
def registry_monitor(
    frame: Frame,
    source: Where,
    to: To,
    watch: Annotated[
        Path | None,
        Option("--watch", metavar="FILE", help="Seals in hex, a line each; else all open ones of this home."),
    ] = None,
    policy: PolicyFile = None,
    every: Every = None,
) -> Outcome:
    """Watch the seals that this home cares about, and the log itself.

    Ends with 7 if one of them was broken, and with the log's own failure if there is one. Nobody learns which
    seals are watched: the whole log is copied, and compared here. Each break is told once.
    """
    asked = _policy(frame, policy)
    vkey, _ = _key(source, to, asked)
    seals = _seals(frame, watch)

    def once() -> tuple[Monitored, KonsensError | None]:
        return _monitor(frame, source, to, vkey, policy=asked, seals=seals)

    data, error = once()
    return Outcome(
        data,
        show=lambda screen: _show(screen, frame, data),
        done=frame.pick(de="Kein Siegel ist gebrochen.", en="No seal is broken."),
        error=error,
        after=_again(frame, every, once, _line) if every else None,
    )


def _mirror(
    frame: Frame,
    source: str,
    to: Path,
    vkey: VerifierKey,
    *,
    policy: Policy | None,
    cosign: str | None,
    seed: bytes | None,
    static: Path | None,
) -> Mirrored:
    from konsens.registry import Registry, render_vkey
    from konsens.registry.mirror import Mirror, cosign_copy, map_cosigner
    from konsens.registry.static import FolderObjects, export

    signer = map_cosigner(cosign, seed) if cosign and seed else None
    with Mirror.open(to, vkey=vkey) as mirror, source_at(source, vkey) as log:
        try:
            followed = mirror.follow(log, at=frame.now(), policy=policy)
        except VerificationError as error:
            if error.code == "mirror.map_root":
                _convict(mirror, log, source, vkey)
            raise
        if signer is not None:
            cosign_copy(mirror, [signer], at=frame.now())
        if static is not None:
            with Registry.open(to) as copy:
                export(copy.store, FolderObjects(static), vkey=vkey, note=mirror.cosigned())
    return Mirrored(
        origin=vkey.name,
        vkey=render_vkey(vkey),
        folder=str(to),
        size=followed.checkpoint.size,
        root=followed.checkpoint.root.hex(),
        added=followed.added,
        cosigner=render_vkey(signer.vkey) if signer else None,
    )


def _convict(mirror: Mirror, log: Source, where: str, vkey: VerifierKey) -> None:
    """Keep evidence of a seal that the operator's own map leaves out, where he shows his map."""
    from konsens.registry.mirror import accuse_by_buckets
    from konsens.registry.remote import LogClient
    from konsens.registry.static import bucket_path, parse_map_name

    if not is_url(where):
        return
    client = LogClient(where, vkey, loopback=where.startswith("http://"))
    with suppress(KonsensError):
        name = parse_map_name(client.fetch(["map/newest"])[0] or b"")
        accuse_by_buckets(
            mirror,
            log,
            lambda prefix: client.fetch([bucket_path(name.size, prefix)])[0] or b"",
            depth=name.depth,
        )


def _monitor(
    frame: Frame, source: str, to: Path, vkey: VerifierKey, *, policy: Policy | None, seals: list[bytes]
) -> tuple[Monitored, KonsensError | None]:
    from konsens.registry.mirror import Mirror, Monitor

    with (
        Mirror.open(to, vkey=vkey) as mirror,
        Monitor(mirror, to / WATCH) as monitor,
        source_at(source, vkey) as log,
    ):
        monitor.watch(seals)
        polled = monitor.poll(log, at=frame.now(), policy=policy)
        data = _monitored(frame, vkey.name, polled, monitor.watched())
        monitor.settle(polled.breaks)
    if polled.problems:
        return data, polled.problems[0].error
    return data, NoConsent("monitor.broken", count=len(data.broken)) if data.broken else None


def _monitored(frame: Frame, origin: str, polled: Polled, watched: int) -> Monitored:
    return Monitored(
        origin=origin,
        size=polled.checkpoint.size if polled.checkpoint else None,
        watched=watched,
        broken=[
            Broken(
                seal=one.seal.hex(),
                leaf_index=one.index,
                checkpoint_size=one.checkpoint,
                since=format_time(one.since) if one.since else None,
            )
            for one in polled.breaks
        ],
        problems=[
            LogProblem(
                code=one.error.code,
                message=one.error.message(frame.lang),
                first=format_time(one.first),
                evidence=str(one.error.facts["evidence"]) if "evidence" in one.error.facts else None,
            )
            for one in polled.problems
        ],
    )


def _show(screen: Screen, frame: Frame, data: Monitored) -> None:
    screen.fields(
        {
            frame.pick(de="Register", en="Registry"): data.origin,
            frame.pick(de="Einträge", en="Entries"): data.size,
            frame.pick(de="Beobachtete Siegel", en="Seals watched"): data.watched,
        }
    )
    for one in data.broken:
        screen.check(False, one.seal, f"{one.leaf_index}")
    for problem in data.problems:
        screen.check(False, problem.code, problem.message)


def _line(found: Monitored) -> str:
    said = [f"{one.seal} {one.leaf_index}" for one in found.broken]
    said += [f"{problem.code}: {problem.message}" for problem in found.problems]
    return "; ".join(said) or f"{found.size}"


def _again(
    frame: Frame,
    every: int,
    once: Callable[[], tuple[T, KonsensError | None]],
    line: Callable[[T], str],
) -> Callable[[], None]:
    """Return what repeats the work until Ctrl+C: a line for each time, an object with `--json`.

    A log that is down or in trouble is told, and tried again.
    """

    def run() -> None:
        with suppress(KeyboardInterrupt):
            while True:
                sleep(every)
                try:
                    found, failed = once()
                    outcome, said = Outcome(found, error=failed), line(found)
                except KonsensError as error:
                    outcome, said = Outcome(error=error), f"{error.code}: {error.message(frame.lang)}"
                tell(frame, outcome, f"{format_time(frame.now())} {said}")

    return run


def _policy(frame: Frame, path: Path | None) -> Policy | None:
    from konsens.registry import parse_policy

    if path is None:
        return None
    return parse_policy(frame.read(path, max_bytes=LONGEST_FILE).decode("utf-8", "replace"))


def _key(source: str, to: Path, policy: Policy | None) -> tuple[VerifierKey, bool]:
    """Return the log's key, and whether the log itself is all that vouches for it.

    From the policy, else from the copy that is there already.
    """
    from konsens.registry import Registry

    if policy is not None:
        if len(policy.logs) != 1:
            raise InputError("mirror.which_log", count=len(policy.logs))
        return policy.logs[0].key, False
    if to.is_dir() and any(to.iterdir()):
        with Registry.open(to) as copy:
            return copy.vkey, False
    return key_shown_by(source), True


def _map_name(name: str) -> str:
    from konsens.registry import MAP_SUFFIX

    return name.removesuffix(MAP_SUFFIX) + MAP_SUFFIX


def _seals(frame: Frame, watch: Path | None) -> list[bytes]:
    """Return what is to be watched: what a file names, else what is open in this home."""
    if watch is not None:
        lines = frame.read(watch, max_bytes=64 << 20).decode("utf-8", "replace").split()
        return [from_hex(line) for line in lines]
    kind = frame.home.settings().kind
    if kind == "company":
        from konsens.consent.watch import seals_to_watch

        from .company_home import open_company

        with open_company(frame) as shop:
            return seals_to_watch(shop.company.ledger)
    if kind == "customer":
        from konsens.wallet.watch import seals_to_watch as seals_of_wallet

        from .wallet_home import open_wallet

        with open_wallet(frame) as wallet:
            return seals_of_wallet(wallet)
    raise InputError("monitor.nothing")
