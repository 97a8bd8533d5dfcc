"""One seed and the keys from it: what is taken for 24 words, and that no two labels share a key."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import InputError
from konsens.records import (
    LOG_LABEL,
    Seed,
    bare_label,
    claim_key,
    company_record_label,
    company_seal_label,
    did_label,
    event_salt,
    record_label,
    seal_label,
    sign_label,
    target_label,
)
from tests.records.parties import WORDS

SEED = Seed.from_words(WORDS)
NUMBERS = st.integers(0, 10**6)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(WORDS.split(), id="as a list"),
        pytest.param(WORDS.upper(), id="in capitals"),
        pytest.param("  " + WORDS.replace(" ", "\t \n") + " \n", id="with other white space"),
        pytest.param("".join(chr(ord(c) + 0xFEE0) if c != " " else "\u3000" for c in WORDS), id="full width"),
    ],
)
def test_words_are_taken_as_people_write_them(words: str | list[str]) -> None:
    assert Seed.from_words(words) == SEED


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("", id="none"),
        pytest.param("abandon " * 23, id="23"),
        pytest.param("abandon " * 11 + "about", id="12, though their checksum is right"),
        pytest.param("abandon " * 24, id="wrong checksum"),
        pytest.param("abandon " * 23 + "kunst", id="no word of the list"),
        pytest.param(("art " + "abandon " * 23), id="another order"),
    ],
)
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(InputError) as caught:
        Seed.from_words(words)
    assert caught.value.code == "seed.words"


@pytest.mark.parametrize("size", [0, 16, 32, 63, 65])
def test_a_seed_has_64_bytes(size: int) -> None:
    with pytest.raises(InputError) as caught:
        Seed.from_bytes(bytes(size))
    assert caught.value.code == "seed.size"


def test_a_seed_is_never_shown() -> None:
    for shown in (repr(SEED), str(SEED), f"{SEED}", repr([SEED])):
        assert SEED.raw.hex() not in shown
        assert repr(SEED.raw)[2:20] not in shown
    assert repr(SEED) == "Seed(***)"


def test_seeds_are_the_same_when_their_bytes_are() -> None:
    assert Seed.from_bytes(SEED.raw) == SEED
    assert hash(Seed.from_bytes(SEED.raw)) == hash(SEED)
    assert Seed.from_bytes(bytes(64)) != SEED
    assert SEED.raw != SEED


def test_no_two_labels_of_one_party_are_the_same() -> None:
    some = range(12)
    labels = [
        *map(did_label, some),
        *(seal_label(*numbers) for numbers in product(some, repeat=3)),
        *(bare_label(*numbers) for numbers in product(some, repeat=3)),
        *(record_label(*numbers) for numbers in product(some, repeat=2)),
        *(target_label(*numbers) for numbers in product(some, repeat=2)),
    ]
    assert len(set(labels)) == len(labels)
    company = [LOG_LABEL, *map(sign_label, some), *map(company_record_label, some)]
    company += [company_seal_label(*numbers) for numbers in product(some, repeat=2)]
    assert len(set(company)) == len(company)


@given(company=NUMBERS, lane=NUMBERS, seq=NUMBERS)
def test_labels_are_names_and_decimal_numbers(company: int, lane: int, seq: int) -> None:
    assert did_label(company) == f"did/{company}"
    assert seal_label(company, lane, seq) == f"seal/{company}/{lane}/{seq}"
    assert bare_label(company, lane, seq) == f"bare/{company}/{lane}/{seq}"
    assert record_label(company, lane) == f"record/{company}/{lane}"
    assert target_label(company, lane) == f"target/{company}/{lane}"
    assert sign_label(company) == f"sign/{company}"
    assert company_seal_label(lane, seq) == f"seal/{lane}/{seq}"
    assert company_record_label(lane) == f"record/{lane}"


def test_numbers_count_from_zero() -> None:
    with pytest.raises(InputError) as caught:
        seal_label(0, 0, -1)
    assert caught.value.code == "seed.number"


def test_every_event_has_a_salt_of_its_own() -> None:
    key = SEED.derive(record_label(0, 0))
    salts = {event_salt(key, seq, event) for seq in range(3) for event in ("aa" * 32, "bb" * 32)}
    assert len(salts) == 6
    assert {len(salt) for salt in salts} == {32}


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_claim_code_has_16_bytes(size: int) -> None:
    with pytest.raises(InputError) as caught:
        claim_key(bytes(size))
    assert caught.value.code == "seed.claim"
