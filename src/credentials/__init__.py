"""Credentials of which the holder chooses what to show: SD-JWT VC, asked for in DCQL.

>>> import secrets
>>> from datetime import UTC, datetime
>>> from konsens.credentials import KeyBinding, Policy, hold, issue, present, verify
>>> from konsens.did import LocalSigner, OfflineResolver, PrivateKey, did_key, kid_of
>>> now = datetime(2026, 11, 22, 10, tzinfo=UTC)
>>> club, erika = (PrivateKey.ed25519(secrets.token_bytes(32)) for _ in range(2))
>>> issuer = LocalSigner(club, kid_of(did_key(club.public)))
>>> text = issue({"level": "gold", "birthdate": "1963-08-12"}, vct="urn:example:membership",
...     issuer=issuer, holder=erika.public, at=now, entropy=secrets.token_bytes)
>>> trust = {"urn:example:membership": [did_key(club.public)]}
>>> card = hold(text, trust=trust, resolve=OfflineResolver(), at=now, holder=erika.public)
>>> shown = present(card, ["level"], audience="shop", nonce="n-0S6_WzA2Mj", at=now,
...     signer=LocalSigner(erika, kid_of(did_key(erika.public))))
>>> policy = Policy(issuers=trust, key_binding=KeyBinding("shop", "n-0S6_WzA2Mj"))
>>> verified = verify(shown, policy, resolve=OfflineResolver(), at=now)
>>> verified.claims["level"], verified.shown, verified.withheld
('gold', (('level',),), 1)
"""

from .answer import SignerFor, VerifiedAnswer, answer, verify_answer
from .choose import Choice, candidates, choose
from .conceal import Entropy
from .dcql import ClaimQuery, CredentialQuery, CredentialSet, Dcql, ask_for, parse_dcql
from .hold import HeldCredential, hold, open_held
from .issue import issue
from .issuer import Issuer
from .message import AnswerMessage, CredentialMessage, QuestionMessage, parse_message, render_message
from .nonces import MemoryNonces, NonceStore
from .path import ClaimPath, PathLike, parse_path, render_path
from .policy import (
    Between,
    KeyBinding,
    Online,
    Policy,
    Trust,
    UnsafeAcceptAnyIssuer,
    UnsafeAcceptWithoutKeyBinding,
    UnsafeIgnoreStatus,
)
from .present import disclose, present
from .question import Question, UnverifiedQuestion, ask, check_question, parse_question
from .result import Check, VerifiedCredential
from .reveal import Revealed
from .sd_jwt import UnverifiedSdJwt, parse_sd_jwt
from .validity import NEVER_CONCEALED, Validity
from .verify import verify

__all__ = [
    "NEVER_CONCEALED",
    "AnswerMessage",
    "Between",
    "Check",
    "Choice",
    "ClaimPath",
    "ClaimQuery",
    "CredentialMessage",
    "CredentialQuery",
    "CredentialSet",
    "Dcql",
    "Entropy",
    "HeldCredential",
    "Issuer",
    "KeyBinding",
    "MemoryNonces",
    "NonceStore",
    "Online",
    "PathLike",
    "Policy",
    "Question",
    "QuestionMessage",
    "Revealed",
    "SignerFor",
    "Trust",
    "UnsafeAcceptAnyIssuer",
    "UnsafeAcceptWithoutKeyBinding",
    "UnsafeIgnoreStatus",
    "UnverifiedQuestion",
    "UnverifiedSdJwt",
    "Validity",
    "VerifiedAnswer",
    "VerifiedCredential",
    "answer",
    "ask",
    "ask_for",
    "candidates",
    "check_question",
    "choose",
    "disclose",
    "hold",
    "issue",
    "open_held",
    "parse_dcql",
    "parse_message",
    "parse_path",
    "parse_question",
    "parse_sd_jwt",
    "present",
    "render_message",
    "render_path",
    "verify",
    "verify_answer",
]
