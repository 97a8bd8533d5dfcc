"""Addresses can be read while their key is there, by whoever they belong to, and never after."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from konsens.consent import Address, ContactKeys
from konsens.consent.contact import addresses_of, customers_at, targets_at
from konsens.errors import Damaged, Unavailable

from .world import Customer, World

ANNA, OTTO = "did:key:anna", "did:key:otto"
MAIL = Address("email", "anna@muster.example")


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[ContactKeys]:
    keys = ContactKeys(tmp_path / "contacts.sqlite")
    yield keys
    keys.close()


@pytest.mark.parametrize("count", [1, 3, 1200])
def test_a_key_is_made_once(count: int, keys: ContactKeys) -> None:
    customers = [f"did:key:{number}" for number in range(count)]
    made = keys.make(customers)
    assert len(set(made)) == count
    assert keys.make(customers) == made
    more = keys.make([*customers, "did:key:new"])
    assert more[:-1] == made
    assert more[-1] not in made


def test_an_address_is_read_again_after_the_file_was_closed(tmp_path: Path) -> None:
    keys = ContactKeys(tmp_path / "keys")
    (key,) = keys.make([ANNA])
    body, finder = keys.seal(key, ANNA, MAIL), keys.finder("email", MAIL.address)
    assert MAIL.address.encode() not in body
    keys.close()
    again = ContactKeys(tmp_path / "keys")
    assert (again.open(ANNA, body), again.finder("email", MAIL.address)) == (MAIL, finder)
    again.close()


@pytest.mark.parametrize(
    ("whose", "at"), [(OTTO, None), (ANNA, 0), (ANNA, 20), (ANNA, -1)], ids=["other", "nonce", "text", "tag"]
)
def test_an_address_moved_or_changed_is_damaged(whose: str, at: int | None, keys: ContactKeys) -> None:
    key, _ = keys.make([ANNA, OTTO])
    body = bytearray(keys.seal(key, ANNA, MAIL))
    if at is not None:
        body[at] ^= 1
    with pytest.raises(Damaged) as refused:
        keys.open(whose, bytes(body))
    assert refused.value.code == "contact.damaged"


def test_what_is_erased_stays_erased(keys: ContactKeys, tmp_path: Path) -> None:
    key, other = keys.make([ANNA, OTTO])
    body, kept = keys.seal(key, ANNA, MAIL), keys.seal(other, OTTO, MAIL)
    keys.destroy(ANNA)
    with pytest.raises(Damaged) as refused:
        keys.open(ANNA, body)
    assert refused.value.code == "contact.erased"
    assert keys.open(OTTO, kept) == MAIL
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key not in left
    assert other in left


def test_what_is_rehearsed_does_not_reach_the_file(keys: ContactKeys) -> None:
    (key,) = keys.make([ANNA])
    body, copy = keys.seal(key, ANNA, MAIL), keys.in_memory()
    (new,) = copy.make([OTTO])
    copy.destroy(ANNA)
    copy.close()
    assert keys.open(ANNA, body) == MAIL
    assert keys.make([OTTO]) != [new]


@pytest.mark.parametrize("there", ["a folder", "a text"])
def test_a_file_that_cannot_hold_keys_is_named(there: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    if there == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"no database " * 500)
    with pytest.raises(Unavailable) as refused:
        ContactKeys(path)
    assert refused.value.code == "contact.keys"


def test_an_address_leads_to_its_customer_and_back(world: World, anna: Customer) -> None:
    target, contact = anna.target("anna@muster.example")
    world.receive(anna.give(world.publish(), target=target), contacts=(contact,))
    db, keys = world.shop.ledger.db, world.shop.ledger.contacts
    assert customers_at(db, keys, "email", "ANNA@muster.example") == (anna.did,)
    assert customers_at(db, keys, "email", "otto@muster.example") == ()
    assert [one.address for one in addresses_of(db, keys, anna.did, "email")] == ["anna@muster.example"]
    assert targets_at(db, keys, anna.did, "email", "Anna@muster.example") == {target}
    assert targets_at(db, keys, anna.did, "email", "no address") == frozenset()


def test_a_disk_that_is_full_is_named_and_leaves_no_key(tmp_path: Path) -> None:
    keys = ContactKeys(tmp_path / "keys")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))
    try:
        with pytest.raises(Unavailable) as refused:
            keys.make([f"ref:{number}" for number in range(3000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.code in ("book.storage", "book.disk_full")
    assert len(set(keys.make([f"ref:{number}" for number in range(3000)]))) == 3000
    keys.close()
