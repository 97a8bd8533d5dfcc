"""Consent records and receipts as JSON-LD: ISO/IEC TS 27560:2023 through the W3C vocabulary DPV 2.3.

A record is a *view* of signed events, not evidence itself. Two places of the DPV guide are read strictly:
`dpv:hasProcess` is always an array (the guide's examples repeat the member, which JSON forbids), and both
`dct:identifier` and `dpv:hasIdentifier` are written, since the guide asks now for one, now for the other.
DPV has no term for the channel of a contact; the small vocabulary `urn:konsens:vocab:` names it and points
with `skos:broader` into DPV. Every IRI of DPV that is written here exists in DPV 2.3.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from ..consent import Notice, Purpose
from ..errors import InputError
from .view import EventLine, RecordLine

__all__ = ["CONTEXT", "render_receipt", "render_record"]

_DPV = "https://w3id.org/dpv#"
_IRIS: tuple[str, ...] = (
    "dct:conformsTo",
    "dct:publisher",
    "skos:broader",
    "dpv:hasApplicableLaw",
    "dpv:hasAuthority",
)
_IRIS += ("dpv:hasContext", "dpv:hasDataController", "dpv:hasDataSource", "dpv:hasDataSubject")
_IRIS += ("dpv:hasJurisdiction", "dpv:hasLegalBasis", "dpv:hasLocation", "dpv:hasNecessity")
_IRIS += ("dpv:hasProcessing", "dpv:hasRecipient", "dpv:isIndicatedBy", "schema:recipient")

# Inline, so that a file can be read for ever and no address is ever asked (JSON-LD 1.1, section 3.1).
CONTEXT: dict[str, Any] = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": _DPV,
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "legal-eu": "https://w3id.org/dpv/legal/eu#",
    "loc": "https://w3id.org/dpv/loc#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "tech": "https://w3id.org/dpv/tech#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dct:created": {"@type": "xsd:dateTime"},
    "dct:issued": {"@type": "xsd:dateTime"},
    "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime"},
    **{term: {"@type": "@id"} for term in _IRIS},
}

# ISO/IEC TS 27560:2023, section 8.5 by the DPV guide: which state an event brings about.
_STATUS = {
    "given": "dpv:ConsentGiven",
    "confirmed": "dpv:ConsentGiven",
    "renewed": "dpv:RenewedConsentGiven",
    "refused": "dpv:ConsentRefused",
    "deferred": "dpv:ConsentRequestDeferred",
    "withdrawn": "dpv:ConsentWithdrawn",
    "objected": "dpv:ConsentWithdrawn",
    "revoked": "dpv:ConsentRevoked",
    "imported": "dpv:ConsentGiven",
}
_DERIVED = {"expired": "dpv:ConsentExpired", "invalidated": "dpv:ConsentInvalidated"}
_BASIS = {
    "consent": "eu-gdpr:A6-1-a",
    "contract": "eu-gdpr:A6-1-b",
    "legal": "eu-gdpr:A6-1-c",
    "legitimate_interest": "eu-gdpr:A6-1-f",
    "existing_customer": "eu-gdpr:A6-1-f",
}
_RIGHTS = ("A7-3", "A13", "A15", "A16", "A17", "A18", "A20", "A21", "A22")
_ROLE = {
    "processor": "dpv:DataProcessor",
    "controller": "dpv:DataController",
    "third-party": "dpv:ThirdParty",
}
_METHOD = {
    "customer_signed": "signed in the customer's own wallet",
    "courier": "recorded by staff on the customer's behalf",
    "attested": "stated by the company for a consent taken earlier",
}
_COUNTRY = re.compile(r"[A-Z]{2}")


def render_record(record: RecordLine, notice: Notice, *, language: str, made_at: str) -> dict[str, Any]:
    """Return one consent record (dpv:ConsentRecord, conforming to `#record-eu-gdpr`)."""
    purpose = notice.purpose_named(record.purpose)
    if purpose is None or notice.controller.did is None:
        raise InputError("dpv.purpose", purpose=record.purpose)
    recipients = [_recipient(notice, index) for index in range(len(purpose.recipients))]
    return {
        "@context": CONTEXT,
        "@id": f"urn:konsens:record:{record.record}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr",
        "dct:identifier": record.record,
        "dpv:hasIdentifier": record.record,
        "dct:created": made_at,
        "dpv:hasDataSubject": _subject(record),
        "dpv:hasDataController": notice.controller.did,
        "dpv:hasEntity": [_controller(notice), *_entities(notice, purpose)],
        "dpv:hasJurisdiction": f"loc:{notice.jurisdiction}",
        "dpv:hasApplicableLaw": "legal-eu:law-GDPR",
        "dpv:hasAuthority": _named_iri(notice, "authority"),
        "dpv:hasNotice": _notice(notice, record, language),
        "dpv:hasProcess": [_process(purpose, record, notice, recipients, language)],
        "dpv:hasConsentStatus": _statuses(record),
    }


def render_receipt(
    card: str, records: list[dict[str, Any]], *, company: str, customer: str, issued_at: str
) -> dict[str, Any]:
    """Return a receipt over records (dpv:ConsentReceipt, conforming to `#receipt-eu-gdpr`)."""
    return {
        "@context": CONTEXT,
        "@id": f"urn:konsens:receipt:{card}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr",
        "dct:identifier": card,
        "dpv:hasIdentifier": card,
        "dct:created": issued_at,
        "dct:publisher": company,
        "schema:recipient": _iri(customer),
        "dpv:hasRecordOfActivity": [
            {name: value for name, value in record.items() if name != "@context"} for record in records
        ],
    }


def _iri(customer: str) -> str:
    return customer if customer.startswith("did:") else f"urn:konsens:{quote(customer, safe=':')}"


def _subject(record: RecordLine) -> dict[str, Any]:
    return {
        "@id": _iri(record.customer),
        "@type": ["dpv:DataSubject", "dpv:Customer"],
        "dpv:hasIdentifier": record.customer,
    }


def _named_iri(notice: Notice, name: str) -> str:
    return f"urn:konsens:notice:{notice.id}:{notice.version}:{name}"


def _controller(notice: Notice) -> dict[str, Any]:
    controller = notice.controller
    return {
        "@id": controller.did,
        "@type": "dpv:DataController",
        "dct:identifier": controller.did,
        "dpv:hasIdentifier": controller.did,
        "dpv:hasName": controller.name,
        "dpv:hasAddress": controller.address,
        "schema:contactPoint": {
            "@type": "schema:ContactPoint",
            "schema:email": controller.contact,
            "schema:address": controller.address,
        },
    }


def _entities(notice: Notice, purpose: Purpose) -> list[dict[str, Any]]:
    """Recipients and the supervisory authority; their contact is reached through the controller."""
    contact = {"@type": "schema:ContactPoint", "schema:email": notice.controller.contact}
    entities = [
        {
            "@id": _recipient(notice, index),
            "@type": _ROLE.get(recipient.role, "dpv:Recipient"),
            "dct:identifier": recipient.did or recipient.name,
            "dpv:hasIdentifier": recipient.did or recipient.name,
            "dpv:hasName": recipient.name,
            "schema:contactPoint": contact,
            **(
                {"dpv:hasLocation": f"loc:{recipient.country}"}
                if _COUNTRY.fullmatch(recipient.country)
                else {}
            ),
        }
        for index, recipient in enumerate(purpose.recipients)
    ]
    authority = {
        "@id": _named_iri(notice, "authority"),
        "@type": "dpv:DataProtectionAuthority",
        "dct:identifier": notice.controller.authority,
        "dpv:hasIdentifier": notice.controller.authority,
        "dpv:hasName": notice.controller.authority,
        "schema:contactPoint": {"@type": "schema:ContactPoint", "schema:name": notice.controller.authority},
    }
    return [*entities, authority]


def _recipient(notice: Notice, index: int) -> str:
    return _named_iri(notice, f"recipient-{index}")


def _notice(notice: Notice, record: RecordLine, language: str) -> dict[str, Any]:
    described = {
        "@id": f"urn:konsens:notice:sha256:{record.notice}",
        "@type": ["dpv:ConsentNotice", "dpv:PrivacyNotice"],
        "dct:identifier": record.notice,
        "dct:title": f"{notice.id} {notice.version}",
        "dct:language": language,
    }
    return described | ({"dct:issued": notice.valid_from} if notice.valid_from else {})


def _process(
    purpose: Purpose, record: RecordLine, notice: Notice, recipients: list[str], language: str
) -> dict[str, Any]:
    label = purpose.label.get(language) or next(iter(purpose.label.values()))
    processing = list(purpose.processing) or ["dpv:Collect", "dpv:Store", "dpv:Use"]
    if purpose.profiling:
        processing.append("dpv:Profiling")
    process: dict[str, Any] = {
        "@id": f"urn:konsens:process:{record.record}",
        "@type": "dpv:Process",
        "dpv:hasPurpose": {
            "@id": _named_iri(notice, f"purpose-{purpose.code}"),
            "@type": purpose.dpv,
            "dct:identifier": purpose.code,
            "dct:title": label,
            "skos:broader": purpose.dpv,
        },
        "dpv:hasPersonalData": [
            {
                "@id": _named_iri(notice, f"data-{item.code}"),
                "@type": item.dpv,
                "dct:identifier": item.code,
                "dpv:hasNecessity": "dpv:Required" if item.necessary else "dpv:Optional",
            }
            for item in purpose.data
        ],
        "dpv:hasProcessing": processing,
        "dpv:hasLegalBasis": _BASIS[purpose.legal_basis],
        "dpv:hasDataController": notice.controller.did,
        "dpv:hasRecipient": recipients or [notice.controller.did],
        "dpv:hasStorageCondition": {
            "@type": "dpv:StorageDuration",
            "dpv:hasDuration": {"@type": "xsd:duration", "@value": purpose.retention},
        },
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dct:description": "one append to the log by the customer, or any message to the contact",
            "schema:email": notice.controller.contact,
        },
        "dpv:hasRight": [
            {"@type": ["dpv:DataSubjectRight", f"eu-gdpr:{right}"], "schema:email": notice.controller.contact}
            for right in _RIGHTS
        ],
        "dpv:hasContext": {
            "@id": f"urn:konsens:vocab:channel-{record.channel}",
            "dct:identifier": record.channel,
            "skos:broader": "tech:CommunicationMechanism",
        },
    }
    if purpose.automated_decisions:
        process["dpv:hasAutomationLevel"] = {"@id": "dpv:FullAutomation"}
    if record.assurance == "customer_signed":
        process["dpv:hasDataSource"] = "dpv:DataSubjectDataSource"
    return process


def _statuses(record: RecordLine) -> list[dict[str, Any]]:
    statuses = [_status(event, record) for event in record.events if event.type in _STATUS]
    if record.state in _DERIVED and record.since:
        statuses.append(_plain_status(_DERIVED[record.state], record.since, "dpv:DataController", "derived"))
    if record.seal_broken_at is not None and (
        not statuses or statuses[-1]["@type"] != "dpv:ConsentWithdrawn"
    ):
        method = f"seal broken by entry {record.seal_broken_at} of the log"
        statuses.append(
            _plain_status("dpv:ConsentWithdrawn", record.since or "", _iri(record.customer), method)
        )
    if not statuses:
        statuses.append(
            _plain_status("dpv:ConsentRequested", record.since or "", "dpv:DataController", "asked")
        )
    until: dict[str, Any] = {"@type": "dpv:UntilEventDuration", "rdf:value": "withdrawal"}
    if record.until:
        until = {"@type": "dpv:TemporalDuration", "schema:endTime": record.until}
    return [status | {"dpv:hasDuration": until} for status in statuses]


def _status(event: EventLine, record: RecordLine) -> dict[str, Any]:
    by = _iri(record.customer) if event.signer == "customer" else "dpv:DataController"
    method = event.actor or _METHOD.get(record.assurance or "", "recorded")
    status = _plain_status(_STATUS[event.type], event.at, by, method)
    return status | {"@id": f"urn:konsens:event:{event.event}", "dct:identifier": event.event}


def _plain_status(kind: str, at: str, by: str, method: str) -> dict[str, Any]:
    return {
        "@type": kind,
        "dpv:isIndicatedAtTime": at,
        "dpv:isIndicatedBy": by,
        "dpv:hasIndicationMethod": method,
    }
