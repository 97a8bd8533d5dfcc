"""SD-JWT and SD-JWT+KB in the compact form: parts between tildes (RFC 9901, section 4).

>>> parse_sd_jwt("no tilde")
Traceback (most recent call last):
    ...
konsens.errors.VerificationError: sdjwt.form: The text is not an SD-JWT: parts separated by tildes.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..encoding import sha256
from ..errors import VerificationError
from .door import MAX_BYTES, MAX_DISCLOSURES
from .jwt import UnverifiedJwt, parse_jwt

__all__ = ["UnverifiedSdJwt", "join_sd_jwt", "parse_sd_jwt"]


class UnverifiedSdJwt(msgspec.Struct, frozen=True):
    """The parts of an SD-JWT, of which only the form is known."""

    jwt: UnverifiedJwt
    disclosures: tuple[str, ...]
    key_binding: UnverifiedJwt | None
    sd_jwt: str
    """The issuer-signed JWT and the disclosures, with every tilde: what the key binding signs."""

    @property
    def card(self) -> str:
        """The id of the credential, the same in every presentation of it: 32 hex digits."""
        return sha256(self.sd_jwt.partition("~")[0].encode("ascii")).hex()[:32]


def parse_sd_jwt(text: str) -> UnverifiedSdJwt:
    """Separate `text` into its parts (section 7.1, step 1; section 7.3, step 3).

    Raises `sdjwt.too_large`, `sdjwt.too_many_disclosures`, `sdjwt.form`, `sdjwt.two_key_bindings`, and the
    errors of `parse_jwt`. The disclosures are left as they are until the issuer's signature was checked.
    """
    if len(text) > MAX_BYTES:
        raise VerificationError("sdjwt.too_large", limit=MAX_BYTES)
    if text.count("~") > MAX_DISCLOSURES + 1:
        raise VerificationError("sdjwt.too_many_disclosures", limit=MAX_DISCLOSURES)
    *parts, last = text.split("~")
    if not parts or not all(parts):
        raise VerificationError("sdjwt.form")
    jwt, *disclosures = parts
    for disclosure in disclosures:
        if "." in disclosure:
            raise VerificationError("sdjwt.two_key_bindings")
    return UnverifiedSdJwt(
        jwt=parse_jwt(jwt, "credential"),
        disclosures=tuple(disclosures),
        key_binding=parse_jwt(last, "key binding") if last else None,
        sd_jwt=text[: len(text) - len(last)],
    )


def join_sd_jwt(jwt: str, disclosures: Iterable[str]) -> str:
    """Return the compact form of section 4, which ends with a tilde."""
    return "~".join((jwt, *disclosures, ""))
