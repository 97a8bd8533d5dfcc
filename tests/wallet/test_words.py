"""24 words: the same bytes always give the same words, and a slip of the pen is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import InputError
from konsens.wallet import parse_words, words_of

ABANDON = "abandon " * 23 + "art"
LEGAL = "legal winner thank year wave sausage worth useful"
LETTER = "letter advice cage absurd amount doctor acoustic avoid"


@pytest.mark.parametrize(
    ("entropy", "words"),
    [  # the 24-word rows of the reference vectors of BIP-39
        ("00" * 32, ABANDON),
        ("7f" * 32, f"{LEGAL} {LEGAL} legal winner thank year wave sausage worth title"),
        ("80" * 32, f"{LETTER} {LETTER} letter advice cage absurd amount doctor acoustic bless"),
        ("ff" * 32, "zoo " * 23 + "vote"),
    ],
)
def test_the_words_of_bip_39s_own_vectors(entropy: str, words: str) -> None:
    assert words_of(bytes.fromhex(entropy)) == tuple(words.split())


@given(st.binary(min_size=32, max_size=32))
def test_words_can_be_typed_in_any_spelling(entropy: bytes) -> None:
    words = words_of(entropy)
    assert parse_words(" ".join(words)) == words
    assert parse_words("\n".join(word.upper()[:4] for word in words) + "\n") == words


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param("", "words.count", id="nothing"),
        pytest.param("abandon " * 23, "words.count", id="one missing"),
        pytest.param("abandon " * 24 + "art", "words.count", id="one too many"),
        pytest.param("abandon " * 11 + "about", "words.count", id="twelve words"),
        pytest.param(ABANDON.replace("art", "konsens"), "words.unknown", id="not in the list"),
        pytest.param(ABANDON.replace("art", "aba"), "words.unknown", id="too short to tell"),
        pytest.param("abandon " * 24, "words.checksum", id="another word of the list"),
        pytest.param("art " + "abandon " * 23, "words.checksum", id="two exchanged"),
    ],
)
def test_a_slip_is_named_and_the_word_is_not_repeated(typed: str, code: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_words(typed)
    assert refused.value.code == code
    assert "konsens" not in refused.value.message("en") + refused.value.message("de")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_only_32_bytes_make_24_words(size: int) -> None:
    with pytest.raises(InputError) as refused:
        words_of(bytes(size))
    assert refused.value.code == "words.entropy"
