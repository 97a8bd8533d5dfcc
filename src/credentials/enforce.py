"""Hold what was shown against what was asked: a verifier must not leave this to the wallet.

OpenID4VP 1.0, section 8.6, and section 14, "Security Checks on the Returned Credentials and Presentations".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..errors import VerificationError
from .dcql import CredentialQuery, Dcql
from .match import find_claim, find_claims
from .path import ClaimPath, prefixes, render_path
from .result import VerifiedCredential
from .reveal import Revealed

__all__ = ["check_presentations", "check_query", "check_sets"]


def check_presentations(dcql: Dcql, presentations: dict[str, list[str]]) -> None:
    """Check that each entry belongs to a query and has as many presentations as it may (section 8.1).

    Raises `dcql.unknown_query`, `dcql.no_presentation` and `dcql.not_multiple`.
    """
    for name, texts in presentations.items():
        query = dcql.query(name)
        if query is None:
            raise VerificationError("dcql.unknown_query", query=name)
        if not texts:
            raise VerificationError("dcql.no_presentation", query=name)
        if len(texts) > 1 and not query.multiple:
            raise VerificationError("dcql.not_multiple", query=name)


def check_sets(dcql: Dcql, answered: Collection[str]) -> None:
    """Raise `dcql.credential_missing` unless all that was required was answered (section 6.4.2)."""
    for alternatives in dcql.required():
        if not any(all(name in answered for name in names) for names in alternatives):
            raise VerificationError("dcql.credential_missing", query=", ".join(alternatives[0]))


def check_query(query: CredentialQuery, shown: VerifiedCredential) -> tuple[ClaimPath, ...]:
    """Check that a credential answers its query (sections 6.1 and 6.4.1); return what it shows beyond it.

    What the holder could not withhold is beyond as well, if it was not asked for: it came all the same.
    Raises `dcql.type`, `dcql.trusted_authorities`, `dcql.not_bound`, `dcql.claim_missing` and `dcql.value`.
    """
    if not any(name in query.vct_values for name in shown.issuer.types):
        raise VerificationError("dcql.type", query=query.id)
    if query.trusted_authorities is not None:  # known by X.509 or federation, which no DID issuer is under
        raise VerificationError("dcql.trusted_authorities", query=query.id)
    if query.require_cryptographic_holder_binding and shown.key_bound_at is None:
        raise VerificationError("dcql.not_bound", query=query.id)
    answers = [find_claims(option, shown.revealed) for option in query.options()]
    beyond = [_beyond(wanted, shown) for wanted in answers if wanted is not None]
    if not beyond:
        raise _missing(query, shown.revealed)
    return min(beyond, key=len)


def _missing(query: CredentialQuery, revealed: Revealed) -> VerificationError:
    claim = next(claim for claim in query.options()[0] if not find_claim(claim, revealed))
    code = "dcql.value" if revealed.select(claim.path) else "dcql.claim_missing"
    return VerificationError(code, query=query.id, path=render_path(claim.path))


def _beyond(wanted: tuple[ClaimPath, ...], shown: VerifiedCredential) -> tuple[ClaimPath, ...]:
    revealed, known = shown.revealed, set(wanted)
    places = {place for path in revealed.shown for place in prefixes(path)}
    # What is open only as the place of disclosed claims is named by them.
    in_the_open = [path for path in shown.always_shown if path not in places]
    around = {place for path in wanted for place in prefixes(path)}
    beyond: list[ClaimPath] = []
    for path in (*revealed.shown, *in_the_open):
        if known.isdisjoint(prefixes(path)):
            unasked = list(_unasked(path, known, around, revealed))
            known.update(unasked)
            beyond.extend(unasked)
    return tuple(beyond)


def _unasked(
    path: ClaimPath, known: set[ClaimPath], around: set[ClaimPath], revealed: Revealed
) -> Iterator[ClaimPath]:
    """Yield `path`, or if a wanted claim stands in it, whatever else of it came along."""
    if path not in around:
        yield path
        return
    for child in revealed.children(path):
        if child not in revealed.shown and child not in known:
            yield from _unasked(child, known, around, revealed)
