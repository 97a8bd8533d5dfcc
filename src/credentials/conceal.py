"""Put digests in the place of claims (RFC 9901, sections 4.2.4 to 4.2.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..encoding import b64u_encode
from ..errors import InputError
from .disclosure import RESERVED, digest_of, make_disclosure
from .path import ClaimPath

__all__ = ["Entropy", "Hide", "conceal"]

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives that many unpredictable bytes, as `secrets.token_bytes` does."""

Hide: TypeAlias = Callable[[ClaimPath], bool]
"""Tells for a path whether the claim there is to be concealed."""

SALT_BYTES = 16  # RFC 9901, section 9.3: 128 bits


def conceal(
    claims: Mapping[str, Any], hide: Hide, *, entropy: Entropy, decoys: int = 0
) -> tuple[dict[str, Any], list[str]]:
    """Return the payload to sign and the disclosures of what `hide` chose.

    Every salt is drawn anew. `decoys` digests of nothing are added wherever something is concealed, so that
    the number of claims does not show; in an array they stand last, so that a position means the same to
    issuer, holder and verifier. Raises `credential.reserved_name` for `_sd`, `...` and `_sd_alg`.
    """
    work = _Concealer(hide, entropy, decoys)
    payload = work.object(claims, ())
    return payload, work.disclosures


class _Concealer:
    def __init__(self, hide: Hide, entropy: Entropy, decoys: int) -> None:
        self.hide = hide
        self.entropy = entropy
        self.decoys = decoys
        self.disclosures: list[str] = []

    def value(self, value: Any, path: ClaimPath) -> Any:
        # What is inside is concealed first, so that a disclosure holds digests (section 4.2.6).
        if isinstance(value, dict):
            return self.object(value, path)
        return self.array(value, path) if isinstance(value, list) else value

    def object(self, members: Mapping[str, Any], path: ClaimPath) -> dict[str, Any]:
        payload: dict[str, Any] = {}
        digests: list[str] = []
        for name, member in members.items():
            if name in RESERVED:
                raise InputError("credential.reserved_name", name=name)
            here = (*path, name)
            value = self.value(member, here)
            if self.hide(here):
                digests.append(self._disclose(value, name))
            else:
                payload[name] = value
        if digests:
            # The order must not tell which is which (section 4.2.4.1).
            payload["_sd"] = sorted([*digests, *self._decoys()])
        return payload

    def array(self, elements: list[Any], path: ClaimPath) -> list[Any]:
        payload: list[Any] = []
        concealed = False
        for position, element in enumerate(elements):
            here = (*path, position)
            value = self.value(element, here)
            if self.hide(here):
                value = {"...": self._disclose(value, None)}
                concealed = True
            payload.append(value)
        return [*payload, *({"...": digest} for digest in self._decoys())] if concealed else payload

    def _disclose(self, value: Any, name: str | None) -> str:
        disclosure = make_disclosure(b64u_encode(self.entropy(SALT_BYTES)), value, name=name)
        self.disclosures.append(disclosure)
        return digest_of(disclosure)

    def _decoys(self) -> list[str]:
        return [b64u_encode(self.entropy(32)) for _ in range(self.decoys)]
