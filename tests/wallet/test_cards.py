"""Cards: receipts checked against everything they name, credentials held, questions answered sparingly."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from konsens.consent import Pinned, render_message
from konsens.consent.message import ReceiptsMessage
from konsens.credentials import (
    CredentialMessage,
    MemoryNonces,
    QuestionMessage,
    ask,
    ask_for,
    issue,
    verify_answer,
)
from konsens.credentials import render_message as render
from konsens.did import (
    HistoryEntry,
    KeyHistory,
    LocalSigner,
    OfflineResolver,
    PrivateKey,
    did_key,
    document_of,
    kid_of,
    render_document,
)
from konsens.errors import InputError, KonsensError, NotFound, NotTrusted, VerificationError
from konsens.registry import PublicLeaf
from konsens.wallet import (
    Wallet,
    carry_out,
    events_message,
    history,
    import_cards,
    insist,
    list_cards,
    list_consents,
    plan_sharing,
    plan_withdrawal,
    remove_card,
    share,
    show_card,
)
from konsens.wallet.kinds import COMPANY_EVENT, USE

World = Any  # the fixture of conftest.py
MEMBER = "urn:example:membership"


@pytest.mark.parametrize("proof", [False, True])
def test_a_receipt_is_checked_and_kept_with_the_companys_own_event(
    world: World, wallet: Wallet, proof: bool
) -> None:
    acts = world.grant(wallet, world.ask(channels=["email"]))
    message = world.receipts(acts, proof=proof)
    [card] = import_cards(wallet, render_message(message), at=world.now)
    assert (card.type, card.issuer, card.status) == ("urn:konsens:receipt:1", world.did, "valid")
    assert card.subject == wallet.identities()[1].did
    [theirs] = wallet.vault.list(COMPANY_EVENT).values()
    assert (theirs.proof is not None) is proof
    assert [entry.type for entry in history(wallet)] == ["opened", "given", "countersigned"]


def test_taking_in_the_same_receipts_twice_changes_nothing(world: World, wallet: Wallet) -> None:
    message = render_message(world.receipts(world.grant(wallet, world.ask())))
    first = import_cards(wallet, message, at=world.now)
    assert import_cards(wallet, message, at=world.now) == first
    assert len(list_cards(wallet, at=world.now)) == 2


def test_what_a_receipt_confirmed_is_not_delivered_again(world: World, wallet: Wallet) -> None:
    acts = world.grant(wallet, world.ask(channels=["email"]))
    import_cards(wallet, render_message(world.receipts(acts)), at=world.now)
    [act] = insist(wallet, lambda: plan_withdrawal(wallet, at=world.tick(), company=world.did))
    assert len(events_message(wallet, [act]).events) == 1


def test_a_withdrawal_has_its_receipt_too(world: World, wallet: Wallet) -> None:
    world.grant(wallet, world.ask(channels=["email"]))
    acts = insist(wallet, lambda: plan_withdrawal(wallet, at=world.tick(), company=world.did))
    world.deliver(wallet, acts)
    [card] = import_cards(wallet, render_message(world.receipts(acts)), at=world.now)
    _, held = show_card(wallet, card.card[:8], at=world.now)
    assert held.claims["state"] == "withdrawn"


def test_a_courier_withdrawal_that_a_receipt_brings_ends_the_consent_here_too(
    world: World, wallet: Wallet
) -> None:
    acts = world.grant(wallet, world.ask(channels=["email"]))
    message = world.receipts(acts)
    world.company.withdraw(
        world.keys, wallet.identities()[1].did, purpose="newsletter", method="letter", now=world.tick()
    )
    [row] = world.company.ledger.db.execute("SELECT hash FROM event WHERE type = 'withdrawn'").fetchall()
    stored = world.company.ledger.book.event(row[0])
    from konsens.encoding import b64u_encode

    text = msgspec.structs.replace(
        message.receipts[0],
        event=stored.text,
        salt=b64u_encode(stored.salt),
        leaf=b64u_encode(stored.leaf),
        leaf_index=stored.leaf_index,
    )
    import_cards(wallet, render_message(ReceiptsMessage(receipts=(text,))), at=world.now)
    [record] = list_consents(wallet, at=world.now)
    assert record.state == "withdrawn"


def other_leaf(text: Any) -> Any:
    return msgspec.structs.replace(text, leaf_index=text.leaf_index + 1)


def other_salt(text: Any) -> Any:
    return msgspec.structs.replace(text, salt="A" * 43)


def cut_credential(text: Any) -> Any:
    return msgspec.structs.replace(text, credential=text.credential[:-9] + "AAAAAAAA~")


def no_proof_at_all(text: Any) -> Any:
    return msgspec.structs.replace(text, proof="c2sp.org/tlog-proof@v1\n")


@pytest.mark.parametrize(
    ("tamper", "codes"),
    [
        (other_leaf, {"anchor.index", "wallet.receipt_company_event"}),
        (other_salt, {"commitment.mismatch"}),
        (cut_credential, {"credential.signature", "signature.invalid"}),
        (no_proof_at_all, {"proof.format", "proof.form", "input.format"}),
    ],
)
def test_a_receipt_with_something_wrong_is_refused_and_nothing_is_kept(
    world: World, wallet: Wallet, tamper: Callable[[Any], Any], codes: set[str]
) -> None:
    message = world.receipts(world.grant(wallet, world.ask()), proof=True)
    changed = ReceiptsMessage(receipts=(message.receipts[0], tamper(message.receipts[1])))
    with pytest.raises(KonsensError) as refused:
        import_cards(wallet, render_message(changed), at=world.now)
    assert refused.value.code in codes
    assert list_cards(wallet, at=world.now) == []


def test_a_receipt_for_somebody_else_is_refused(world: World, wallet: Wallet) -> None:
    with world.wallet("other", number=2) as other:
        message = render_message(world.receipts(world.grant(other, world.ask(channels=["email"]))))
        world.grant(wallet, world.ask(channels=["email"]))
        with pytest.raises(VerificationError) as refused:
            import_cards(wallet, message, at=world.now)
    assert refused.value.code == "wallet.not_my_card"


def test_a_receipt_by_a_company_that_was_never_met_is_not_trusted(world: World, wallet: Wallet) -> None:
    with world.wallet("other", number=2) as other:
        message = render_message(world.receipts(world.grant(other, world.ask(channels=["email"]))))
    with pytest.raises(NotTrusted):
        import_cards(wallet, message, at=world.now)


def test_a_receipt_that_lies_about_an_event_of_ours_is_refused(world: World, wallet: Wallet) -> None:
    acts = world.grant(wallet, world.ask(channels=["email"]))
    message = world.receipts(acts)
    identity, given = wallet.identities()[1], acts[-1].signed
    assert given is not None
    lie = issue(
        {
            "matter": msgspec.to_builtins(given.event.matter),
            "state": "given",
            "since": "2026-11-22T10:00:00Z",
            "until": None,
            "notice": None,
            "events": [
                {
                    "event": given.event_hash,
                    "type": "given",
                    "seq": 0,
                    "at": "2026-11-22T10:00:00Z",
                    "origin": "log.muster.example",
                    "leaf_index": 77,
                }
            ],
        },
        vct="urn:konsens:receipt:1",
        issuer=world.signer,
        at=world.now,
        entropy=secrets.token_bytes,
        holder=wallet.public_key(identity),
        subject=identity.did,
        conceal_only=(),
    )
    text = msgspec.structs.replace(message.receipts[0], credential=lie)
    with pytest.raises(VerificationError) as refused:
        import_cards(wallet, render_message(ReceiptsMessage(receipts=(text,))), at=world.now)
    assert refused.value.code == "wallet.receipt_event"


def membership(world: World, wallet: Wallet, **claims: Any) -> bytes:
    """Return a membership card of the company for this wallet's first DID."""
    text = issue(
        {"level": "gold", "birthdate": "1963-08-12", "age_over_18": True} | claims,
        vct=MEMBER,
        issuer=world.signer,
        at=world.now,
        expires_at=world.now + timedelta(days=365),
        entropy=secrets.token_bytes,
        holder=wallet.public_key(wallet.identities()[0]),
        subject=wallet.identities()[0].did,
    )
    return render(CredentialMessage(credential=text))


def question(world: World, *claims: str, vct: str = MEMBER, signer: Any = None) -> tuple[Any, bytes]:
    asked, jws = ask(
        ask_for(vct, list(claims)),
        signer=signer or world.signer,
        at=world.now,
        expires_at=world.now + timedelta(hours=24),
        entropy=secrets.token_bytes,
    )
    document = render_document(OfflineResolver().resolve((signer or world.signer).kid.partition("#")[0]))
    return asked, render(QuestionMessage(question=jws, company=document, key_history=None))


def test_a_credential_is_held_listed_shown_and_removed(world: World, wallet: Wallet) -> None:
    [card] = import_cards(wallet, membership(world, wallet), at=world.now)
    assert (card.type, card.status, card.issuer) == (MEMBER, "valid", world.did)
    assert set(card.claims) == {"level", "birthdate", "age_over_18"}
    assert list_cards(wallet, at=world.now) == [card]
    view, held = show_card(wallet, card.card[:6], at=world.now)
    assert (view, held.claims["level"]) == (card, "gold")
    assert remove_card(wallet, card.card, at=world.now) == card
    assert list_cards(wallet, at=world.now) == []


@pytest.mark.parametrize("name", ["", "ffffff", "ff"])
def test_a_card_that_is_not_there_is_named(world: World, wallet: Wallet, name: str) -> None:
    import_cards(wallet, membership(world, wallet), at=world.now)
    with pytest.raises(NotFound) as refused:
        show_card(wallet, name, at=world.now)
    assert refused.value.code == "wallet.card_unknown"


def test_an_expired_card_says_so(world: World, wallet: Wallet) -> None:
    import_cards(wallet, membership(world, wallet), at=world.now)
    [card] = list_cards(wallet, at=world.now + timedelta(days=400))
    assert card.status == "expired"


def test_somebody_elses_card_is_refused(world: World, wallet: Wallet) -> None:
    with world.wallet("other", number=2) as other, pytest.raises(VerificationError) as refused:
        import_cards(wallet, membership(world, other), at=world.now)
    assert refused.value.code == "wallet.not_my_card"


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"type":"konsens/request","v":1}'])
def test_another_sort_of_file_is_refused(wallet: Wallet, world: World, data: bytes) -> None:
    with pytest.raises(InputError) as refused:
        import_cards(wallet, data, at=world.now)
    assert refused.value.code == "input.wrong_type"


def test_a_question_is_answered_with_as_little_as_answers_it(world: World, wallet: Wallet) -> None:
    [card] = import_cards(wallet, membership(world, wallet), at=world.now)
    asked, data = question(world, "age_over_18")
    sharing = plan_sharing(wallet, data, at=world.now)
    assert (sharing.cards, sharing.shown, set(sharing.withheld)) == (
        (card.card,),
        ("age_over_18",),
        {"level", "birthdate"},
    )
    assert wallet.vault.list(USE) == {}
    answer = share(wallet, sharing, at=world.now)
    nonces = MemoryNonces()
    nonces.issue(asked.nonce)
    verified = verify_answer(
        answer,
        asked,
        trust={MEMBER: [world.did]},
        resolve=OfflineResolver(),
        at=world.now,
        nonces=nonces,
    )
    [shown] = verified.credentials["credential"]
    assert (shown.claims["age_over_18"], "birthdate" in shown.claims) == (True, False)
    [use] = wallet.vault.list(USE).values()
    assert (use.to, use.shown) == (world.did, ("age_over_18",))


def test_a_second_answer_to_one_question_is_warned_of(world: World, wallet: Wallet) -> None:
    import_cards(wallet, membership(world, wallet), at=world.now)
    _, data = question(world, "level")
    share(wallet, plan_sharing(wallet, data, at=world.now), at=world.now)
    assert plan_sharing(wallet, data, at=world.now).warnings == ("question.answered_before",)
    _, other = question(world, "level")
    assert plan_sharing(wallet, other, at=world.now).warnings == ()


def test_only_withholds_what_is_not_named(world: World, wallet: Wallet) -> None:
    import_cards(wallet, membership(world, wallet), at=world.now)
    _, data = question(world, "level", "birthdate")
    with pytest.raises(KonsensError) as refused:
        plan_sharing(wallet, data, at=world.now, only=["level"])
    assert refused.value.code == "dcql.only"


def test_a_question_that_no_card_answers_is_named(world: World, wallet: Wallet) -> None:
    _, data = question(world, "level")
    with pytest.raises(NotFound) as refused:
        plan_sharing(wallet, data, at=world.now)
    assert refused.value.code == "dcql.no_match"


def test_the_first_question_of_a_stranger_is_a_warning_and_no_error(world: World, wallet: Wallet) -> None:
    import_cards(wallet, membership(world, wallet), at=world.now)
    stranger = PrivateKey.ed25519(bytes(32))
    did = did_key(stranger.public)
    _, data = question(world, "level", signer=LocalSigner(stranger, kid_of(did)))
    assert plan_sharing(wallet, data, at=world.now).warnings == ("company.first_contact",)


def test_no_canary_of_a_card_or_an_address_is_in_any_file(world: World, wallet: Wallet) -> None:
    import_cards(wallet, membership(world, wallet, nickname="canarynick"), at=world.now)
    plan = world.plan(wallet, world.ask(channels=["email"]), addresses={"email": "canary@example.org"}).plan
    carry_out(wallet, plan)
    mine = b"".join(file.read_bytes() for file in world.folder.glob("wallet.sqlite*"))
    mine += b"".join(file.read_bytes() for file in (world.folder / "registry").iterdir())
    for canary in (b"canary", b"newsletter", world.did.encode(), wallet.identities()[1].did.encode()):
        assert canary not in mine, canary


WEB = "did:web:muster.example"


def asked_by_the_web(world: World, *, added: PrivateKey | None = None) -> tuple[bytes, KeyHistory]:
    """A question of a did:web; somebody may have added a key to its document on the way."""
    key = world.signer.key
    first = HistoryEntry(f"{WEB}#key-1", key.public.multikey, "2026-11-22T00:00:00Z", None)
    told = KeyHistory(v=1, did=WEB, keys=(first,))
    keys = {"key-1": key.public} | ({} if added is None else {"key-2": added.public})
    _, jws = ask(
        ask_for(MEMBER, ["level"]),
        signer=LocalSigner(key, f"{WEB}#key-1"),
        at=world.now,
        expires_at=world.now + timedelta(hours=24),
        entropy=secrets.token_bytes,
    )
    company = render_document(document_of(WEB, keys))
    message = QuestionMessage(question=jws, company=company, key_history=msgspec.to_builtins(told))
    return render(message), told


def test_a_question_of_a_did_web_is_answered_once_a_log_holds_its_keys(world: World, wallet: Wallet) -> None:
    import_cards(wallet, membership(world, wallet), at=world.now)
    data, told = asked_by_the_web(world)
    forged, _ = asked_by_the_web(world, added=PrivateKey.ed25519(bytes(32)))
    for unknown in (data, forged):
        with pytest.raises(NotTrusted) as refused:
            plan_sharing(wallet, unknown, at=world.now)
        assert refused.value.code == "company.key_unanchored"
    world.registry.append([PublicLeaf(told.digest)])
    sharing = plan_sharing(wallet, data, at=world.now)
    with pytest.raises(NotTrusted):
        plan_sharing(wallet, forged, at=world.now)
    share(wallet, sharing, at=world.now)
    assert wallet.pinned(WEB) == Pinned(document_of(WEB, {"key-1": world.signer.key.public}), told)
