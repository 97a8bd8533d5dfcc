"""What a home knows of its logs, and the key of the log that it operates.

A company's home has more (`company_home.py`); an operator's, which `konsens registry init` makes where no
home is yet, has nothing but this: the settings, the keys, and what was signed last.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from konsens.errors import Conflict, Damaged, KonsensError, Locked, NotFound, NotTrusted, Unavailable

from .answers import Checkpoint
from .frame import Frame
from .home import Home, RegistryPlace, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konsens.records import Seed
    from konsens.registry import HeadLeaf, NoteSigner, Registry, SignedCheckpoint, SignerHead

__all__ = [
    "KEYS",
    "SIGNED",
    "LogHome",
    "checkpoint_data",
    "cosigning_seed",
    "make_log",
    "making_keys",
    "open_log",
    "place_of",
]

KEYS, SIGNED = "keys.sqlite", "signed.json"

Acknowledged = Literal["sequenced", "checkpointed", "witnessed"]


class LogHome:
    """A home and its log. Opening asks for no passphrase; `seed` and `publish` do, once a run."""

    def __init__(self, frame: Frame, settings: Settings, registry: Registry | None) -> None:
        self.frame = frame
        self.settings = settings
        self._registry = registry

    @property
    def operator(self) -> bool:
        """Whether this home made the registry and holds its key."""
        return bool(self.settings.registries) and self.settings.registries[0].operator

    @property
    def registry(self) -> Registry:
        """The home's log."""
        if self._registry is None:
            raise Unavailable("company.no_registry")
        return self._registry

    @cached_property
    def seed(self) -> Seed:
        """The seed of all keys, from the vault; asks for the passphrase."""
        return _seed_in(self.frame.home.file(KEYS), self.frame.passphrase())

    def log_signer(self) -> NoteSigner:
        """Return the signer of the registry that this home operates."""
        from konsens.records import LOG_LABEL
        from konsens.registry import NoteSigner

        return NoteSigner(self.registry.origin, self.seed.derive(LOG_LABEL))

    def signer_head(self) -> SignerHead:
        """Return what the operator remembers of what it signed last."""
        from konsens.registry import SignerHead

        return SignerHead(self.frame.home.file(SIGNED))

    def publish(self) -> SignedCheckpoint | None:
        """Sign the log as it is, if this home may; return the newest checkpoint."""
        if not self.operator or self.frame.dry_run:
            return self.registry.checkpoint()
        return self.registry.publish(self.log_signer(), at=self.frame.now(), remembered=self.signer_head())

    def publish_after(self) -> tuple[tuple[str, Mapping[str, object]], ...]:
        """Publish after an act that is done: what only keeps that waiting is a warning, not a failure."""
        try:
            self.publish()
        except (Locked, Unavailable) as error:
            return ((error.code, error.facts),)
        return ()


def cosigning_seed(frame: Frame, name: str) -> bytes:
    """Return the private key with which this home cosigns under `name`; the home is made if there is none."""
    from konsens.records import witness_label
    from konsens.registry import check_registry_origin

    check_registry_origin(name)
    if frame.home.exists:
        settings = frame.home.settings()
        if settings.kind == "customer":
            raise NotFound("home.other_kind", path=frame.home.folder, kind="company")
        return LogHome(frame, settings, None).seed.derive(witness_label(name))
    with making_keys(frame) as (draft, seed):
        draft.save(Settings(kind="operator"))
    return seed.derive(witness_label(name))


def _seed_in(path: Path, passphrase: str) -> Seed:
    from konsens.wallet.kinds import SEED
    from konsens.wallet.vault import Vault

    with Vault.open(path, passphrase) as vault:
        stored = vault.get(SEED, "seed")
    if stored is None:
        raise Damaged("company.no_keys", path=path)
    return stored.seed


@contextmanager
def making_keys(frame: Frame) -> Iterator[tuple[Home, Seed]]:
    """Give the draft of this home and the seed of its keys, which lies in a vault there before it is used.

    A run that was killed may have made a log with its seed. So that seed is taken up, under the passphrase of
    that run (`home.begun`): no log loses its key.
    """
    from konsens.records import Seed
    from konsens.wallet.kinds import SEED, StoredSeed
    from konsens.wallet.vault import Vault

    with frame.home.assemble(keep=KEYS) as draft:
        path, passphrase = draft.file(KEYS), frame.passphrase(new=True)
        if path.exists():
            try:
                seed = _seed_in(path, passphrase)
            except Locked as error:
                raise Locked("home.begun", path=path) from error
        else:
            seed = Seed.from_bytes(frame.entropy(64))
            Vault.create(path, passphrase, records=[SEED.row("seed", StoredSeed(seed.raw))]).close()
        yield draft, seed


@contextmanager
def make_log(folder: Path, origin: str, seed: Seed) -> Iterator[Registry]:
    """Make a log whose key is in the seed; it goes again if the home does not come to be.

    One that was made with this very key is taken up: the run that made it was killed before its home
    remembered it.
    """
    from konsens.records import LOG_LABEL
    from konsens.registry import NoteSigner, Registry, check_registry_origin, render_vkey

    check_registry_origin(origin)
    signer, made = NoteSigner(origin, seed.derive(LOG_LABEL)), True
    try:
        log = Registry.create(folder, origin=origin, signer=signer)
    except Conflict:
        if not _has_key(folder, render_vkey(signer.vkey)):
            raise
        log, made = Registry.open(folder), False
    try:
        yield log
    except BaseException:
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        log.close()


def _has_key(folder: Path, vkey: str) -> bool:
    from konsens.registry import Registry, render_vkey

    try:
        with Registry.open(folder) as log:
            return render_vkey(log.vkey) == vkey
    except KonsensError:
        return False


def open_log(known: RegistryPlace, folder: Path | None = None) -> Registry:
    """Open a log that the home remembers, in its own place or in `folder`, which then is a copy."""
    from konsens.registry import Place, Registry, render_vkey

    path = folder or Path(known.folder)
    try:
        registry = Registry.open(path, place=Place(known.folder, known.inode, known.born))
    except (Damaged, Locked, Unavailable):
        raise
    except KonsensError as error:
        raise Unavailable("company.log_unreachable", origin=known.origin, folder=path) from error
    if render_vkey(registry.vkey) != known.vkey:
        registry.close()
        raise NotTrusted("registry.other_key", origin=known.origin)
    return registry


def place_of(registry: Registry, *, operator: bool = False) -> RegistryPlace:
    """Return what a home remembers of an open log that it takes for its own store."""
    from konsens.registry import render_vkey

    return RegistryPlace(
        origin=registry.origin,
        vkey=render_vkey(registry.vkey),
        folder=registry.place.path,
        device=(Path(registry.place.path) / "log.sqlite").stat().st_dev,
        inode=registry.place.inode,
        born=registry.place.born,
        operator=operator,
    )


class _Headed(Protocol):
    """What an answer about a checkpoint asks of a log."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    def head_of(self, size: int) -> HeadLeaf:
        """Return the head leaf that a checkpoint of `size` entries ends with."""


def checkpoint_data(
    registry: _Headed, signed: SignedCheckpoint | None, acknowledged: Acknowledged | None = None
) -> Checkpoint:
    """Return a checkpoint as answers show it; everything but the origin is null before the first one."""
    if signed is None:
        return Checkpoint(
            origin=registry.origin, size=None, root=None, map_root=None, at=None, acknowledged=acknowledged
        )
    from konsens.encoding import format_time

    head = registry.head_of(signed.checkpoint.size)
    return Checkpoint(
        origin=registry.origin,
        size=signed.checkpoint.size,
        root=signed.checkpoint.root.hex(),
        map_root=head.map_root.hex(),
        at=format_time(head.at),
        acknowledged=acknowledged,
    )
