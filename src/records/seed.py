"""One seed, and every key that is derived from it (docs/formats.md, "Keys from one seed").

No name of a company enters a label, so that the words alone are enough to find and to break every seal.

>>> seed = Seed.from_words("abandon " * 23 + "art")
>>> seed.derive(seal_label(0, 0, 0)).hex()[:16]
'4c7ffe903fa3d3bd'
>>> seed
Seed(***)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from ..errors import InputError

__all__ = [
    "GAP_LIMIT",
    "LOG_LABEL",
    "Seed",
    "bare_label",
    "claim_key",
    "company_record_label",
    "company_seal_label",
    "did_label",
    "event_salt",
    "record_label",
    "seal_label",
    "sign_label",
    "target_label",
    "witness_label",
]

WORDS = 24
SEED_BYTES = 64
CLAIM_BYTES = 16

GAP_LIMIT: Final = 20
"""How many unused numbers in a row end a search over companies, lanes or events."""

LOG_LABEL: Final = "log"
"""The label of a registry's own key."""


class Seed:
    """The 64 bytes from which everything that one party owns follows; never printed."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != SEED_BYTES:
            raise InputError("seed.size", size=SEED_BYTES)
        self._raw = bytes(raw)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Seed:
        """Return the seed of exactly these 64 bytes: a company's random seed, or one kept in a vault."""
        return cls(raw)

    @classmethod
    def from_words(cls, words: str | Sequence[str]) -> Seed:
        """Return the seed of 24 English words with an empty passphrase (BIP-39, "From mnemonic to seed").

        Case, the width of letters and the white space between words do not matter. Other words, another
        number of them, or a wrong checksum: `seed.words`.
        """
        from mnemonic import Mnemonic  # 30 ms to import, and only a restored or new wallet needs it

        spoken = words if isinstance(words, str) else " ".join(words)
        normal = unicodedata.normalize("NFKD", spoken).casefold().split()
        if len(normal) != WORDS or not Mnemonic("english").check(" ".join(normal)):
            raise InputError("seed.words", count=WORDS)
        return cls(Mnemonic.to_seed(" ".join(normal)))

    @property
    def raw(self) -> bytes:
        """The 64 bytes, for the vault that keeps them."""
        return self._raw

    def derive(self, label: str) -> bytes:
        """Return `K(label)`: the 32 bytes that belong to `label`."""
        return _hkdf(self._raw, f"konsens/v1/{label}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seed) and self._raw == other._raw

    def __hash__(self) -> int:
        return hash(self._raw)

    def __repr__(self) -> str:
        return "Seed(***)"


def did_label(company: int) -> str:
    """Return the label of the customer's signing key towards company number `company`."""
    return _label("did", company)


def seal_label(company: int, lane: int, seq: int) -> str:
    """Return the label of the one-time key that breaks the seal of event `seq`."""
    return _label("seal", company, lane, seq)


def record_label(company: int, lane: int) -> str:
    """Return the label of the record key, from which the salts of a lane follow."""
    return _label("record", company, lane)


def bare_label(company: int, lane: int, seq: int) -> str:
    """Return the label of the commitment of a bare break, which opens to nothing."""
    return _label("bare", company, lane, seq)


def target_label(company: int, lane: int) -> str:
    """Return the label of the salt that binds a consent to one address."""
    return _label("target", company, lane)


def witness_label(name: str) -> str:
    """Return the label of the key with which a witness of this name cosigns, and of a map cosigner's."""
    return f"witness/{name}"


def sign_label(number: int) -> str:
    """Return the label of a company's signing key number `number`."""
    return _label("sign", number)


def company_seal_label(lane: int, seq: int) -> str:
    """Return the label of the one-time key of event `seq` in a company's lane number `lane`."""
    return _label("seal", lane, seq)


def company_record_label(lane: int) -> str:
    """Return the label of the record key of a company's lane number `lane`."""
    return _label("record", lane)


def event_salt(record_key: bytes, seq: int, event_hash: str) -> bytes:
    """Return the salt of event `seq`, which follows from the lane's record key and the event itself."""
    return _hkdf(record_key, f"konsens/v1/{_label('salt', seq)}/{event_hash}")


def claim_key(code: bytes) -> bytes:
    """Return the one-time key behind the claim code (16 bytes) on an imported customer's slip."""
    if len(code) != CLAIM_BYTES:
        raise InputError("seed.claim", size=CLAIM_BYTES)
    return _hkdf(code, "konsens/v1/claim")


def _label(name: str, *numbers: int) -> str:
    if min(numbers) < 0:
        raise InputError("seed.number", name=name)
    return "/".join((name, *map(str, numbers)))


def _hkdf(key_material: bytes, info: str) -> bytes:
    # A company's decision has no seed, and does not wait for loading this.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length=32, salt=None, info=info.encode("ascii")).derive(key_material)
