"""Signed notes: the example of the specification, every rule of the format, and who counts as a signer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from proofbundle import checkpoint as proofbundle
from rich.pretty import pretty_repr

from konsens.errors import InputError, NotTrusted, VerificationError
from konsens.registry.note import (
    MAX_BYTES,
    MAX_SIGNATURES,
    NoteSignature,
    NoteSigner,
    VerifierKey,
    add_signature,
    b64_decode,
    b64_encode,
    check_note,
    parse_note,
    parse_vkey,
    render_vkey,
    sign_note,
)

# signed-note, "Example"
EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""

ALICE, BOB = NoteSigner("alice.example", b"a" * 32), NoteSigner("bob.example", b"b" * 32)
NOTE = sign_note("hello\n", ALICE)


def refused(note: str | bytes, *keys: VerifierKey) -> str:
    with pytest.raises((InputError, VerificationError, NotTrusted)) as caught:
        check_note(note, keys)
    assert isinstance(caught.value, InputError | VerificationError | NotTrusted)
    return caught.value.code


def test_the_example_of_the_specification_verifies() -> None:
    key = parse_vkey(EXAMPLE_VKEY)
    assert check_note(EXAMPLE_NOTE, [key]) == "This is an example message.\n"
    assert check_note(EXAMPLE_NOTE.encode(), [key]) == "This is an example message.\n"
    assert render_vkey(key) == EXAMPLE_VKEY
    assert (key.name, key.id.hex()) == ("example.com/foo", "530d903a")


def test_our_keys_are_spelt_as_proofbundle_spells_them() -> None:
    public = Ed25519PrivateKey.from_private_bytes(ALICE.seed).public_key().public_bytes_raw()
    assert render_vkey(ALICE.vkey) == proofbundle.vkey(ALICE.name, public)


TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.just("\n"), max_size=80)


@given(TEXTS, st.sets(st.sampled_from([ALICE, BOB]), min_size=1))
def test_a_note_reads_back_as_it_was_signed(text: str, signers: set[NoteSigner]) -> None:
    note = sign_note(text + "\n", *signers)
    for signer in signers:
        assert check_note(note, [signer.vkey]) == text + "\n"
    parsed = parse_note(note)
    again = parsed.unverified_text + "\n"
    for line in parsed.signatures:
        again = add_signature(again, line)
    assert again == note


NAMES = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Z"]), min_size=1, max_size=40)


@given(
    NAMES.filter(lambda name: "+" not in name and not any(map(str.isspace, name))),
    st.binary(min_size=32, max_size=32),
)
def test_a_key_reads_back_from_its_text(name: str, seed: bytes) -> None:
    key = NoteSigner(name, seed).vkey
    assert parse_vkey(render_vkey(key)) == key


LINE = NOTE.split("\n\n")[1]


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("", id="nothing"),
        pytest.param("hello\n", id="no signature"),
        pytest.param("hello\n\n", id="no signature line"),
        pytest.param("hello\n" + LINE, id="no empty line"),
        pytest.param("\n" + LINE, id="no text"),
        pytest.param(NOTE[:-1], id="no newline at the end"),
        pytest.param(NOTE + "\n", id="an empty line at the end"),
        pytest.param(NOTE.replace("hello", "hel\tlo"), id="tab"),
        pytest.param(NOTE.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(NOTE.replace("hello", "\x00"), id="NUL"),
        pytest.param(NOTE.replace("hello", "\x1f"), id="control character"),
        pytest.param(NOTE.replace("hello", "\ud800"), id="lone surrogate"),
        pytest.param(NOTE.encode().replace(b"hello", b"\xff"), id="not UTF-8"),
        pytest.param(NOTE.encode("utf-16"), id="UTF-16"),
        pytest.param(NOTE.replace("— ", "- "), id="hyphen for dash"),
        pytest.param(NOTE.replace("— ", "—"), id="no space after the dash"),
        pytest.param(NOTE.replace("alice.example ", "alice.example  "), id="two spaces"),
        pytest.param(NOTE.replace("alice.example ", ""), id="no name"),
        pytest.param(NOTE.replace("alice", "al+ice"), id="plus in the name"),
        pytest.param(NOTE.replace("alice", "al\u00a0ice"), id="Unicode space in the name"),
        pytest.param(NOTE.replace("=\n", "\n"), id="padding cut"),
        pytest.param(NOTE[:-1] + " \n", id="space at the end"),
        pytest.param("hello\n\n— alice.example AAAAAA==\n", id="key ID alone"),
        pytest.param(NOTE + "stray\n", id="stray line among the signatures"),
    ],
)
def test_what_is_no_note_is_refused(note: str | bytes) -> None:
    assert refused(note, ALICE.vkey) == "note.format"


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x7f"])
def test_only_a_newline_ends_a_line(separator: str) -> None:
    text = f"one{separator}line\n"
    assert check_note(sign_note(text, ALICE), [ALICE.vkey]) == text


def test_the_text_ends_at_the_last_empty_line() -> None:
    text = f"hello\n\n{LINE}\nmore\n"
    assert check_note(sign_note(text, BOB), [ALICE.vkey, BOB.vkey]) == text


def test_a_text_that_is_no_line_is_not_signed() -> None:
    for text in ("", "hello", "a\tb\n"):
        with pytest.raises(InputError):
            sign_note(text, ALICE)


def forged(change: Callable[[bytes], bytes], name: str = ALICE.name) -> str:
    line = parse_note(NOTE).signatures[0]
    return add_signature("hello\n\n", NoteSignature(name, line.id, change(line.signature)))


def test_signatures_of_unknown_keys_are_ignored() -> None:
    strangers = NOTE
    strangers = add_signature(strangers, NoteSignature("stranger.example", b"1234", b"x"))
    strangers = add_signature(strangers, NoteSignature(ALICE.name, b"1234", b"same name, other ID"))
    strangers = add_signature(
        strangers, NoteSignature("stranger.example", ALICE.vkey.id, b"same ID, other name")
    )
    assert check_note(strangers, [ALICE.vkey, BOB.vkey]) == "hello\n"


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    assert refused(NOTE, BOB.vkey) == "note.unknown_signer"
    assert refused(NOTE) == "note.unknown_signer"
    assert refused(NOTE, NoteSigner(ALICE.name, BOB.seed).vkey) == "note.unknown_signer"


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    wrong = parse_note(forged(lambda signature: signature[:-1] + bytes([signature[-1] ^ 1]))).signatures[0]
    assert refused(add_signature(NOTE, wrong), ALICE.vkey) == "note.signature"
    assert refused(add_signature(sign_note("hello\n", BOB), wrong), BOB.vkey, ALICE.vkey) == "note.signature"
    assert check_note(add_signature(sign_note("hello\n", BOB), wrong), [BOB.vkey]) == "hello\n"


@pytest.mark.parametrize("length", [1, 63, 65, 128])
def test_a_signature_of_another_length_is_wrong(length: int) -> None:
    assert refused(forged(lambda signature: (signature * 2)[:length]), ALICE.vkey) == "note.signature"


def test_a_changed_text_is_refused() -> None:
    assert refused(NOTE.replace("hello", "hallo"), ALICE.vkey) == "note.signature"


@pytest.mark.parametrize("count", [16, MAX_SIGNATURES])
def test_many_signatures_are_accepted(count: int) -> None:
    signers = [NoteSigner(f"signer-{number}.example", bytes([number]) * 32) for number in range(count)]
    assert check_note(sign_note("hello\n", *signers), [signer.vkey for signer in signers]) == "hello\n"


def test_sixteen_signatures_of_post_quantum_size_are_accepted() -> None:
    note = NOTE
    for number in range(15):
        note = add_signature(note, NoteSignature(f"pq-{number}.example", b"1234", bytes(5000)))
    assert check_note(note, [ALICE.vkey]) == "hello\n"


def test_a_note_has_a_cap() -> None:
    many = NOTE
    for _ in range(MAX_SIGNATURES):
        many = add_signature(many, NoteSignature("x", b"1234", b"x"))
    assert refused(many, ALICE.vkey) == "note.too_large"
    assert refused("x" * MAX_BYTES + NOTE, ALICE.vkey) == "note.too_large"


NAME, KEY_ID, MATERIAL = EXAMPLE_VKEY.split("+", 2)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(NAME, id="name alone"),
        pytest.param(f"+{KEY_ID}+{MATERIAL}", id="no name"),
        pytest.param(f"{NAME}+530d903b+{MATERIAL}", id="other key ID"),
        pytest.param(f"{NAME}+530D903A+{MATERIAL}", id="key ID in upper case"),
        pytest.param(f"{NAME}+530d903+{MATERIAL}", id="short key ID"),
        pytest.param(f"other{NAME}+{KEY_ID}+{MATERIAL}", id="other name"),
        pytest.param(f"a b+{KEY_ID}+{MATERIAL}", id="space in the name"),
        pytest.param(f"a\u2003b+{KEY_ID}+{MATERIAL}", id="Unicode space in the name"),
        pytest.param(f"a\x01b+{KEY_ID}+{MATERIAL}", id="control character in the name"),
        pytest.param(f"a\ud800b+{KEY_ID}+{MATERIAL}", id="lone surrogate in the name"),
        pytest.param(EXAMPLE_VKEY + "\n", id="newline"),
        pytest.param(EXAMPLE_VKEY[:-1], id="cut"),
        pytest.param(EXAMPLE_VKEY[:-1] + "l", id="one letter changed"),
        pytest.param(f"{NAME}+{KEY_ID}+{b64_encode(bytes([2]) + bytes(32))}", id="ECDSA"),
        pytest.param(f"{NAME}+{KEY_ID}+{b64_encode(bytes([6]) + bytes(1312))}", id="ML-DSA"),
        pytest.param(f"{NAME}+{KEY_ID}+", id="no key"),
        pytest.param(f"{NAME}+{KEY_ID}+AQ==", id="type alone"),
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_vkey(text)
    assert caught.value.code == "note.vkey"


def test_a_weak_key_is_no_verifier_key() -> None:
    with pytest.raises(VerificationError) as caught:
        parse_vkey(f"{NAME}+{KEY_ID}+{b64_encode(bytes([1, 1]) + bytes(31))}")
    assert caught.value.code == "key.weak"


@pytest.mark.parametrize("name", ["", " ", "a b", "a+b", "a\nb", "a\u00a0b", "a\u3000b", "a\x0bb", "\ud800"])
def test_a_name_with_spaces_plus_or_controls_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        NoteSigner(name, bytes(32))
    assert caught.value.code == "note.key_name"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(InputError) as caught:
        NoteSigner("alice.example", bytes(length))
    assert caught.value.code == "key.format"


def test_a_signer_never_shows_its_seed() -> None:
    assert repr(ALICE) == str(ALICE) == "NoteSigner('alice.example', …)"
    assert "aaaa" not in pretty_repr(ALICE) + pretty_repr([ALICE], expand_all=True)


@pytest.mark.parametrize(
    "text", ["A", "AA", "AA=", "AB==", "AA==\n", " AA==", "A-==", "AA==AA==", "AA=A", "ÄA=="]
)
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(InputError) as caught:
        b64_decode(text)
    assert caught.value.code == "note.base64"


@given(st.binary(max_size=80))
def test_base64_reads_back(data: bytes) -> None:
    assert b64_decode(b64_encode(data)) == data
