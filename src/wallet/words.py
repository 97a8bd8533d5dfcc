"""The 24 words from which everything that a wallet owns can be derived again (BIP-39, English list).

>>> words = words_of(bytes(32))
>>> words[0], words[-1], len(words)
('abandon', 'art', 24)
>>> parse_words("  ABANDON " * 23 + "\\nart ") == words
True
"""

from __future__ import annotations

import unicodedata
from functools import cache

from mnemonic import Mnemonic

from ..errors import InputError

__all__ = ["parse_words", "words_of"]

COUNT = 24


def words_of(entropy: bytes) -> tuple[str, ...]:
    """Return the 24 words of 32 random bytes (BIP-39, "Generating the mnemonic")."""
    if len(entropy) != 32:
        raise InputError("words.entropy")
    return tuple(_english().to_mnemonic(entropy).split())


def parse_words(text: str) -> tuple[str, ...]:
    """Return the words that a person typed, in any case and with any white space between them.

    The first four letters of a word are enough: the list is made so that they are unique. Errors name the
    place of a word, never the word: `words.count`, `words.unknown`, `words.checksum`.
    """
    typed = unicodedata.normalize("NFKD", text).casefold().split()
    if len(typed) != COUNT:
        raise InputError("words.count", count=len(typed))
    words = tuple(_complete(word, place) for place, word in enumerate(typed, start=1))
    if not _english().check(" ".join(words)):
        raise InputError("words.checksum")
    return words


def _complete(typed: str, place: int) -> str:
    listed = _english().wordlist
    if typed in listed:
        return str(typed)
    candidates = [word for word in listed if word.startswith(typed)] if len(typed) >= 4 else []
    if len(candidates) != 1:
        raise InputError("words.unknown", place=place)
    return str(candidates[0])


@cache
def _english() -> Mnemonic:
    return Mnemonic("english")
