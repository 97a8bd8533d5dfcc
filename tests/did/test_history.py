"""The key history of a did:web: what it says, and what follows from it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.did import HistoryEntry, KeyHistory
from konsens.encoding import format_time, jcs
from konsens.errors import InputError, KonsensError, NotTrusted, VerificationError
from tests.did.test_keys import ED25519, KEYS, P256

DID = "did:web:muster.example"
START = datetime(2026, 11, 22, 10, tzinfo=UTC)


def day(number: int) -> str:
    return format_time(START + timedelta(days=number))


def entry(number: int, start: int, until: int | None = None, **changes: Any) -> HistoryEntry:
    key = (ED25519, P256)[number % 2].public
    end = None if until is None else day(until)
    return changed(HistoryEntry(f"{DID}#key-{number}", key.multikey, day(start), end), **changes)


def changed(made: HistoryEntry, **changes: Any) -> HistoryEntry:
    return msgspec.structs.replace(made, **changes)


def history(*entries: HistoryEntry, did: str = DID) -> KeyHistory:
    return KeyHistory(v=1, did=did, keys=entries)


OLD = history(entry(1, 0, 10), entry(2, 10))


@given(st.lists(st.tuples(KEYS, st.integers(0, 9), st.none() | st.integers(1, 9)), min_size=1, max_size=5))
def test_a_history_is_itself_again_after_being_written(rows: list[Any]) -> None:
    starts = sorted(start for _, start, _ in rows)
    entries = [
        entry(n, start, length and start + length, public_key_multibase=key.public.multikey)
        for n, ((key, _, length), start) in enumerate(zip(rows, starts, strict=True))
    ]
    made = history(*entries)
    assert KeyHistory.parse(made.render()) == made
    assert made.digest == hashlib.sha256(made.render()).digest()


def test_it_is_written_as_the_formats_say() -> None:
    assert history(entry(1, 0)).render() == jcs(
        {
            "v": 1,
            "did": DID,
            "keys": [
                {
                    "kid": f"{DID}#key-1",
                    "publicKeyMultibase": P256.public.multikey,
                    "from": "2026-11-22T10:00:00Z",
                    "until": None,
                }
            ],
        }
    )


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        pytest.param({"v": 2}, InputError, "input.version", id="another version"),
        pytest.param({"more": 1}, InputError, "input.unknown_member", id="an unknown member"),
        pytest.param({"keys": []}, InputError, "input.format", id="no keys"),
        pytest.param({"did": "did:web:other.example"}, InputError, "did.history", id="keys of another DID"),
    ],
)
def test_a_history_of_another_form_is_refused(change: Any, error: type[KonsensError], code: str) -> None:
    with pytest.raises(error) as excinfo:
        KeyHistory.parse(jcs({**msgspec.to_builtins(OLD), **change}))
    assert excinfo.value.code == code


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        pytest.param([entry(1, 5), entry(2, 4)], "did.history", id="not in order"),
        pytest.param([entry(1, 0, 1), entry(1, 1)], "did.history", id="a name twice"),
        pytest.param([entry(1, 5, 5)], "did.history", id="over as it begins"),
        pytest.param([entry(1, 5, 4)], "did.history", id="over before it begins"),
        pytest.param([entry(1, 0, kid=DID)], "did.history", id="a name without fragment"),
        pytest.param([entry(1, 0, kid=f"{DID}#")], "did.history", id="an empty fragment"),
        pytest.param([entry(1, 0, kid=f"{DID}:more#key-1")], "did.history", id="the name of another DID"),
        pytest.param([changed(entry(1, 0), until="")], "input.time", id="an empty end"),
        pytest.param([changed(entry(1, 0), start="2026-11-22")], "input.time", id="a day as beginning"),
        pytest.param(
            [changed(entry(1, 0), start="2026-11-22T10:00:00+00:00")], "input.time", id="another zone"
        ),
        pytest.param([entry(1, 0, public_key_multibase="z6Mk")], "key.type", id="half a key"),
        pytest.param(
            [entry(1, 0, public_key_multibase="z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc")],
            "key.type",
            id="a key for encryption",
        ),
    ],
)
def test_a_history_that_contradicts_itself_is_refused(entries: list[HistoryEntry], code: str) -> None:
    with pytest.raises(KonsensError) as error:
        KeyHistory.parse(history(*entries).render())
    assert error.value.code == code


@pytest.mark.parametrize(
    ("number", "moment", "found"),
    [
        *((1, -1, False), (1, 0, True), (1, 9, True), (1, 10, False), (1, 11, False)),
        *((2, 9, False), (2, 10, True), (2, 999, True), (3, 5, False)),
    ],
)
def test_a_key_speaks_from_its_beginning_until_before_its_end(number: int, moment: int, found: bool) -> None:
    kid, at = f"{DID}#key-{number}", START + timedelta(days=moment)
    if found:
        assert OLD.key_at(kid, at) == (ED25519, P256)[number % 2].public
        return
    with pytest.raises(VerificationError) as error:
        OLD.key_at(kid, at)
    assert error.value.code == "did.no_key_then"


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(OLD, id="the same"),
        pytest.param(history(*OLD.keys, entry(3, 20)), id="a new key"),
        pytest.param(history(OLD.keys[0], entry(2, 10, 20)), id="an end"),
        pytest.param(
            history(OLD.keys[0], entry(2, 10, 20), entry(3, 20), entry(4, 21)), id="an end and new keys"
        ),
    ],
)
def test_a_history_follows_that_ends_keys_or_adds_some(new: KeyHistory) -> None:
    new.check_follows(OLD)


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(history(*OLD.keys, did="did:web:other.example"), id="another DID"),
        pytest.param(history(OLD.keys[0]), id="a key lost"),
        pytest.param(history(OLD.keys[1]), id="the first key lost"),
        pytest.param(history(OLD.keys[1], OLD.keys[0]), id="keys swapped"),
        pytest.param(history(entry(0, 0), *OLD.keys), id="a key put before"),
        pytest.param(history(entry(1, 0, 9), OLD.keys[1]), id="an end moved"),
        pytest.param(history(entry(1, 0), OLD.keys[1]), id="an end taken back"),
        pytest.param(history(OLD.keys[0], entry(2, 9)), id="a beginning moved"),
        pytest.param(
            history(OLD.keys[0], entry(2, 10, public_key_multibase=P256.public.multikey)), id="another key"
        ),
        pytest.param(history(OLD.keys[0], entry(2, 10, kid=f"{DID}#key-9")), id="another name"),
        pytest.param(
            history(OLD.keys[0], entry(2, 10, 20, public_key_multibase=P256.public.multikey)),
            id="another key, with an end",
        ),
    ],
)
def test_a_history_that_rewrites_what_was_is_a_changed_key(new: KeyHistory) -> None:
    with pytest.raises(NotTrusted) as error:
        new.check_follows(OLD)
    assert error.value.code == "company.key_changed"
