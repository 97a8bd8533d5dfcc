"""A small vault with a cheap passphrase; and a world of one company, one log and its customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from konsens.consent import receipts_for
from konsens.consent.company import Company
from konsens.consent.decision import Decision
from konsens.consent.message import LogKey, ReceiptsMessage, RequestMessage, render_message
from konsens.consent.own import CompanyKeys
from konsens.did import (
    KeyHistory,
    LocalSigner,
    OfflineResolver,
    PrivateKey,
    did_key,
    document_of,
    kid_of,
    render_document,
)
from konsens.records import Seed, sign_label
from konsens.registry import NoteSigner, Registry, SignerHead, render_vkey
from konsens.wallet import (
    Act,
    Answer,
    Cost,
    Kind,
    Vault,
    Wallet,
    carry_out,
    create_backup,
    events_message,
    plan_grant,
    restore,
    show_request,
)

CHEAP = Cost(memory_kib=64, iterations=1, lanes=1)
START = datetime(2026, 11, 22, 10, tzinfo=UTC)
ORIGIN = "log.muster.example"
NOTICE = """
id = "newsletter"
version = "1"
jurisdiction = "DE"
[controller]
name = "Muster-Shop"
address = "Musterweg 1, 12345 Musterstadt"
contact = "datenschutz@muster.example"
dpo = "dsb@muster.example"
authority = "Die Datenschutzaufsicht des Landes"
[text]
de = "Wir schicken Ihnen unseren Newsletter. Sie können jederzeit widerrufen."
en = "We send you our newsletter. You can withdraw at any time."
[[purpose]]
code = "newsletter"
label = { de = "Newsletter", en = "Newsletter" }
dpv = "https://w3id.org/dpv#DirectMarketing"
channels = ["email", "phone"]
legal_basis = "consent"
minimum_age = 16
retention = "P2Y"
data = [{ code = "email", dpv = "https://w3id.org/dpv/pd#EmailAddress", necessary = true }]
recipients = [{ name = "Versand GmbH", role = "processor", country = "DE" }]
[[purpose]]
code = "survey"
label = { de = "Umfragen", en = "Surveys" }
dpv = "https://w3id.org/dpv#DirectMarketing"
channels = ["email"]
legal_basis = "consent"
minimum_age = 16
retention = "P1Y"
data = [{ code = "email", dpv = "https://w3id.org/dpv/pd#EmailAddress", necessary = true }]
"""


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Any record will do."""

    text: str


@pytest.fixture
def cheap() -> Cost:
    """Let a guess of the passphrase cost nothing: these tests open thousands of vaults."""
    return CHEAP


@pytest.fixture
def notes() -> Kind[Note]:
    return Kind("note", Note)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wallet.sqlite"


@pytest.fixture
def vault_of(notes: Kind[Note]) -> Callable[..., Vault]:
    """Make a vault that holds the given notes."""

    def make(path: Path, passphrase: str = "pp", **texts: str) -> Vault:
        vault = Vault.create(path, passphrase, cost=CHEAP, wait=0.05)
        with vault.write():
            for key, text in texts.items():
                vault.put(notes, key, Note(text))
        return vault

    return make


class World:
    """One company with its own log in a folder, and wallets that know that log."""

    def __init__(
        self, folder: Path, *, origin: str = ORIGIN, number: int = 0, did: str | None = None
    ) -> None:
        self.folder = folder
        self.now = START
        self.log_signer = NoteSigner(origin, bytes([7 + number]) * 32)
        self.registry = Registry.create(folder / "registry", origin=origin, signer=self.log_signer)
        self.head = SignerHead(folder / "signed-last.json")
        seed = Seed.from_bytes(bytes([number + 1]) * 64)
        key = PrivateKey.ed25519(seed.derive(sign_label(0)))
        self.did = did or did_key(key.public)
        self.signer = LocalSigner(key, f"{did}#key-1" if did else kid_of(self.did))
        self.document = (
            document_of(did, {"key-1": key.public}) if did else OfflineResolver().resolve(self.did)
        )
        self.history: KeyHistory | None = None
        self.keys = CompanyKeys(self.signer, seed)
        (folder / "shop").mkdir()
        self.company = Company.create(folder / "shop", did=self.did, home=self.registry)
        self.company.publish(self.keys, NOTICE, now=self.now)

    def wallet(self, name: str = "wallet", *, number: int = 1, **more: Any) -> Wallet:
        """Create a wallet; the same `number` is the same person."""
        seed = Seed.from_bytes(bytes([100 + number]) * 64)
        folders = [self.folder / "registry"]
        path = self.folder / f"{name}.sqlite"
        return Wallet.create(path, "pp", seed=seed, at=self.now, folders=folders, cost=CHEAP, **more)

    def device(self, wallet: Wallet, name: str = "second") -> Wallet:
        """Return another device with the same words and a backup of this one."""
        file, path = self.folder / f"{name}.backup", self.folder / f"{name}.sqlite"
        create_backup(wallet.vault, file, at=self.now)
        restore(file, "pp", path=path, cost=CHEAP)
        return Wallet.open(path, "pp")

    def ask(self, *purposes: str, **more: Any) -> bytes:
        """Return a request of the company as a file."""
        self.tick()
        request = self.company.ask(
            self.keys, notice="newsletter", purposes=purposes or ("newsletter",), now=self.now, **more
        )
        message = RequestMessage(
            request=request.jws,
            notice=self.company.notice("newsletter").jws,
            company=render_document(self.document),
            key_history=None if self.history is None else msgspec.to_builtins(self.history),
            logs=(LogKey(self.registry.origin, render_vkey(self.registry.vkey)),),
        )
        return render_message(message)

    def plan(self, wallet: Wallet, request: bytes, **more: Any) -> Answer:
        """Plan the grant of a request."""
        self.tick()
        shown = show_request(wallet, request, at=self.now)
        return plan_grant(wallet, shown, language="de", at=self.now, **({"everything": True} | more))

    def grant(self, wallet: Wallet, request: bytes, **more: Any) -> list[Act]:
        """Grant a request and give the events to the company."""
        answer = self.plan(wallet, request, **more)
        acts = carry_out(wallet, answer.plan)
        self.deliver(wallet, acts)
        return acts

    def deliver(self, wallet: Wallet, acts: list[Act]) -> None:
        """Give events to the company."""
        self.tick()
        self.company.receive(self.keys, render_message(events_message(wallet, acts)), now=self.now)

    def receipts(self, acts: list[Act], *, proof: bool = False) -> ReceiptsMessage:
        """Let the company give receipts for events."""
        events = [signed.event_hash for act in acts if (signed := act.signed)]
        if proof:
            self.publish()
        message, _ = receipts_for(self.company.ledger, self.keys, events, now=self.tick())
        return message

    def decide(self, who: str, purpose: str = "newsletter", channel: str = "email", **more: Any) -> Decision:
        """Ask the company whether it may."""
        return self.company.decide(who, purpose, channel, now=self.now, **more)

    def publish(self) -> None:
        """Let the operator publish a checkpoint."""
        self.tick()
        self.registry.publish(self.log_signer, at=self.now, remembered=self.head)

    def tick(self) -> datetime:
        """Let a second pass."""
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.company.close()
    world.registry.close()


@pytest.fixture(scope="session")
def make_world() -> Callable[[Path], World]:
    """Make a world in a folder: for laws, which need a new one for every example."""
    return World


@pytest.fixture
def wallet(world: World) -> Iterator[Wallet]:
    with world.wallet() as wallet:
        yield wallet
