"""Real exports are read; all of a file or nothing; a yes never overrides a no."""

from __future__ import annotations

import csv
import json
import sqlite3
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from konsens.consent import Imported, claims_of, import_rows, imports, read_mapping, shipped_mappings
from konsens.consent.claim_worker import CODE, seal_of_claim
from konsens.consent.claims import Claims, claim_codes
from konsens.consent.contact import keyed_hash
from konsens.consent.imports import row_json, row_of
from konsens.consent.mapping import Told
from konsens.consent.tables import Attested
from konsens.did import public_from_seed
from konsens.encoding import jcs
from konsens.errors import Conflict, InputError, KonsensError, NotFound
from konsens.records import ImportBatch, Seed, claim_key
from konsens.registry import make_seal_leaf, seal_of

from .world import NEWSLETTER, ORIGIN, Customer, World

SEED = Seed.from_bytes(bytes(64))
MAILCHIMP = [
    ["Email Address", "First Name", "OPTIN_TIME", "CONFIRM_TIME", "UNSUB_TIME", "LAST_CHANGED", "EUID"],
    ["anna@muster.example", "Anna", "2024-01-02 10:00:00", "2024-01-02 10:05:00", "", "", "e1"],
    ["otto@muster.example", "Otto", "2024-01-03 10:00:00", "", "2025-05-05 12:00:00", "", "e2"],
    ["nobody", "Bad", "2024-01-03 10:00:00", "", "", "", "e3"],
    ["eve@muster.example", "Eve", "", "", "", "", "e4"],
    ["kim@muster.example", "Kim", "someday", "", "", "", "e5"],
    ["lou@muster.example", "Lou", "2024-01-03 10:00:00", "", "", "", ""],
    ["max@muster.example", "Max"],
    ["tom@muster.example", "Tom", "2094-01-03 10:00:00", "", "", "", "e6"],
]


def run(world: World, rows: list[list[str]], mapping: str = "mailchimp", **more: object) -> Imported:
    source = world.folder / "export.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return import_rows(
        world.shop.ledger,
        world.keys,
        source,
        read_mapping(mapping),
        now=world.now,
        **more,  # type: ignore[arg-type]  # a test's options
    )


def test_an_export_becomes_one_event_and_one_leaf(world: World) -> None:
    world.publish()
    done = run(world, MAILCHIMP)
    assert (done.rows, done.accepted, done.duplicates) == (8, 2, 0)
    assert [(reject.line, reject.code) for reject in done.rejects] == [
        (4, "import.address"),
        (5, "import.no_consent"),
        (6, "import.date"),
        (7, "import.id"),
        (8, "import.width"),
        (9, "import.date"),
    ]
    assert done.leaf_index == 1
    assert world.registry.size() == 2
    content = world.shop.ledger.book.event(done.event or "").anchored.event.event.content
    assert isinstance(content, ImportBatch)
    assert (content.count, content.root) == (2, done.batch)
    for deep in (False, True):
        decision = world.shop.decide(
            "e1", "newsletter", "email", address="anna@muster.example", deep=deep, now=world.now
        )
        assert (decision.code, decision.assurance) == ("ok", "attested")
    assert world.code("e2") == "consent.withdrawn"
    assert world.code("e3") == "consent.none"
    assert world.code("e1", min_assurance="courier") == "consent.assurance"


def test_a_dry_run_writes_nothing(world: World) -> None:
    world.publish()
    done = run(world, MAILCHIMP, dry_run=True)
    assert (done.accepted, done.event) == (2, None)
    assert world.registry.size() == 1
    assert world.code("e1") == "consent.none"


def test_an_interruption_leaves_nothing_half_imported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    with monkeypatch.context() as patch:
        patch.setattr("konsens.consent.imports.sha256", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(world, MAILCHIMP)
    assert world.code("e1") == "consent.none"
    assert world.registry.size() == 1
    assert run(world, MAILCHIMP).accepted == 2


def test_the_same_file_twice_is_all_duplicates(world: World) -> None:
    world.publish()
    run(world, MAILCHIMP)
    again = run(world, MAILCHIMP)
    assert (again.accepted, again.duplicates, again.event) == (0, 2, None)


def test_whoever_holds_the_slip_can_break_the_seal(world: World) -> None:
    world.publish()
    done = run(world, MAILCHIMP)
    claim = dict(claims_of(world.shop.ledger, world.keys, done.event or ""))["ref:e1"]
    world.registry.append([make_seal_leaf(claim_key(claim), bytes(32), origin=ORIGIN)])
    assert world.code("e1") == "consent.seal_broken"
    assert [(reject.line, reject.code) for reject in run(world, MAILCHIMP[:2]).rejects] == []
    assert world.code("e1") == "consent.seal_broken"


def test_an_import_never_overrides_a_no(world: World) -> None:
    world.publish()
    run(world, MAILCHIMP)
    world.shop.withdraw(world.keys, "e1", method="letter", now=world.now)
    assert world.code("e1") == "consent.withdrawn"
    again = run(world, MAILCHIMP[:2])
    assert [reject.code for reject in again.rejects] == ["import.withdrawn_here"]
    assert world.code("e1", deep=True) == "consent.withdrawn"


def test_a_later_unsubscription_lowers_what_was_imported(world: World) -> None:
    world.publish()
    run(world, MAILCHIMP[:2])
    gone = [*MAILCHIMP[1][:4], "2026-01-01 00:00:00", "", "e1"]
    assert run(world, [MAILCHIMP[0], gone]).accepted == 1
    assert world.code("e1") == "consent.withdrawn"


def test_the_customers_own_word_counts_more_than_an_imported_yes(world: World, anna: Customer) -> None:
    notice = world.publish()
    run(world, MAILCHIMP[:2])
    world.receive(anna.open(), anna.give(notice), ref="e1")
    assert world.shop.decide("e1", "newsletter", "email", now=world.now).assurance == "customer_signed"
    world.receive(anna.withdraw())
    assert world.code("e1") == "consent.withdrawn"
    run(world, MAILCHIMP[:2])
    assert world.code("e1") == "consent.withdrawn"


def test_a_stop_seal_stops_imported_rows_too(world: World, anna: Customer) -> None:
    world.publish()
    run(world, MAILCHIMP[:2])
    world.receive(anna.open(), ref="e1")
    assert world.code("e1") == "ok"
    anna.object_to()
    assert world.code("e1") == "consent.objected"
    world.receive(anna.lanes[0][1])
    assert world.code("e1") == "consent.objected"


CALLS = NEWSLETTER.replace('id = "newsletter"', 'id = "all"').replace(
    'channels = ["email"]', 'channels = ["email", "phone", "post"]'
)


@pytest.mark.parametrize(
    ("mapping", "rows", "codes"),
    [
        pytest.param(
            "hubspot",
            [
                [
                    "Record ID",
                    "Email",
                    "Create Date",
                    "Legal basis for processing contact's data",
                    "Unsubscribed from all email",
                ],
                [
                    "1",
                    "a@muster.example",
                    "2024-01-02 10:00",
                    "Freely given consent from contact;Performance of a contract",
                    "false",
                ],
                ["2", "b@muster.example", "2024-01-02 10:00", "Legitimate interest – prospect/lead", "false"],
                ["3", "c@muster.example", "2024-01-02 10:00", "Freely given consent from contact", "true"],
            ],
            {"1": "ok", "2": "consent.none", "3": "consent.withdrawn"},
            id="HubSpot",
        ),
        pytest.param(
            "mautic",
            [
                ["id", "email", "firstname", "newsletter_consent", "newsletter_consent_date", "doNotEmail"],
                ["1", "a@muster.example", "A", "yes", "2024-01-02", ""],
                ["2", "b@muster.example", "B", "no", "2024-01-02", ""],
                ["3", "c@muster.example", "C", "yes", "2024-01-02", "1"],
            ],
            {"1": "ok", "2": "consent.none", "3": "consent.withdrawn"},
            id="Mautic",
        ),
        pytest.param(
            "salesforce",
            [
                [
                    "PartyId",
                    "ContactPointType",
                    "DataUsePurposeId",
                    "PrivacyConsentStatus",
                    "CaptureDate",
                    "EffectiveTo",
                ],
                ["1", "Email", "0ZW1", "OptIn", "2024-01-02T10:00:00.000Z", ""],
                ["2", "Email", "0ZW1", "Seen", "2024-01-02T10:00:00.000Z", ""],
                ["3", "Email", "0ZW1", "OptOut", "2024-01-02T10:00:00.000Z", "2025-01-01T00:00:00.000Z"],
                ["4", "Phone", "0ZW1", "OptIn", "2024-01-02T10:00:00.000Z", ""],
                ["5", "Pigeon", "0ZW1", "OptIn", "2024-01-02T10:00:00.000Z", ""],
            ],
            {
                "1": "ok",
                "2": "consent.none",
                "3": "consent.withdrawn",
                "4": "consent.none",
                "5": "consent.none",
            },
            id="Salesforce",
        ),
    ],
)
def test_each_shipped_mapping_reads_its_export(
    mapping: str, rows: list[list[str]], codes: dict[str, str], world: World
) -> None:
    world.publish(CALLS)
    run(world, rows, mapping)
    assert {who: world.code(who) for who in codes} == codes
    if mapping == "salesforce":
        assert world.code("4", channel="phone") == "ok"


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        pytest.param(b"\xff\xfe", InputError, "import.encoding", id="not UTF-8"),
        pytest.param(b"", InputError, "import.csv", id="empty"),
        pytest.param(b'EUID,OPTIN_TIME,Email Address\n"1,2', InputError, "import.csv", id="open quote"),
        pytest.param(b"A,B\n1,2\n", InputError, "import.no_id_column", id="no number"),
        pytest.param(b"EUID,Email Address\n1,2\n", InputError, "import.no_column", id="no column"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    content: bytes, kind: type[KonsensError], code: str, world: World
) -> None:
    source = world.folder / "export.csv"
    source.write_bytes(content)
    with pytest.raises(kind) as refused:
        import_rows(world.shop.ledger, world.keys, source, read_mapping("mailchimp"), now=world.now)
    assert refused.value.code == code


def test_the_shipped_mappings_are_these_and_no_others_are_guessed(tmp_path: Path) -> None:
    assert shipped_mappings() == ("hubspot", "mailchimp", "mautic", "salesforce")
    for name in ("nothing", str(tmp_path / "x.toml")):
        with pytest.raises(NotFound):
            read_mapping(name)
    own = tmp_path / "own.toml"
    own.write_text("name = 1", "utf-8")
    with pytest.raises(InputError):
        read_mapping(str(own))


@given(
    st.text(min_size=1, max_size=50).filter(lambda text: text.isprintable()),
    st.integers(-62_135_596_800, 253_402_300_799),  # all that a date can show
    st.booleans(),
)
def test_a_row_is_written_as_its_canonical_json(ref: str, since: int, bound: bool) -> None:
    target = "1" * 64 if bound else None
    told = Told(ref, "newsletter", "email", "given", since, None)
    attested = Attested("0" * 64, 1, "given", since, "2" * 64, (ORIGIN,), target, bytes(32))
    written = ("2" * 64).join(row_json(told, target)).encode()
    assert written == jcs(row_of(f"ref:{ref}", "newsletter", "email", attested))
    assert json.loads(written)["ref"] == ref


@pytest.mark.parametrize("ahead", [0, 5000], ids=["derived when taken", "derived ahead"])
@pytest.mark.parametrize("count", [5, 4100])
def test_the_quick_derivation_is_the_general_one(count: int, ahead: int) -> None:
    with Claims(claim_codes(SEED, b"1")) as claims:
        claims.ahead(ahead)
        taken = [seal for some in claims.take(count) for seal in some]
    codes = claim_codes(SEED, b"1")(CODE * count)
    assert len(taken) == len(set(taken)) == count
    for n in range(0, count, max(1, count // 7)):
        code = codes[CODE * n : CODE * (n + 1)]
        assert taken[n] == seal_of(public_from_seed(claim_key(code))) == seal_of_claim(code)


def test_claim_codes_are_the_key_stream_that_the_formats_name() -> None:
    nonce = bytes(range(32))
    key = HKDF(SHA256(), 32, None, f"konsens/v1/claims/{nonce.hex()}".encode()).derive(SEED.raw)
    blocks = b"".join(n.to_bytes(16, "big") for n in range(7))
    codes = claim_codes(SEED, nonce)
    assert codes(2 * CODE) + codes(5 * CODE) == Cipher(AES256(key), ECB()).encryptor().update(blocks)


@given(st.binary(max_size=64), st.binary(max_size=200))
def test_the_keyed_hash_is_the_general_one(key: bytes, message: bytes) -> None:
    assert keyed_hash(key)(message) == blake2b(message, digest_size=16, key=key).digest()


def test_a_helper_that_dies_ends_the_import_and_leaves_no_process() -> None:
    with Claims(claim_codes(SEED, b"1")) as claims:
        claims.ahead(5000)
        for worker in claims._workers:
            worker.kill()
        with pytest.raises((RuntimeError, OSError)):
            list(claims.take(5000))
    assert all(worker.returncode is not None for worker in claims._workers)


def test_what_an_import_writes_is_what_the_fold_says(world: World) -> None:
    world.publish()
    run(world, MAILCHIMP)
    for who in ("ref:e1", "ref:e2"):
        held = world.shop.ledger.held(who, "newsletter", "email")
        assert held is not None
        assert world.shop.ledger.sight(who[4:], "newsletter", "email").attested == held
        assert world.shop.ledger.all_held(who) == [("newsletter", "email", held)]
        with world.shop.ledger.book.write():
            assert world.shop.ledger.refold(who, "newsletter", "email") == held


@pytest.mark.parametrize(
    ("address", "left"),
    [
        pytest.param("anna@muster.example", "31.02.2025", id="a day that never was"),
        pytest.param("anna@muster.example", "2094-01-03 10:00:00", id="a date in the future"),
        pytest.param("muster.example", "2025-05-05 12:00:00", id="an address that is none"),
    ],
)
def test_a_no_is_never_lost_for_a_wrong_date_or_address(address: str, left: str, world: World) -> None:
    world.publish()
    run(world, MAILCHIMP)
    assert world.code("e1") == "ok"
    done = run(world, [MAILCHIMP[0], [address, "Anna", "2024-01-02 10:00:00", "", left, "", "e1"]])
    assert (done.accepted, done.rejects) == (1, ())
    assert world.code("e1") == "consent.withdrawn"


def test_a_column_that_stands_twice_is_not_guessed(world: World) -> None:
    world.publish()
    header = [*MAILCHIMP[0][:4], "UNSUB_TIME", "UNSUB_TIME", "EUID"]
    with pytest.raises(InputError) as error:
        run(world, [header, ["anna@muster.example", "", "2024-01-02 10:00:00", "", "", "2025-01-01", "e1"]])
    assert error.value.code == "import.column_twice"
    assert world.registry.size() == 1


def test_an_import_writes_over_nothing_that_came_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish()
    run(world, MAILCHIMP)
    make = imports._rows

    def staff_are_faster(*given: Any) -> Any:
        with sqlite3.connect(world.shop.ledger.book.path) as other:
            other.execute("INSERT INTO setting VALUES ('x', x'00')")
        other.close()
        return make(*given)

    monkeypatch.setattr(imports, "_rows", staff_are_faster)
    new = [MAILCHIMP[0], ["new@muster.example", "", "2024-01-02 10:00:00", "", "", "", "e9"]]
    with pytest.raises(Conflict) as error:
        run(world, new)
    assert error.value.code == "import.book_changed"
    assert world.code("e9") == "consent.none"
    monkeypatch.undo()
    assert run(world, new).accepted == 1


ODD = [
    ("0001-01-01", "a@x.example", "import.date"),
    ("1994-12-31", "a@x.example", "import.date"),
    ("1970-01-01", "a@x.example", "import.date"),
    ("2024-01-02", "", "import.no_address"),
    ("2024-01-02", "a\u202eb@x.example", "import.hidden_letters"),
    ("2024-01-02", "\u200ba@x.example", "import.hidden_letters"),
    ("2024-01-02", "a\x07@x.example", "import.hidden_letters"),
    ("2024-01-02", "=cmd|x@x.example", "import.formula"),
    ("2024-01-02", "@sum@x.example", "import.formula"),
]


@pytest.mark.parametrize(("since", "address", "code"), ODD)
def test_a_yes_that_nobody_should_take_is_refused_by_its_line(
    since: str, address: str, code: str, world: World
) -> None:
    world.publish()
    header = ["EUID", "Email Address", "OPTIN_TIME", "UNSUB_TIME"]
    good = ["e0", "good@x.example", "1995-01-01", ""]
    done = run(world, [header, good, ["e1", address, since, ""], ["e2", address, since, since]])
    assert [(reject.line, reject.code) for reject in done.rejects] == [(3, code)]
    assert done.accepted == 2
    assert world.code("e2") == "consent.withdrawn"  # neither keeps a no out


def test_a_row_without_its_number_is_refused_but_a_no_in_it_counts(world: World) -> None:
    world.publish()
    rows = [
        ["LEID", "Email Address", "OPTIN_TIME", "UNSUB_TIME"],
        ["7", "anna@x.example", "2024-01-02", ""],
        ["", "otto@x.example", "2024-01-02", ""],
        ["", "anna@x.example", "2024-01-02", "2025-01-02"],
    ]
    done = run(world, rows)
    assert [(reject.line, reject.code) for reject in done.rejects] == [(3, "import.id")]
    assert (world.code("anna@x.example"), world.code("7")) == ("consent.withdrawn", "consent.withdrawn")
