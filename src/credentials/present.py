"""Show some of the claims of a credential, to one verifier."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..did.signer import Signer
from ..errors import InputError, NotFound, VerificationError
from .hold import HeldCredential
from .key_binding import sign_key_binding
from .path import ClaimPath, PathLike, overlaps, parse_path, render_path, select
from .sd_jwt import join_sd_jwt, parse_sd_jwt

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
    key_binding = sign_key_binding(sd_jwt, audience=audience, nonce=nonce, signer=signer, at=at)
    text = sd_jwt + key_binding
    signed = parse_sd_jwt(text).key_binding
    try:
        if signed is None or signed.header.alg != held.holder.alg:
            raise InputError("presentation.wrong_signer")
        held.holder.check(signed.signed, signed.signature)
    except VerificationError as error:
        raise InputError("presentation.wrong_signer") from error
    return text


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
    wanted: list[ClaimPath] = []
    for path in show:
        selected = select(held.claims, path, held.revealed.positions)
        if not selected:
            raise NotFound("presentation.no_such_claim", path=render_path(path))
        wanted.extend(selected)
    return tuple(path for path in held.revealed.shown if any(overlaps(want, path) for want in wanted))
