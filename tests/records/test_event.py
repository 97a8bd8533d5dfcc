"""Events at the door: every kind is taken, everything else is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.did import LocalSigner, OfflineResolver, PrivateKey, did_key, kid_of, sign_jws
from konsens.encoding import b64u_decode, b64u_encode, jcs, sha256
from konsens.errors import InputError, KonsensError, VerificationError
from konsens.records import (
    Actor,
    Content,
    Empty,
    EventType,
    Grant,
    Invalidation,
    Matter,
    Seal,
    SignedEvent,
    check_event_signature,
    parse_event,
    render_event,
    sign_event,
)
from tests.records.parties import (
    AT,
    AUTHORITY,
    COMPANY,
    CONSENT,
    COURIER,
    CUSTOMER,
    EXAMPLES,
    GRANT,
    HASH,
    ME,
    ORIGIN,
    OWN,
    REF,
    RELATION,
    SHOP,
    event_of,
)

examples = pytest.mark.parametrize(
    ("kind", "matter", "signer", "content"),
    [pytest.param(*example, id=f"{example[0]}-{type(example[3]).__name__}") for example in EXAMPLES],
)
Members = dict[str, Any]


def payload_of(kind: EventType = "given", **other: Any) -> Members:
    members: Members = json.loads(render_event(event_of(kind, **other)))
    return members


def signed_text(payload: bytes, signer: LocalSigner = CUSTOMER) -> str:
    """Sign bytes that no event of ours would have."""
    return sign_jws(payload, typ="konsens-event+jws", signer=signer)


def refused(text: str) -> str:
    with pytest.raises(KonsensError) as caught:
        parse_event(text)
    return caught.value.code


@examples
def test_every_event_of_the_table_is_taken(
    kind: EventType, matter: Matter, signer: LocalSigner, content: Content
) -> None:
    event = event_of(kind, matter, content, actor=Actor(name="Ä. Beispiel", role="call centre"))
    signed = sign_event(event, signer=signer)
    assert parse_event(signed.text) == signed
    assert signed.event == event
    assert type(signed.event.content) is type(content)
    assert signed.event_hash == sha256(signed.text.encode()).hex()
    check_event_signature(signed, OfflineResolver())


@examples
@pytest.mark.parametrize("other", [CUSTOMER, COMPANY, AUTHORITY])
def test_nobody_else_signs_it(
    kind: EventType, matter: Matter, signer: LocalSigner, content: Content, other: LocalSigner
) -> None:
    """What stands in the table for another signer has other content, so it does not fit either."""
    if other is signer:
        return
    with pytest.raises(KonsensError) as caught:
        sign_event(event_of(kind, matter, content), signer=other)
    assert caught.value.code in ("event.signer", "input.unknown_member", "input.format")


@examples
@pytest.mark.parametrize("elsewhere", [CONSENT, RELATION, OWN])
def test_an_event_stays_in_its_kind_of_lane(
    kind: EventType, matter: Matter, signer: LocalSigner, content: Content, elsewhere: Matter
) -> None:
    if elsewhere.kind == matter.kind:
        return
    with pytest.raises(InputError) as caught:
        sign_event(event_of(kind, elsewhere, content), signer=signer)
    assert caught.value.code == "event.wrong_lane"


def test_the_role_of_the_signer_follows_from_the_matter() -> None:
    roles = {
        sign_event(event_of(kind, matter, content), signer=signer).role
        for kind, matter, signer, content in EXAMPLES
    }
    assert roles == {"customer", "company", "authority"}
    both = Matter(customer=ME, controller=ME)
    assert sign_event(event_of("opened", both, Empty()), signer=CUSTOMER).role == "customer"


def drop(name: str) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        del members[name]

    return change


def put(value: Any, *path: str | int) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        place: Any = members
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


WRONG: list[tuple[str, Callable[[Members], None], str]] = [
    ("version 2", put(2, "v"), "input.version"),
    ("version 2 of an unknown shape", lambda m: m.update(v=2, matter="x"), "input.version"),
    ("version true", put(True, "v"), "input.format"),
    ("no version", drop("v"), "input.format"),
    ("unknown member", put(1, "extra"), "input.unknown_member"),
    ("unknown member of the matter", put(1, "matter", "extra"), "input.unknown_member"),
    ("unknown member of the content", put(1, "content", "extra"), "input.unknown_member"),
    (
        "unknown member of the actor",
        put({"name": "a", "role": "b", "did": "c"}, "actor"),
        "input.unknown_member",
    ),
    ("unknown type", put("granted", "type"), "event.type"),
    ("type of another lane", put("opened", "type"), "event.wrong_lane"),
    ("type of another signer", put("revoked", "type"), "event.signer"),
    ("another type's content", put("refused", "type"), "input.unknown_member"),
    ("no content", drop("content"), "input.format"),
    ("null content", put(None, "content"), "input.format"),
    ("no matter", drop("matter"), "input.format"),
    ("matter without controller", lambda m: m["matter"].pop("controller"), "input.format"),
    ("matter without channel", lambda m: m["matter"].pop("channel"), "event.matter"),
    ("matter without purpose", lambda m: m["matter"].pop("purpose"), "event.matter"),
    ("matter without customer", lambda m: m["matter"].pop("customer"), "event.matter"),
    ("null in the matter", lambda m: m["matter"].update(purpose=None, channel=None), "event.wrong_lane"),
    ("customer that is no did:key", put("did:web:a.example", "matter", "customer"), "input.format"),
    ("customer with a P-256 key", put("did:key:zDn" + "a" * 45, "matter", "customer"), "input.format"),
    ("empty ref", put("ref:", "matter", "customer"), "input.format"),
    ("ref with a space at its end", put("ref:a ", "matter", "customer"), "input.format"),
    ("ref as a customer who signs", put("ref:C-1", "matter", "customer"), "event.signer"),
    ("controller that is no DID", put("Muster-Shop", "matter", "controller"), "input.format"),
    ("purpose in capitals", put("Newsletter", "matter", "purpose"), "input.format"),
    ("purpose with a line end", put("newsletter\n", "matter", "purpose"), "input.format"),
    ("purpose too long", put("a" * 65, "matter", "purpose"), "input.format"),
    ("channel with a dot", put("e.mail", "matter", "channel"), "input.format"),
    ("seq below zero", put(-1, "seq"), "input.format"),
    ("seq with a fraction", put(0.5, "seq"), "input.format"),
    ("seq as text", put("0", "seq"), "input.format"),
    ("seq 0 with a previous event", put(HASH, "prev"), "event.prev"),
    ("seq 1 without a previous event", put(1, "seq"), "event.prev"),
    ("short previous hash", lambda m: m.update(seq=1, prev=HASH[:-1]), "input.format"),
    ("previous hash in capitals", lambda m: m.update(seq=1, prev=HASH.upper()), "input.format"),
    ("no seal", put(None, "seal"), "input.format"),
    ("short seal", put("11" * 31, "seal"), "input.format"),
    ("seal with a line end", put("11" * 32 + "\n", "seal"), "input.format"),
    ("no next seal", put(None, "next"), "event.next"),
    ("next is its own seal", put("11" * 32, "next"), "event.next"),
    ("no logs", put([], "logs"), "event.logs"),
    ("four logs", put(["a", "b", "c", "d"], "logs"), "event.logs"),
    ("one log twice", put(["a", "b", "a"], "logs"), "event.logs"),
    ("logs as text", put("a", "logs"), "input.format"),
    ("empty log", put([""], "logs"), "input.format"),
    ("log with a space", put(["log muster"], "logs"), "input.format"),
    ("log with a plus", put(["log+muster"], "logs"), "input.format"),
    ("log of our own words", put(["konsens/leaf/v1"], "logs"), "input.format"),
    ("time with a fraction", put("2026-11-22T10:00:00.5Z", "at"), "event.time"),
    ("time with zero fraction", put("2026-11-22T10:00:00.0Z", "at"), "input.not_canonical"),
    ("time with an offset", put("2026-11-22T11:00:00+01:00", "at"), "event.time"),
    ("time with a zero offset", put("2026-11-22T10:00:00+00:00", "at"), "input.not_canonical"),
    ("time without a zone", put("2026-11-22T10:00:00", "at"), "input.format"),
    ("time in lower case", put("2026-11-22t10:00:00z", "at"), "input.not_canonical"),
    ("time that is none", put("2026-02-30T10:00:00Z", "at"), "input.format"),
    ("time as a number", put(1795687200, "at"), "input.format"),
    ("until with a fraction", put("2027-01-01T00:00:00.25Z", "content", "until"), "event.time"),
    ("target that is no hash", put("kim@muster.example", "target"), "input.format"),
    ("null actor", put(None, "actor"), "input.not_canonical"),
    ("actor without a role", put({"name": "a"}, "actor"), "input.format"),
    ("no data list", put(None, "content", "data"), "input.format"),
    ("data that is no code", put(["E-Mail"], "content", "data"), "input.format"),
    ("recipient without a name", put([""], "content", "recipients"), "input.format"),
    ("language that is none", put("Deutsch!", "content", "language"), "input.format"),
    ("notice that is no hash", put("newsletter", "content", "notice"), "input.format"),
    ("no notice", lambda m: m["content"].pop("notice"), "input.format"),
]


@pytest.mark.parametrize(("change", "code"), [pytest.param(c, code, id=name) for name, c, code in WRONG])
def test_a_wrong_event_is_refused_by_name(change: Callable[[Members], None], code: str) -> None:
    members = payload_of()
    change(members)
    assert refused(signed_text(jcs(members))) == code


@pytest.mark.parametrize(
    ("kind", "content", "other", "code"),
    [
        pytest.param("opened", Empty(), {"seq": 3, "prev": HASH}, "event.opened", id="opened twice"),
        pytest.param(
            "objected", EXAMPLES[12][3], {"seq": 0, "prev": None}, "event.opened", id="never opened"
        ),
    ],
)
def test_a_customers_relation_lane_begins_with_opened_only(
    kind: EventType, content: Content, other: Members, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        sign_event(event_of(kind, RELATION, content, **other), signer=CUSTOMER)
    assert caught.value.code == code


def test_only_an_invalidation_has_no_next() -> None:
    content = Invalidation(ends=COURIER.ends, since=AT, reason="x")
    with pytest.raises(InputError) as caught:
        sign_event(event_of("invalidated", CONSENT, content, next=Seal("22" * 32)), signer=AUTHORITY)
    assert caught.value.code == "event.next"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param(datetime(2026, 11, 22, 10), "input.format", id="no zone"),
        pytest.param(AT.replace(microsecond=1), "event.time", id="a fraction"),
        pytest.param(AT.astimezone(timezone(timedelta(hours=1))), "event.time", id="another zone"),
    ],
)
def test_a_signer_cannot_slip_in_another_time(at: datetime, code: str) -> None:
    with pytest.raises(InputError) as caught:
        sign_event(event_of(at=at), signer=CUSTOMER)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param(b'{"v":1,"v":1}', "input.json_duplicate", id="a member twice"),
        pytest.param(b"[" * 40 + b"]" * 40, "input.json_depth", id="too deep"),
        pytest.param(b"[]", "input.format", id="a list"),
        pytest.param(b"null", "input.format", id="null"),
        pytest.param(b'"' + b"a" * 70_000 + b'"', "input.too_large", id="too large"),
        pytest.param(b"\xff", "input.json", id="not UTF-8"),
        pytest.param(b'{"v":NaN}', "input.json_number", id="NaN"),
    ],
)
def test_what_is_not_even_an_object_is_refused(payload: bytes, code: str) -> None:
    head = b64u_encode(jcs({"alg": "EdDSA", "kid": CUSTOMER.kid, "typ": "konsens-event+jws"}))
    body = f"{head}.{b64u_encode(payload)}"
    assert refused(f"{body}.{b64u_encode(CUSTOMER.sign(body.encode()))}") == code


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(lambda m: json.dumps(m).encode(), id="white space"),
        pytest.param(lambda m: json.dumps(m, separators=(",", ":")).encode(), id="order of members"),
        pytest.param(lambda m: jcs(m).replace(b"email", rb"\u0065mail"), id="escapes"),
    ],
)
def test_an_event_has_one_spelling(spelling: Callable[[Members], bytes]) -> None:
    members = dict(reversed(payload_of().items()))
    head = b64u_encode(jcs({"alg": "EdDSA", "kid": CUSTOMER.kid, "typ": "konsens-event+jws"}))
    body = f"{head}.{b64u_encode(spelling(members))}"
    assert refused(f"{body}.{b64u_encode(CUSTOMER.sign(body.encode()))}") == "input.not_canonical"


def test_an_event_that_nobody_would_take_is_not_signed() -> None:
    """Its payload is within the limit, its compact form is not."""
    long = msgspec.structs.replace(GRANT, recipients=("x" * 200,) * 250)
    with pytest.raises(InputError) as caught:
        sign_event(event_of(content=long), signer=CUSTOMER)
    assert caught.value.code == "input.too_large"


def test_another_kind_of_message_is_no_event() -> None:
    text = sign_jws(render_event(event_of()), typ="konsens-notice+jws", signer=CUSTOMER)
    assert refused(text) == "jws.typ"


def test_a_signature_by_another_key_is_refused() -> None:
    signed = sign_event(event_of(), signer=CUSTOMER)
    with pytest.raises(VerificationError) as caught:
        check_event_signature(signed, COMPANY.key.public)
    assert caught.value.code == "event.signature"


def test_somebody_who_signs_under_another_name_is_found_out() -> None:
    stranger = LocalSigner(PrivateKey.ed25519(bytes([9]) * 32), CUSTOMER.kid)
    forged = parse_event(sign_event(event_of(), signer=stranger).text)
    with pytest.raises(VerificationError) as caught:
        check_event_signature(forged, OfflineResolver())
    assert caught.value.code == "event.signature"


def test_a_key_that_the_did_does_not_have_is_refused() -> None:
    signer = LocalSigner(CUSTOMER.key, f"{ME}#another")
    with pytest.raises(KonsensError):
        check_event_signature(sign_event(event_of(), signer=signer), OfflineResolver())


def test_a_key_of_the_other_algorithm_is_refused() -> None:
    signed = sign_event(event_of(), signer=CUSTOMER)
    with pytest.raises(VerificationError) as caught:
        check_event_signature(signed, PrivateKey.p256(bytes([1]) * 32).public)
    assert caught.value.code == "jws.alg"


def test_a_company_may_sign_with_p256() -> None:
    key = PrivateKey.p256(bytes([7]) * 32)
    shop = did_key(key.public)
    event = event_of(
        "revoked",
        msgspec.structs.replace(CONSENT, controller=shop),
        EXAMPLES[9][3],
    )
    signed = sign_event(event, signer=LocalSigner(key, kid_of(shop)))
    check_event_signature(parse_event(signed.text), OfflineResolver())


def test_a_web_company_signs_by_any_key_of_its_did() -> None:
    """That the key is in its document is the resolver's to say; here the name must fit."""
    matter = Matter(controller="did:web:muster.example%3A8443:shop")
    content = EXAMPLES[15][3]
    signer = LocalSigner(COMPANY.key, "did:web:muster.example%3A8443:shop#key-2")
    signed = sign_event(event_of("imported", matter, content), signer=signer)
    check_event_signature(signed, COMPANY.key.public)
    for other in ("did:web:muster.example#key-2", "did:web:muster.example%3A8443:shop:x#key-2"):
        with pytest.raises(VerificationError) as caught:
            sign_event(event_of("imported", matter, content), signer=LocalSigner(COMPANY.key, other))
        assert caught.value.code == "event.signer"


SIGNED = sign_event(event_of(), signer=CUSTOMER)


@given(data=st.data())
def test_no_changed_letter_survives(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(SIGNED.text) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda c: c != SIGNED.text[place]))
    with pytest.raises(KonsensError):
        check_event_signature(
            parse_event(SIGNED.text[:place] + letter + SIGNED.text[place + 1 :]), OfflineResolver()
        )


def test_no_flipped_bit_of_the_payload_survives_parsing_or_the_signature() -> None:
    head, payload, signature = SIGNED.text.split(".")
    raw = b64u_decode(payload)
    for place in range(len(raw)):
        flipped = bytearray(raw)
        flipped[place] ^= 1 << (place % 7)
        with pytest.raises(KonsensError):
            check_event_signature(
                parse_event(f"{head}.{b64u_encode(bytes(flipped))}.{signature}"), OfflineResolver()
            )


TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
CODES = st.from_regex(r"\A[a-z][a-z0-9-]{0,63}\Z")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
GRANTS = st.builds(
    Grant,
    request=st.none() | HASHES,
    notice=HASHES,
    language=st.sampled_from(["de", "en", "de-CH", "zh-Hant-TW"]),
    data=st.lists(CODES, max_size=5).map(tuple),
    recipients=st.lists(NAMES, max_size=3).map(tuple),
    until=st.none() | TIMES,
)


@given(
    content=GRANTS,
    purpose=CODES,
    channel=CODES,
    seals=st.lists(HASHES, min_size=2, max_size=2, unique=True),
    at=TIMES,
    target=st.none() | HASHES,
    actor=st.none() | st.builds(Actor, name=NAMES, role=NAMES),
    prev=st.none() | HASHES,
    seq=st.integers(1, (1 << 53) - 1),
)
def test_parsing_what_was_signed_is_the_identity(
    content: Grant,
    purpose: str,
    channel: str,
    seals: list[str],
    at: datetime,
    target: str | None,
    actor: Actor | None,
    prev: str | None,
    seq: int,
) -> None:
    event = event_of(
        "given",
        Matter(customer=ME, controller=SHOP, purpose=purpose, channel=channel),
        content,
        seq=0 if prev is None else seq,
        prev=prev,
        seal=seals[0],
        next=seals[1],
        at=at,
        target=target,
        actor=actor,
    )
    payload = render_event(event)
    assert payload == jcs(json.loads(payload))
    signed: SignedEvent = sign_event(event, signer=CUSTOMER)
    assert signed.event == event
    assert parse_event(signed.text) == signed


def test_matters_have_names_of_their_own() -> None:
    matters = [CONSENT, RELATION, OWN, REF]
    matters += [msgspec.structs.replace(CONSENT, channel="post"), Matter(customer=ME, controller=ME)]
    assert len({matter.record_id for matter in matters}) == len(matters)
    assert [matter.kind for matter in matters[:4]] == ["consent", "relation", "own", "consent"]
    assert CONSENT.record_id == sha256(b"konsens/record/v1\n", jcs(msgspec.to_builtins(CONSENT)))[:16].hex()


def test_the_logs_keep_their_order() -> None:
    logs = ("log.z.example", ORIGIN, "log.a.example")
    assert parse_event(sign_event(event_of(logs=logs), signer=CUSTOMER).text).event.logs == logs


def test_content_is_told_apart_by_its_signer() -> None:
    courier = sign_event(event_of("withdrawn", CONSENT, COURIER), signer=COMPANY)
    own = sign_event(event_of("withdrawn", CONSENT, Empty()), signer=CUSTOMER)
    assert (courier.role, own.role) == ("company", "customer")
    assert type(courier.event.content) is not type(own.event.content)
