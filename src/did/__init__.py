"""Keys, signatures and DIDs.

>>> key = PrivateKey.ed25519(bytes(32))
>>> did = did_key(key.public)
>>> text = sign_jws(b'{"v":1}', typ="konsens-event+jws", signer=LocalSigner(key, kid_of(did)))
>>> unverified = parse_jws(text, typ="konsens-event+jws")
>>> check_jws(unverified, key_of(OfflineResolver().resolve(did), unverified.kid))
b'{"v":1}'
"""

from .compact import UnverifiedCompact, check_compact, parse_compact, sign_compact
from .document import DidDocument, Relation, document_of, key_of, parse_document, render_document
from .ed25519 import check_point, check_signature, public_from_seed
from .history import HistoryEntry, KeyHistory
from .jwk import did_jwk
from .jws import UnverifiedJws, check_jws, parse_jws, sign_jws
from .key import did_key, kid_of
from .keys import Alg, PrivateKey, PublicKey
from .resolver import OfflineResolver, PinnedResolver, Resolver
from .signer import LocalSigner, Signer
from .web import Fetcher, WebResolver, folder_fetcher, url_of

__all__ = [
    "Alg",
    "DidDocument",
    "Fetcher",
    "HistoryEntry",
    "KeyHistory",
    "LocalSigner",
    "OfflineResolver",
    "PinnedResolver",
    "PrivateKey",
    "PublicKey",
    "Relation",
    "Resolver",
    "Signer",
    "UnverifiedCompact",
    "UnverifiedJws",
    "WebResolver",
    "check_compact",
    "check_jws",
    "check_point",
    "check_signature",
    "did_jwk",
    "did_key",
    "document_of",
    "folder_fetcher",
    "key_of",
    "kid_of",
    "parse_compact",
    "parse_document",
    "parse_jws",
    "public_from_seed",
    "render_document",
    "sign_compact",
    "sign_jws",
    "url_of",
]
