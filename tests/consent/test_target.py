"""Addresses have one spelling for each channel, and a target fits just one of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from konsens.consent import CHANNELS, check_target, normalize_address, target_of
from konsens.consent.target import is_normal
from konsens.encoding import sha256
from konsens.errors import InputError, VerificationError


@pytest.mark.parametrize(
    ("channel", "address", "spelling"),
    [
        pytest.param("email", " Anna@Muster.Example ", "anna@muster.example", id="trimmed, lower case"),
        pytest.param("email", "ANNA+News@muster.example", "anna+news@muster.example", id="tag kept"),
        pytest.param("email", "anna@Büro.example", "anna@xn--bro-hoa.example", id="domain as A-label"),
        pytest.param("email", "anna@xn--bro-hoa.example", "anna@xn--bro-hoa.example", id="A-label"),
        pytest.param("email", "JÖRG@muster.example", "jörg@muster.example", id="local part beyond ASCII"),
        pytest.param("email", "jo\u0308rg@muster.example", "jörg@muster.example", id="NFC"),
        pytest.param("phone", "+49 (30) 12 34 56", "+4930123456", id="E.164"),
        pytest.param("sms", "0049 171 1234567", "+491711234567", id="00 as plus"),
        pytest.param("post", " Musterweg  1\n12345 Musterstadt ", "musterweg 1 12345 musterstadt", id="post"),
        pytest.param("social", "@Straße", "@strasse", id="casefold"),
    ],
)
def test_an_address_has_one_spelling(channel: str, address: str, spelling: str) -> None:
    assert normalize_address(channel, address) == spelling


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        pytest.param("email", "anna", id="no at sign"),
        pytest.param("email", "anna@", id="no domain"),
        pytest.param("email", "@muster.example", id="no local part"),
        pytest.param("email", "an na@muster.example", id="space inside"),
        pytest.param("email", "anna@muster..example", id="empty label"),
        pytest.param("email", "anna@-muster.example", id="hyphen first"),
        pytest.param("email", "anna@mu\x00ster.example", id="control character"),
        pytest.param("email", "a" * 600 + "@muster.example", id="too long"),
        pytest.param("phone", "030 123456", id="no country code"),
        pytest.param("phone", "hello", id="no number"),
        pytest.param("phone", "+49 30 123456 ext. 7", id="extension"),
        pytest.param("post", "  ", id="blank"),
    ],
)
def test_what_is_no_address_is_refused(channel: str, address: str) -> None:
    with pytest.raises(InputError) as refused:
        normalize_address(channel, address)
    assert refused.value.code == "target.address"


def test_a_target_is_the_hash_that_the_format_says() -> None:
    salt = bytes(range(32))
    expected = sha256(b"konsens/target/v1\n", salt, b"email", b"\x00", b"anna@muster.example").hex()
    assert target_of(salt, "email", "Anna@Muster.Example") == expected
    check_target(expected, salt=salt, channel="email", address="anna@MUSTER.example")


@pytest.mark.parametrize(
    ("target", "channel", "address"),
    [
        pytest.param(None, "email", "anna@muster.example", id="bound to nothing"),
        pytest.param("own", "email", "otto@muster.example", id="another address"),
        pytest.param("own", "messenger", "anna@muster.example", id="another channel"),
    ],
)
def test_a_target_fits_no_other_address(target: str | None, channel: str, address: str) -> None:
    own = target_of(bytes(32), "email", "anna@muster.example")
    with pytest.raises(VerificationError) as refused:
        check_target(own if target else None, salt=bytes(32), channel=channel, address=address)
    assert refused.value.code == "target.mismatch"


@given(st.sampled_from(sorted(CHANNELS)), st.text(max_size=60))
def test_the_spelling_of_a_spelling_is_itself(channel: str, address: str) -> None:
    try:
        spelling = normalize_address(channel, address)
    except InputError:
        return
    assert normalize_address(channel, spelling) == spelling


@given(st.from_regex(r"[ -~]{1,30}@[A-Za-z0-9.-]{1,80}", fullmatch=True) | st.text(max_size=30))
@example("anna@muster.example")
def test_what_is_told_quickly_to_be_normal_would_not_be_changed(address: str) -> None:
    if is_normal("email", address):
        assert normalize_address("email", address) == address


def test_a_usual_address_is_told_quickly() -> None:
    assert is_normal("email", "anna.muster+news@mail.muster.example")
    for channel, address in (("phone", "anna@muster.example"), ("email", "Anna@muster.example")):
        assert not is_normal(channel, address)
