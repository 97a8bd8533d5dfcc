"""A company that is a did:web and changed its key: old events stay good, strangers' keys never do."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from konsens.consent import Company, CompanyKeys, read_request, render_message
from konsens.did import (
    DidDocument,
    HistoryEntry,
    KeyHistory,
    LocalSigner,
    OfflineResolver,
    PinnedResolver,
    PrivateKey,
    document_of,
    render_document,
)
from konsens.encoding import format_time, sha256
from konsens.errors import Unavailable
from konsens.records import Seed
from konsens.registry import NoteSigner, PublicLeaf, Registry, SignerHead, render_vkey
from konsens.trail import Desk, Identity, Query, Trust, TrustedCompany, TrustFile, export, verify

from ..consent.world import NEWSLETTER, ORIGIN, START, Customer, World
from .forge import Files, resign, unpack

DID = "did:web:muster.example"
OLD, NEW = PrivateKey.ed25519(b"1" * 32), PrivateKey.ed25519(b"2" * 32)
CHANGED = START + timedelta(days=1)


def history() -> KeyHistory:
    first = HistoryEntry(f"{DID}#k1", OLD.public.multikey, format_time(START), format_time(CHANGED))
    second = HistoryEntry(f"{DID}#k2", NEW.public.multikey, format_time(CHANGED), None)
    return KeyHistory(1, DID, (first, second))


def document() -> DidDocument:
    return document_of(DID, {"k1": OLD.public, "k2": NEW.public})


class WebShop(World):
    """The shop of the consent tests as a did:web."""

    def make_shop(self, name: str) -> tuple[Company, CompanyKeys, str]:
        home = self.folder / name
        home.mkdir()
        company = Company.create(home, did=DID, home=self.registry)
        company.ledger.resolver = PinnedResolver([document()], then=OfflineResolver())
        return company, CompanyKeys(LocalSigner(OLD, f"{DID}#k1"), Seed.from_bytes(bytes(64))), DID

    def change_key(self) -> None:
        self.clock.now = CHANGED
        self.keys = msgspec.structs.replace(self.keys, signer=LocalSigner(NEW, f"{DID}#k2"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebShop]:
    made = WebShop(tmp_path_factory.mktemp("web"))
    made.registry.append([PublicLeaf(history().digest)])
    notice = made.publish()
    for name in ("anna", "bert"):
        customer = Customer.new(made, name)
        made.receive(customer.open(), customer.give(notice, made.ask()), ref=name)
        made.change_key()
    yield made
    made.close()


def bundle(shop: WebShop) -> bytes:
    out = io.BytesIO()
    desk = Desk(
        company=shop.shop,
        name="Muster-Shop",
        log=shop.registry,
        identity=Identity(shop.keys.signer, document(), history()),
        checkpoint=lambda: shop.registry.publish(shop.log_signer, at=shop.now, remembered=shop.head),
    )
    export(desk, Query(), kind="bundle", out=out, now=shop.now)
    return out.getvalue()


def trust(shop: WebShop, *keys: PrivateKey) -> Trust:
    policy = f"log {render_vkey(shop.registry.vkey)}\nquorum none\n"
    company = TrustedCompany(did=DID, keys=tuple(key.public.multikey for key in keys))
    return Trust((TrustFile(v=1, policy=policy, company=(company,)),))


def test_events_under_both_keys_verify(shop: WebShop) -> None:
    report = verify(bundle(shop), trust(shop, OLD, NEW), at=shop.now)
    assert report.errors == ()
    assert report.signer == DID


@pytest.mark.parametrize("known", [(), (NEW,), (OLD,)], ids=["no key", "only the new", "only the old"])
def test_a_key_that_the_verifier_does_not_list_counts_for_nothing(
    shop: WebShop, known: tuple[PrivateKey, ...]
) -> None:
    report = verify(bundle(shop), trust(shop, *known), at=shop.now)
    assert "trust.company_key" in report.failed
    assert report.errors[0].exit_code == 10


def test_the_keys_in_the_bundle_are_not_believed(shop: WebShop) -> None:
    """Document and history name a third key, with which all is signed again."""
    thief = PrivateKey.ed25519(b"3" * 32)
    files = unpack(bundle(shop))
    name = f"dids/{sha256(DID.encode()).hex()}"
    entry = HistoryEntry(f"{DID}#k3", thief.public.multikey, format_time(CHANGED), None)
    files[f"{name}.history.json"] = KeyHistory(1, DID, (*history().keys, entry)).render()
    report = verify(resign(files, LocalSigner(thief, f"{DID}#k3")), trust(shop, OLD, NEW), at=shop.now)
    assert report.failed == ("trust.company_key", "bundle.keys_unanchored")


def test_an_old_key_speaks_only_for_its_time(shop: WebShop) -> None:
    """Whoever stole the old key cannot sign a manifest of today with it."""
    files = unpack(bundle(shop))
    report = verify(resign(files, LocalSigner(OLD, f"{DID}#k1")), trust(shop, OLD, NEW), at=shop.now)
    assert report.failed == ("bundle.manifest_signature",)


def test_a_history_of_somebody_else_is_no_history(shop: WebShop, tmp_path: Path) -> None:
    files = unpack(bundle(shop))
    name = f"dids/{sha256(DID.encode()).hex()}.history.json"
    files[name] = files[name].replace(b"muster.example", b"master.example")
    report = verify(resign(files, shop.keys.signer), trust(shop, OLD, NEW), at=shop.now)
    assert not report.ok
    assert report.errors[0].exit_code == 6


NAME = f"dids/{sha256(DID.encode()).hex()}.history"


def backdate(files: Files) -> None:
    """The company says that its new key spoke a year earlier; the log holds another history."""
    files[f"{NAME}.json"] = files[f"{NAME}.json"].replace(b'"from":"2026', b'"from":"2025')


def leave_out_the_proof(files: Files) -> None:
    del files[f"{NAME}.tlog-proof"]


def leave_out_the_history(files: Files) -> None:
    """The document alone does not tell which key spoke when."""
    del files[f"{NAME}.json"], files[f"{NAME}.tlog-proof"]


def prove_something_else(files: Files) -> None:
    files[f"{NAME}.tlog-proof"] = next(data for name, data in files.items() if name.startswith("proofs/"))


def rest_on_another_checkpoint(files: Files) -> None:
    """The same log, but a checkpoint that the bundle does not show."""
    files[f"{NAME}.tlog-proof"] = files["old"]


@pytest.mark.parametrize(
    "lie",
    [
        backdate,
        leave_out_the_proof,
        leave_out_the_history,
        prove_something_else,
        rest_on_another_checkpoint,
    ],
)
def test_a_history_that_is_not_proven_to_be_in_the_log_is_named(
    shop: WebShop, lie: Callable[[Files], None]
) -> None:
    old = unpack(bundle(shop))[f"{NAME}.tlog-proof"]
    shop.registry.append([PublicLeaf(sha256(lie.__name__.encode()))])
    files = unpack(bundle(shop)) | {"old": old}
    lie(files)
    del files["old"]
    report = verify(resign(files, shop.keys.signer), trust(shop, OLD, NEW), at=shop.now)
    assert "bundle.keys_unanchored" in report.failed
    assert report.errors[0].exit_code == 6


def test_a_history_in_another_log_is_not_in_ours(shop: WebShop, tmp_path: Path) -> None:
    """Its proof is right, and about a log that nobody vouched for."""
    signer = NoteSigner("log.elsewhere.example", bytes(32))
    with Registry.create(tmp_path / "log", origin="log.elsewhere.example", signer=signer) as log:
        [index] = log.append([PublicLeaf(history().digest)])
        log.publish(signer, at=shop.now, remembered=SignerHead(tmp_path / "last.json"))
        files = unpack(bundle(shop))
        files[f"{NAME}.tlog-proof"] = log.prove_inclusion(index).encode()
        theirs = Trust((*trust(shop, OLD, NEW).files, *_trusting(log).files))
    made = resign(files, shop.keys.signer)
    assert verify(made, trust(shop, OLD, NEW), at=shop.now).failed == ("trust.log",)
    # Trusted or not: the bundle shows no checkpoint of that log.
    assert verify(made, theirs, at=shop.now).failed == ("bundle.file_missing",)


def _trusting(log: Registry) -> Trust:
    policy = f"log {render_vkey(log.vkey)}\nquorum none\n"
    return Trust((TrustFile(v=1, policy=policy),))


def test_nothing_is_exported_with_a_history_that_the_log_does_not_hold(tmp_path: Path) -> None:
    shop = WebShop(tmp_path)
    notice = shop.publish()
    anna = Customer.new(shop, "anna")
    shop.receive(anna.open(), anna.give(notice, shop.ask()), ref="anna")
    with pytest.raises(Unavailable) as unproven:
        bundle(shop)
    assert unproven.value.code == "trail.keys_unanchored"
    shop.close()


def test_words_in_force_before_the_key_was_are_still_the_companys(tmp_path: Path) -> None:
    """A notice does not say when it was signed: the day from which it is in force may lie before the key."""
    shop = WebShop(tmp_path)
    shop.registry.append([PublicLeaf(history().digest)])
    notice = shop.publish(f'valid_from = "2020-01-01T00:00:00Z"\n{NEWSLETTER}')
    anna = Customer.new(shop, "anna")
    shop.receive(anna.open(), anna.give(notice, shop.ask()), ref="anna")
    assert verify(bundle(shop), trust(shop, OLD), at=shop.now).errors == ()
    shop.change_key()
    message = shop.shop.message_for(
        shop.ask(), vkeys={ORIGIN: render_vkey(shop.registry.vkey)}, key_history=history()
    )
    only_new = render_document(document_of(DID, {"k2": NEW.public}))
    data = render_message(msgspec.structs.replace(message, company=only_new))
    assert read_request(data, at=shop.now).notice == notice
    shop.close()
