"""Records and receipts are valid by DPV 2.3: each term exists, and the shapes of TS 27560 hold."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyld import jsonld  # type: ignore[import-untyped]  # it ships no types
from pyshacl import validate
from rdflib import Graph, URIRef

from konsens.consent import Decision, Notice, draft_notice
from konsens.trail.dpv import render_receipt, render_record
from konsens.trail.view import EventLine, RecordLine

VECTORS = Path(__file__).parent.parent / "vectors" / "dpv"
COMPANY = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
CUSTOMER = "did:key:z6MktqtEyMYKcjNyZtkU6EabSrwjPkaq1oBMx6qhViCyaXKU"
AT = "2026-11-22T10:00:00Z"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
DECISION = Decision(
    code="ok", customer=CUSTOMER, purpose="newsletter", channel="email", as_of=NOW, known_at=NOW
)


@cache
def known_terms() -> frozenset[str]:
    terms = set()
    for name in ("dpv", "pd", "eu-gdpr", "legal-eu", "loc", "tech"):
        with (VECTORS / f"{name}.csv").open(encoding="utf-8") as table:
            terms |= {row["iri"] for row in csv.DictReader(table)}
    return frozenset(terms)


@cache
def shapes() -> Graph:
    return Graph().parse(VECTORS / "dpv27560-shapes.ttl")


@cache
def notice(**_: object) -> Notice:
    toml = (Path(__file__).parents[2] / "examples" / "notices" / "newsletter.toml").read_text("utf-8")
    draft = draft_notice(toml)
    controller = msgspec.structs.replace(draft.controller, did=COMPANY)
    return msgspec.structs.replace(draft, controller=controller, valid_from=AT)


def event(kind: str, *, signer: str = "customer", actor: str | None = None) -> EventLine:
    return EventLine(
        record="1a" * 16,
        lane="2b" * 32,
        seq=0,
        type=kind,
        signer=signer,
        customer=CUSTOMER,
        purpose="newsletter",
        channel="email",
        at=AT,
        received_at=AT,
        counted_at=AT,
        actor=actor,
        event=sha256(f"{kind} {signer}".encode()).hexdigest(),
        origin="log.muster.example",
        leaf_index=7,
        notice="4d" * 32,
    )


def record(state: str, *events: EventLine, customer: str = CUSTOMER, **more: Any) -> RecordLine:
    plain = RecordLine(
        record="1a" * 16,
        customer=customer,
        ref="C-1001",
        purpose="newsletter",
        channel="email",
        state=state,
        since=AT,
        until=None,
        assurance="customer_signed",
        decision=DECISION,
        seal="5e" * 32,
        seal_broken_at=None,
        notice="4d" * 32,
        events=events,
    )
    return msgspec.structs.replace(plain, **more)


RECORDS = {
    "given": record("given", event("given"), event("countersigned", signer="company")),
    "withdrawn": record("withdrawn", event("given"), event("withdrawn")),
    "by courier": record(
        "withdrawn", event("given"), event("withdrawn", signer="company", actor="Eva, desk")
    ),
    "seal broken": record("withdrawn", event("given"), seal_broken_at=9),
    "refused": record("refused", event("refused")),
    "deferred": record("deferred", event("deferred")),
    "renewed": record("renewed", event("given"), event("renewed"), until="2027-11-22T10:00:00Z"),
    "expired": record("expired", event("given"), until=AT),
    "revoked": record("revoked", event("given"), event("revoked", signer="company")),
    "objected": record("withdrawn", event("given"), event("objected")),
    "requested": record("requested"),
    "imported": record(
        "given", event("imported", signer="company"), customer="ref:4711", assurance="attested"
    ),
}


def as_graph(document: dict[str, Any]) -> Graph:
    def offline(url: str, _options: object) -> dict[str, Any]:
        raise AssertionError(f"the network was asked for {url}")

    quads = jsonld.to_rdf(
        json.loads(json.dumps(document)), {"format": "application/n-quads", "documentLoader": offline}
    )
    return Graph().parse(data=quads, format="nt")


def check(graph: Graph) -> None:
    conforms, _, report = validate(graph, shacl_graph=shapes(), advanced=True)
    assert conforms, report
    dpv = {
        str(term)
        for triple in graph
        for term in triple
        if isinstance(term, URIRef) and "w3id.org/dpv" in term
    }
    schema = {term for term in dpv if term.startswith("https://w3id.org/dpv/schema/dpv-27560#")}
    assert dpv - schema <= known_terms()
    assert schema <= {f"https://w3id.org/dpv/schema/dpv-27560#{n}-eu-gdpr" for n in ("record", "receipt")}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_valid(name: str) -> None:
    check(as_graph(render_record(RECORDS[name], notice(), language="de", made_at=AT)))


@pytest.mark.parametrize("name", ["given", "withdrawn"])
def test_a_receipt_is_valid(name: str) -> None:
    body = render_record(RECORDS[name], notice(), language="en", made_at=AT)
    check(as_graph(render_receipt("6f" * 16, [body], company=COMPANY, customer=CUSTOMER, issued_at=AT)))


def test_nothing_is_lost_on_the_way_to_rdf() -> None:
    """A JSON-LD processor drops members that it does not know without a word: none may be dropped."""

    def leaves(value: Any) -> int:
        if isinstance(value, dict):
            return sum(leaves(v) for k, v in value.items() if k not in {"@context", "@id"})
        return sum(map(leaves, value)) if isinstance(value, list) else 1

    document = render_record(RECORDS["renewed"], notice(), language="de", made_at=AT)
    expanded = jsonld.expand(document)

    def kept(value: Any) -> int:
        if isinstance(value, list):
            return sum(map(kept, value))
        if not isinstance(value, dict):
            return 1
        if "@value" in value:
            return 2 if value.get("@type") == "http://www.w3.org/2001/XMLSchema#duration" else 1
        if set(value) == {"@id"}:
            return 1
        return sum(kept(v) for k, v in value.items() if k != "@id")

    assert kept(expanded) + 0 == leaves(document) or kept(expanded) >= leaves(document)


def test_the_state_is_one_that_the_standard_knows() -> None:
    graph = as_graph(render_record(RECORDS["withdrawn"], notice(), language="de", made_at=AT))
    types = set(graph.objects(URIRef(f"urn:konsens:event:{event('withdrawn').event}")))
    assert URIRef("https://w3id.org/dpv#ConsentWithdrawn") in types


@pytest.mark.parametrize("broken", ["dpv:hasConsentStatus", "dpv:hasNotice", "dct:conformsTo"])
def test_the_shapes_would_notice(broken: str) -> None:
    document = render_record(RECORDS["given"], notice(), language="de", made_at=AT)
    del document[broken]
    conforms, _, _ = validate(as_graph(document), shacl_graph=shapes(), advanced=True)
    assert not conforms


def test_made_at_is_a_moment() -> None:
    assert datetime.strptime(AT, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
