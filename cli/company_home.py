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
from pathlib import Path
from typing import TYPE_CHECKING

from konsens.errors import Damaged, KonsensError, Unavailable

from .frame import Frame
from .home import RegistryPlace, Settings
from .log_home import KEYS, SIGNED, LogHome, checkpoint_data, open_log, place_of

if TYPE_CHECKING:
    from konsens.consent import Company, CompanyKeys
    from konsens.did import DidDocument, KeyHistory
    from konsens.registry import Registry

__all__ = [
    "HISTORY",
    "KEYS",
    "CompanyHome",
    "checkpoint_data",
    "open_company",
    "open_log",
    "place_of",
]

HISTORY = "key-history.json"


class CompanyHome(LogHome):
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
        super().__init__(frame, settings, registry)
        self.company = company
        self.history = history
        """The key history of a did:web; None for a did:key, which speaks for itself."""

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
    def registry(self) -> Registry:
        """The company's log, or the reason why it cannot be read."""
        if self._registry is None:
            _ = self.company.ledger.logs.home  # raises that reason
        return super().registry

    # With keys.

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
        seen = 0
        try:
            seen = _signed_size(frame, settings)
        except KonsensError as reason:
            home, error = None, reason
        company = Company.open(
            frame.home.folder,
            did=settings.did or "",
            home=home,
            others=others,
            origin=settings.registries[0].origin if settings.registries else "",
            log_error=error,
            seen=seen,
            resolver=PinnedResolver(documents, then=OfflineResolver()),
            random=frame.entropy,
        )
        stack.callback(company.close)
        if frame.dry_run:
            company = company.rehearsal()
            stack.callback(company.close)
        yield CompanyHome(frame, settings, company, home, history)


def document_in(history: KeyHistory) -> DidDocument:
    """Return the DID document that a key history stands for: the keys that still speak."""
    from konsens.did import PublicKey, document_of

    keys = {
        entry.kid.partition("#")[2]: PublicKey.from_multikey(entry.public_key_multibase)
        for entry in history.keys
        if entry.until is None
    }
    return document_of(history.did, keys)


def _signed_size(frame: Frame, settings: Settings) -> int:
    """Return up to where this home has signed the log that it operates; that needs no key."""
    if not settings.registries or not settings.registries[0].operator:
        return 0
    from konsens.registry import SignerHead

    signed = SignerHead(frame.home.file(SIGNED)).load(settings.registries[0].origin)
    return signed.size if signed else 0


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
