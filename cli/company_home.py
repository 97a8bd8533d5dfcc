"""A company's home, opened: its book and its log without any key, and its keys for what must be signed.

    with open_company(frame) as shop:
        decision = shop.company.decide(who, purpose, channel, now=frame.now())
        shop.company.publish(shop.keys(), toml, now=frame.now())

What lies in the folder: `konsens.json` (settings), `book.sqlite`, `contacts.sqlite`, `keys.sqlite` (the
vault), for a did:web `key-history.json`, and at the registry's operator `signed.json`, what was signed last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from konsens.errors import Damaged

from .frame import Frame
from .home import Settings
from .log_home import KEYS, LogHome, checkpoint_data, open_log, place_of

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
def open_company(frame: Frame, *, bulk: bool = False) -> Iterator[CompanyHome]:
    """Open the company's home of this run; a log out of reach shows when it is asked.

    What `--registry` or `KONSENS_REGISTRY` names stands in for the places that the home remembers. With
    `bulk` what is known of a served log may be a day old.
    """
    from konsens.consent import open_home
    from konsens.consent.served import BULK, ONLINE, Service
    from konsens.registry import Registry

    settings = frame.home.settings("company")
    with ExitStack() as stack:
        service = Service(member=lambda: shop.keys().signer, max_age=BULK if bulk else ONLINE, now=frame.now)
        home = open_home(frame.home.folder, folders=frame.registries, random=frame.entropy, service=service)
        company = stack.enter_context(home)
        log = company.ledger.logs.home if company.ledger.logs.error is None else None
        if frame.dry_run:
            company = company.rehearsal()
            stack.callback(company.close)
        registry = log if isinstance(log, Registry) else None
        shop = CompanyHome(frame, settings, company, registry, _history(frame))
        yield shop


def _history(frame: Frame) -> KeyHistory | None:
    path = frame.home.file(HISTORY)
    if not path.exists():
        return None
    from konsens.did import KeyHistory

    return KeyHistory.parse(frame.read(path))
