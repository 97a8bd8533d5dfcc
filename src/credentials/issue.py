"""Issue an SD-JWT VC of which the holder chooses what to show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from .. import strict_json
from ..did.compact import sign_compact
from ..did.keys import PublicKey
from ..did.signer import Signer
from ..errors import InputError
from .conceal import Entropy, Hide, conceal
from .disclosure import HASH, to_json
from .door import MAX_BYTES, MAX_DEPTH, MAX_DISCLOSURES
from .path import ClaimPath, PathLike, matches, overlaps, parse_path, render_path, select
from .sd_jwt import join_sd_jwt
from .validity import ABOUT_THE_CREDENTIAL
from .verify import TYP

__all__ = ["issue"]

# Written from the arguments, or with a meaning that this release does not check.
_OURS: Final = ABOUT_THE_CREDENTIAL | {"sub"}
# A placeholder `{"...": digest}` or an `_sd` array lies deeper than the claim, and so does a disclosure.
_MAX_CLAIM_DEPTH: Final = MAX_DEPTH - 2


def issue(
    claims: Mapping[str, Any],
    *,
    vct: str,
    issuer: Signer,
    at: datetime,
    entropy: Entropy,
    holder: PublicKey | None = None,
    subject: str | None = None,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
    conceal_only: Iterable[PathLike] | None = None,
    always_shown: Iterable[PathLike] = (),
    decoys: int = 0,
) -> str:
    """Return a credential of type `vct` with all its disclosures, for the holder alone.

    `claims` are about the subject; `iss` (the DID of `issuer.kid`), `sub`, `iat`, `nbf`, `exp`, `vct` and
    `cnf` (the key of `holder`) come from the arguments and are never concealed. Of `claims`, each member at
    every level and each element of every array can be shown on its own, unless `conceal_only` names those
    that can, or `always_shown` those that cannot be withheld.

    Raises `credential.claim_not_yours`, `credential.reserved_name`, `credential.no_such_claim`,
    `credential.too_large`, `credential.vct_missing`, and those of the strict JSON door.
    """
    if not vct:
        raise InputError("credential.vct_missing")
    own = _checked(claims)
    for name in own:
        if name in _OURS:
            raise InputError("credential.claim_not_yours", name=name)
    hide = _hide(own, conceal_only, always_shown)
    payload, disclosures = conceal(own, hide, entropy=entropy, decoys=decoys)
    payload = {
        "iss": issuer.kid.partition("#")[0],
        **({} if subject is None else {"sub": subject}),
        "vct": vct,
        "iat": int(at.timestamp()),
        **({} if not_before is None else {"nbf": int(not_before.timestamp())}),
        **({} if expires_at is None else {"exp": int(expires_at.timestamp())}),
        **({} if holder is None else {"cnf": {"jwk": holder.jwk}}),
        **({"_sd_alg": HASH} if disclosures else {}),
        **payload,
    }
    header = {"alg": issuer.alg, "kid": issuer.kid, "typ": TYP}
    text = join_sd_jwt(sign_compact(header, to_json(payload), issuer.sign), disclosures)
    if len(text) > MAX_BYTES or len(disclosures) > MAX_DISCLOSURES:
        raise InputError("credential.too_large", bytes=MAX_BYTES, disclosures=MAX_DISCLOSURES)
    return text


def _checked(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that is JSON as every verifier will read it."""
    try:
        text = json.dumps(dict(claims))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError("input.json") from error
    own: dict[str, Any] = strict_json.parse(text, max_depth=_MAX_CLAIM_DEPTH)
    return own


def _hide(
    claims: dict[str, Any], conceal_only: Iterable[PathLike] | None, always_shown: Iterable[PathLike]
) -> Hide:
    open_paths = [_existing(path, claims) for path in always_shown]
    chosen = None if conceal_only is None else [_existing(path, claims) for path in conceal_only]

    def hide(path: ClaimPath) -> bool:
        # What is always shown takes what it stands in, and all that is in it, into the open with it.
        if any(overlaps(shown, path) for shown in open_paths):
            return False
        return chosen is None or any(matches(pattern, path) for pattern in chosen)

    return hide


def _existing(path: PathLike, claims: dict[str, Any]) -> ClaimPath:
    parsed = parse_path(path)
    if not select(claims, parsed, {}):
        raise InputError("credential.no_such_claim", path=render_path(parsed))
    return parsed
