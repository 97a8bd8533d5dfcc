r"""Targets: the address a consent is bound to, as a salted hash.

An event names no address. It names `SHA-256("konsens/target/v1\n" ‖ salt ‖ channel ‖ 0x00 ‖ address)`:
whoever holds salt and address can show that they belong together, and nobody else learns either.

>>> normalize_address("email", "  Anna@Büro.Example ")
'anna@xn--bro-hoa.example'
>>> normalize_address("phone", "+49 30 123456")
'+4930123456'
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from ..errors import InputError, VerificationError

__all__ = ["check_target", "normalize_address", "target_of"]

MAX_ADDRESS = 512
_DIALLED = frozenset({"phone", "sms"})


def normalize_address(channel: str, address: str) -> str:
    """Return the one spelling of `address` that is hashed for `channel`.

    Email: trimmed, NFC, local part in lower case, domain as lower-case A-label (RFC 5891). Phone and sms:
    E.164; a number without its country code is refused, because guessing one would bind the consent to a
    stranger. Everything else: NFC, runs of white space as one space, casefold.
    """
    if len(address) > MAX_ADDRESS or not (address.isprintable() or _is_text(address)):
        raise InputError("target.address", channel=channel)
    if channel == "email":
        return _email(address)
    if channel in _DIALLED:
        return _phone(channel, address)
    folded = " ".join(unicodedata.normalize("NFC", address).casefold().split())
    if not folded:
        raise InputError("target.address", channel=channel)
    return folded


def target_of(salt: bytes, channel: str, address: str) -> str:
    """Return the target of `address` in 64 hex digits; `salt` has 32 bytes."""
    if len(salt) != 32:
        raise InputError("target.salt")
    return target_of_normalized(salt, channel, normalize_address(channel, address))


def target_of_normalized(salt: bytes, channel: str, normalized: str) -> str:
    """Return the target of an address that `normalize_address` has already written."""
    return target_digest(salt, channel, normalized).hex()


def target_digest(salt: bytes, channel: str, normalized: str) -> bytes:
    """Return the same as 32 bytes."""
    return sha256(b"konsens/target/v1\n%b%b\x00%b" % (salt, channel.encode(), normalized.encode())).digest()


def check_target(target: str | None, *, salt: bytes, channel: str, address: str) -> None:
    """Raise `target.mismatch` unless `target` is bound to just this address."""
    if target is None or target_of(salt, channel, address) != target:
        raise VerificationError("target.mismatch", channel=channel)


def is_normal(channel: str, address: str) -> bool:
    """Tell quickly of most addresses that `normalize_address` would return them as they are."""
    return channel == "email" and _USUAL.fullmatch(address) is not None


# The common case: ASCII, where nothing needs normalising but the letters' case.
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(rf"[!-~]+@(?=.{{1,253}}\Z)({_LABEL}\.)*{_LABEL}")

# Most addresses of a list, told apart in a third of the time: nothing in them could be normalised.
_USUAL = re.compile(r"[!-?\[-~]{1,99}@[a-z0-9]{1,63}(?:\.[a-z0-9]{1,63}){1,2}")


def _email(address: str) -> str:
    text = address.strip()
    if text.isascii():
        lowered = text.lower()
        if _PLAIN.fullmatch(lowered):
            return lowered
        raise InputError("target.address", channel="email")
    import idna  # 20 ms of tables, needed for letters beyond ASCII only

    local, at, domain = unicodedata.normalize("NFC", text).rpartition("@")
    if not at or not local or any(c.isspace() for c in local):
        raise InputError("target.address", channel="email")
    try:
        label = idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise InputError("target.address", channel="email") from error
    # Lower case may undo NFC for a few letters, so it is taken again afterwards.
    return unicodedata.normalize("NFC", local.lower()) + "@" + label


def _is_text(address: str) -> bool:
    """Tell whether an address has no control characters but white space."""
    return not any(unicodedata.category(c) == "Cc" and not c.isspace() for c in address)


def _phone(channel: str, address: str) -> str:
    import phonenumbers  # 40 ms of tables, needed for numbers only

    text = unicodedata.normalize("NFKC", address).strip()
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        raise InputError("target.address", channel=channel) from error
    if not phonenumbers.is_possible_number(number) or number.extension:
        raise InputError("target.address", channel=channel)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
