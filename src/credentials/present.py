"""Show some of the claims of a credential, to one verifier."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..did.signer import Signer
from ..errors import InputError, NotFound
from .hold import HeldCredential
from .jwt import check_jwt, parse_jwt
from .key_binding import sign_key_binding
from .path import ClaimPath, PathLike, parse_path, prefixes, render_path
from .sd_jwt import join_sd_jwt

__all__ = ["disclose", "present", "to_disclose"]


def present(
    held: HeldCredential,
    show: Iterable[PathLike],
    *,
    audience: str,
    nonce: str,
    signer: Signer,
    at: datetime,
) -> str:
    """Return an SD-JWT+KB that shows the claims at `show`, bound to `audience` and `nonce`.

    `signer` must hold the key of the credential's `cnf`; another one is found out before anything leaves
    (`presentation.wrong_signer`). A credential bound to no key cannot be presented so
    (`presentation.not_bound`).
    """
    if held.holder is None:
        raise InputError("presentation.not_bound")
    sd_jwt = disclose(held, show)
    signed = sign_key_binding(sd_jwt, audience=audience, nonce=nonce, signer=signer, at=at)
    wrong = "presentation.wrong_signer"
    check_jwt(parse_jwt(signed, "key binding"), held.holder, other_alg=wrong, forged=wrong)
    return sd_jwt + signed


def disclose(held: HeldCredential, show: Iterable[PathLike]) -> str:
    """Return an SD-JWT without key binding that shows the claims at `show` and no other concealable one."""
    disclosures = to_disclose(held, [parse_path(path) for path in show])
    return join_sd_jwt(held.text.partition("~")[0], [held.revealed.shown[path] for path in disclosures])


def to_disclose(held: HeldCredential, show: Iterable[ClaimPath]) -> tuple[ClaimPath, ...]:
    """Return the paths of all disclosures that showing `show` takes, in the order of the credential.

    What a claim stands in comes along, else it could not be placed (RFC 9901, section 4.2.6), and so does
    all that it contains: the claim is its whole value (OpenID4VP 1.0, section 7.1). Raises
    `presentation.no_such_claim`.
    """
    wanted: set[ClaimPath] = set()
    for path in show:
        selected = held.revealed.select(path)
        if not selected:
            raise NotFound("presentation.no_such_claim", path=render_path(path))
        wanted.update(selected)
    needed = {place for path in wanted for place in prefixes(path)}
    return tuple(
        path for path in held.revealed.shown if path in needed or not wanted.isdisjoint(prefixes(path))
    )
