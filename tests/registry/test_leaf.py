"""Leaves: their bytes, and the one judgement on their signature."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256, sha512

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from konsens.did import ed25519
from konsens.encoding import b64u_encode, jcs, multibase_encode
from konsens.errors import InputError, VerificationError
from konsens.registry.leaf import (
    HeadLeaf,
    Leaf,
    PublicLeaf,
    SealLeaf,
    check_seal_leaf,
    make_seal_leaf,
    parse_leaf,
    seal_of,
)
from konsens.registry.tree import leaf_hash

from .edwards import BASE, IDENTITY, ORDER_8, L, P, add, challenge, decode, encode, multiply, secret

ORIGIN = "log.muster.example"
SEED = sha256(b"one-time key").digest()
COMMITMENT = sha256(b"commitment").digest()
LEAF = make_seal_leaf(SEED, COMMITMENT, origin=ORIGIN)


def signed_bytes(commitment: bytes = COMMITMENT) -> bytes:
    return b"konsens/leaf/v1\nlog.muster.example\n" + commitment


def test_the_published_event_has_its_published_seal_and_leaf_hash() -> None:
    """Made here from the 24 words by the formats alone, without the code that makes events."""
    words_seed = Mnemonic.to_seed("abandon " * 23 + "art", passphrase="")

    def derive(label: str, ikm: bytes = words_seed) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"konsens/v1/{label}".encode()).derive(ikm)

    did = "did:key:" + multibase_encode(b"\xed\x01" + ed25519.public_from_seed(derive("did/0")))
    seals = [seal_of(ed25519.public_from_seed(derive(f"seal/0/0/{index}"))).hex() for index in (0, 1)]
    header = jcs({"alg": "EdDSA", "kid": f"{did}#{did[8:]}", "typ": "konsens-event+jws"})
    event = {
        "v": 1,
        "type": "opened",
        "matter": {"customer": did, "controller": did},
        "seq": 0,
        "prev": None,
        "seal": seals[0],
        "next": seals[1],
        "logs": [ORIGIN],
        "at": "2026-11-22T10:00:00Z",
        "target": None,
        "content": {},
    }
    signing_input = f"{b64u_encode(header)}.{b64u_encode(jcs(event))}".encode()
    jws = signing_input + b"." + b64u_encode(ed25519.sign(derive("did/0"), signing_input)).encode()
    event_hash = sha256(jws).hexdigest()
    salt = derive(f"salt/0/{event_hash}", ikm=derive("record/0/0"))
    commitment = sha256(b"konsens/commit/v1" + salt + jws).digest()
    leaf = make_seal_leaf(derive("seal/0/0/0"), commitment, origin=ORIGIN)

    assert did == "did:key:z6MktqtEyMYKcjNyZtkU6EabSrwjPkaq1oBMx6qhViCyaXKU"
    assert seals[0] == leaf.seal.hex() == "1a5ba474fdd87d2c89acf152b09c29ec4a716b70a6152a054df5eca86d43ecb0"
    assert len(jws) == 867
    assert event_hash == "99b6bec6fe82f7f55ed2d08e78f3385602a1b1024c16b05cb3b0a2b83c1e7301"
    assert b64u_encode(salt) == "PR4Fa5jCD_gmYabuyq_yKJIb8ckwLbeMEUqdt80TTrI"
    assert leaf_hash(leaf.entry).hex() == "fd6705ab6488a4498535b8b5361ade76655220c43389bd59a41a0dac60896256"


def test_a_leaf_is_signed_by_its_own_key_for_its_log() -> None:
    check_seal_leaf(LEAF, origin=ORIGIN)
    assert (len(LEAF.entry), LEAF.entry[0]) == (129, 1)
    assert LEAF.seal == seal_of(LEAF.key) == sha256(ed25519.public_from_seed(SEED)).digest()


LEAVES = st.one_of(
    st.builds(SealLeaf, *(st.binary(min_size=size, max_size=size) for size in (32, 32, 64))),
    st.builds(
        HeadLeaf, *(st.binary(min_size=32, max_size=32) for _ in range(2)), st.integers(0, 253_402_300_799)
    ),
    st.builds(PublicLeaf, st.binary(min_size=32, max_size=32)),
)


@given(LEAVES)
def test_a_leaf_reads_back_from_its_entry(leaf: Leaf) -> None:
    assert parse_leaf(leaf.entry) == leaf
    assert len(leaf.entry) == {SealLeaf: 129, HeadLeaf: 73, PublicLeaf: 33}[type(leaf)]


def test_a_head_leaf_shows_its_time() -> None:
    assert HeadLeaf(bytes(32), bytes(32), 1_795_341_600).at == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"\x00" + bytes(128),
        b"\x04" + bytes(32),
        b"\x01" + bytes(127),
        b"\x01" + bytes(129),
        b"\x02" + bytes(128),
        b"\x02" + bytes(64) + b"\xff" * 8,
        b"\x03" + bytes(33),
        b"\x03" + bytes(31),
    ],
    ids=[
        "empty",
        "type 0",
        "type 4",
        "short",
        "long",
        "head too long",
        "year 10000",
        "public long",
        "public short",
    ],
)
def test_other_bytes_are_no_leaf(entry: bytes) -> None:
    with pytest.raises(InputError) as refused:
        parse_leaf(entry)
    assert refused.value.code == "leaf.format"


def assert_refused(leaf: SealLeaf, code: str, origin: str = ORIGIN) -> None:
    with pytest.raises(VerificationError) as refused:
        check_seal_leaf(leaf, origin=origin)
    assert refused.value.code == code


def test_a_leaf_replayed_into_another_log_is_refused() -> None:
    assert_refused(LEAF, "leaf.signature", origin="log.other.example")


def test_no_changed_bit_of_a_leaf_survives() -> None:
    for at in range(8, 8 * len(LEAF.entry)):
        changed = bytearray(LEAF.entry)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(VerificationError):
            check_seal_leaf(parse_leaf_of_seal(bytes(changed)), origin=ORIGIN)


def parse_leaf_of_seal(entry: bytes) -> SealLeaf:
    leaf = parse_leaf(entry)
    assert isinstance(leaf, SealLeaf)
    return leaf


# Crafted leaves. A = a·B is the key; a signature is R ‖ S; k is the challenge.

A_SECRET, A_KEY = secret(SEED), LEAF.key


def crafted(
    key: bytes, r: bytes, s: Callable[[int], int], *, fits: Callable[[int], bool] = lambda k: True
) -> SealLeaf:
    """Return a leaf with R and with S computed from the challenge, over the first commitment that `fits`."""
    for number in range(1000):
        commitment = sha256(b"%d" % number).digest()
        k = challenge(r, key, signed_bytes(commitment))
        if fits(k):
            return SealLeaf(key, commitment, r + s(k).to_bytes(32, "little"))
    raise AssertionError


def identity_r() -> SealLeaf:
    return crafted(A_KEY, encode(IDENTITY), lambda k: k * A_SECRET % L)


def identity_key() -> SealLeaf:
    return crafted(encode(IDENTITY), encode(multiply(5, BASE)), lambda k: 5)


def small_order_key() -> SealLeaf:
    return crafted(encode(ORDER_8), encode(multiply(5, BASE)), lambda k: 5, fits=lambda k: k % 8 == 0)


def small_order_r() -> SealLeaf:
    return crafted(A_KEY, encode(ORDER_8), lambda k: k * A_SECRET % L)


def key_in_a_second_spelling() -> SealLeaf:
    return crafted((P + 1).to_bytes(32, "little"), encode(multiply(5, BASE)), lambda k: 5)


def key_beyond_p() -> SealLeaf:
    return crafted((P + 3).to_bytes(32, "little"), encode(multiply(5, BASE)), lambda k: 5)


def negative_zero_key() -> SealLeaf:
    return crafted((1 | 1 << 255).to_bytes(32, "little"), encode(multiply(5, BASE)), lambda k: 5)


def r_in_a_second_spelling() -> SealLeaf:
    return crafted(A_KEY, (P + 1).to_bytes(32, "little"), lambda k: k * A_SECRET % L)


def s_beyond_l() -> SealLeaf:
    nonce = int.from_bytes(sha512(b"nonce").digest(), "little") % L
    return crafted(A_KEY, encode(multiply(nonce, BASE)), lambda k: (nonce + k * A_SECRET) % L + L)


def mixed_key_that_needs_the_cofactor() -> SealLeaf:
    key = encode(add(decode(A_KEY), ORDER_8))
    return crafted(
        key, encode(multiply(5, BASE)), lambda k: (5 + k * A_SECRET) % L, fits=lambda k: k % 8 != 0
    )


def mixed_r_that_needs_the_cofactor() -> SealLeaf:
    return crafted(A_KEY, encode(add(multiply(5, BASE), ORDER_8)), lambda k: (5 + k * A_SECRET) % L)


@pytest.mark.parametrize(
    ("craft", "code"),
    [
        (identity_r, "leaf.signature"),
        (small_order_r, "leaf.signature"),
        (r_in_a_second_spelling, "leaf.signature"),
        (s_beyond_l, "leaf.signature"),
        (mixed_key_that_needs_the_cofactor, "leaf.signature"),
        (mixed_r_that_needs_the_cofactor, "leaf.signature"),
        (identity_key, "key.weak"),
        (small_order_key, "key.weak"),
        (key_in_a_second_spelling, "key.weak"),
        (key_beyond_p, "key.weak"),
        (negative_zero_key, "key.weak"),
    ],
)
def test_a_leaf_on_which_libraries_could_disagree_is_refused(
    craft: Callable[[], SealLeaf], code: str
) -> None:
    assert_refused(craft(), code)


@pytest.mark.parametrize("times", range(8))
def test_every_point_of_small_order_is_refused_as_key_and_as_r(times: int) -> None:
    point = encode(multiply(times, ORDER_8))
    assert_refused(
        crafted(point, encode(multiply(5, BASE)), lambda k: 5, fits=lambda k: k % 8 == 0), "key.weak"
    )
    assert_refused(crafted(A_KEY, point, lambda k: k * A_SECRET % L), "leaf.signature")


def accepted_by_cryptography(leaf: SealLeaf) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(leaf.key).verify(leaf.signature, signed_bytes(leaf.commitment))
    except InvalidSignature:
        return False
    return True


def accepted_by_libsodium(leaf: SealLeaf) -> bool:
    try:
        crypto_sign_open(leaf.signature + signed_bytes(leaf.commitment), leaf.key)
    except BadSignatureError:
        return False
    return True


@pytest.mark.parametrize("craft", [identity_r, identity_key, small_order_key])
def test_the_libraries_really_disagree_on_such_a_leaf(craft: Callable[[], SealLeaf]) -> None:
    assert accepted_by_cryptography(craft())
    assert not accepted_by_libsodium(craft())


def test_a_key_with_a_small_part_is_judged_alike_by_all() -> None:
    """Such a key is not of small order. Where k is a multiple of 8 the one cofactorless check holds."""
    key = encode(add(decode(A_KEY), ORDER_8))
    r = encode(multiply(5, BASE))
    leaf = crafted(key, r, lambda k: (5 + k * A_SECRET) % L, fits=lambda k: k % 8 == 0)
    check_seal_leaf(leaf, origin=ORIGIN)
    assert accepted_by_cryptography(leaf)
    assert accepted_by_libsodium(leaf)


@pytest.mark.parametrize(("key", "commitment", "signature"), [(31, 32, 64), (32, 33, 64), (32, 32, 63)])
def test_a_seal_leaf_has_parts_of_one_length(key: int, commitment: int, signature: int) -> None:
    with pytest.raises(InputError) as refused:
        SealLeaf(bytes(key), bytes(commitment), bytes(signature))
    assert refused.value.code == "leaf.format"


def test_a_digest_has_32_bytes() -> None:
    with pytest.raises(InputError) as refused:
        PublicLeaf(bytes(31))
    assert refused.value.code == "leaf.format"
