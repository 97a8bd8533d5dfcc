"""A company's home, opened: its book and its log without any key, and its keys for what must be signed.

    with open_company(frame) as shop:
        decision = shop.company.decide(who, purpose, channel, now=frame.now())
        shop.company.publish(shop.keys(), toml, now=frame.now())

What lies in the folder: `konsens.json` (settings), `book.sqlite`, `contacts.sqlite`, `keys.sqlite` (the
vault), for a did:web `key-history.json`, and at the registry's operator `signed.json`, what was signed last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from konsens.errors import Damaged, KonsensError, Locked, NotTrusted, Unavailable

from .answers import Checkpoint
from .frame import Frame
from .home import RegistryPlace, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konsens.consent import Company, CompanyKeys
    from konsens.did import DidDocument, KeyHistory
    from konsens.records import Seed
    from konsens.registry import NoteSigner, Registry, SignedCheckpoint, SignerHead

__all__ = [
    "HISTORY",
    "KEYS",
    "SIGNED",
    "CompanyHome",
    "checkpoint_data",
    "open_company",
    "open_log",
    "place_of",
]

KEYS, HISTORY, SIGNED = "keys.sqlite", "key-history.json", "signed.json"

Acknowledged = Literal["sequenced", "checkpointed", "witnessed"]


class CompanyHome:
    """One company at work.

    - Opening asks for no passphrase; `keys` and `publish` do, once a run.
    - Another folder than the one that the home remembers is a copy of the log: it proves the past only.
    - With `--dry-run` every verb works on a copy of the book in memory, and no log is written.
    """

    def __init__(
        self,
        frame: Frame,
        settings: Settings,
        company: Company,
        registry: Registry | None,
        history: KeyHistory | None,
    ) -> None:
        self.frame = frame
        self.settings = settings
        self.company = company
        self.history = history
        """The key history of a did:web; None for a did:key, which speaks for itself."""
        self._registry = registry

    @property
    def did(self) -> str:
        """The company's DID."""
        return self.company.ledger.did

    @property
    def name(self) -> str:
        """Its name."""
        return self.settings.name or self.did

    @property
    def document(self) -> DidDocument:
        """Its DID document, as requests and questions carry it."""
        return self.company.ledger.resolver.resolve(self.did)

    @property
    def operator(self) -> bool:
        """Whether this home made the registry and holds its key."""
        return bool(self.settings.registries) and self.settings.registries[0].operator

    @property
    def registry(self) -> Registry:
        """The company's log, or the reason why it cannot be read."""
        if self._registry is None:
            _ = self.company.ledger.logs.home  # raises that reason
            raise Unavailable("company.no_registry")
        return self._registry

    # With keys.

    @cached_property
    def seed(self) -> Seed:
        """The seed of all keys, from the vault; asks for the passphrase."""
        from konsens.wallet.kinds import SEED
        from konsens.wallet.vault import Vault

        path = self.frame.home.file(KEYS)
        with Vault.open(path, self.frame.passphrase()) as vault:
            stored = vault.get(SEED, "seed")
        if stored is None:
            raise Damaged("company.no_keys", path=path)
        return stored.seed

    def keys(self) -> CompanyKeys:
        """Return what the company signs with."""
        from konsens.consent import CompanyKeys
        from konsens.did import LocalSigner, PrivateKey
        from konsens.records import sign_label

        key = PrivateKey.ed25519(self.seed.derive(sign_label(0)))
        kid = next((relation.kid for relation in self.document.relations if relation.key == key.public), "")
        if not kid:
            raise Damaged("company.no_keys", path=self.frame.home.file(KEYS))
        return CompanyKeys(LocalSigner(key, kid), self.seed)

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


@contextmanager
def open_company(frame: Frame) -> Iterator[CompanyHome]:
    """Open the company's home of this run; a log out of reach shows when it is asked."""
    from konsens.consent import Company
    from konsens.did import OfflineResolver, PinnedResolver

    settings = frame.home.settings("company")
    history = _history(frame)
    documents = [] if history is None else [document_in(history)]
    with ExitStack() as stack:
        home, others, error = _open_logs(settings.registries, frame.registries)
        for log in (*([home] if home else []), *others):
            stack.callback(log.close)
        company = Company.open(
            frame.home.folder,
            did=settings.did or "",
            home=home,
            others=others,
            origin=settings.registries[0].origin if settings.registries else "",
            log_error=error,
            resolver=PinnedResolver(documents, then=OfflineResolver()),
            random=frame.entropy,
        )
        stack.callback(company.close)
        if frame.dry_run:
            company = company.rehearsal()
            stack.callback(company.close)
        yield CompanyHome(frame, settings, company, home, history)


def open_log(known: RegistryPlace, folder: Path | None = None) -> Registry:
    """Open a log that the home remembers, in its own place or in `folder`, which then is a copy."""
    from konsens.registry import Place, Registry, render_vkey

    path = folder or Path(known.folder)
    try:
        registry = Registry.open(path, place=Place(known.folder, known.inode))
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
        operator=operator,
    )


def document_in(history: KeyHistory) -> DidDocument:
    """Return the DID document that a key history stands for: the keys that still speak."""
    from konsens.did import PublicKey, document_of

    keys = {
        entry.kid.partition("#")[2]: PublicKey.from_multikey(entry.public_key_multibase)
        for entry in history.keys
        if entry.until is None
    }
    return document_of(history.did, keys)


def checkpoint_data(
    registry: Registry, signed: SignedCheckpoint | None, acknowledged: Acknowledged | None = None
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


def _history(frame: Frame) -> KeyHistory | None:
    path = frame.home.file(HISTORY)
    if not path.exists():
        return None
    from konsens.did import KeyHistory

    return KeyHistory.parse(frame.read(path))


def _open_logs(
    known: Sequence[RegistryPlace], named: Sequence[Path]
) -> tuple[Registry | None, list[Registry], KonsensError | None]:
    """Return the home log or why it cannot be read, and the others that can.

    The first folder that `--registry` or `KONSENS_REGISTRY` names stands in for the home log's own.
    """
    if not known:
        return None, [], Unavailable("company.no_registry")
    home, error = None, None
    try:
        home = open_log(known[0], named[0] if named else None)
    except KonsensError as reason:
        error = reason
    others = []
    for place, folder in zip(known[1:], [*named[1:], *([None] * len(known))], strict=False):
        try:
            others.append(open_log(place, folder))
        except KonsensError:
            continue  # whoever asks it for something is told then
    return home, others, error
