"""Consent: notices, requests, the customer's acts, and a company's side of every one of them.

>>> from konsens.consent import normalize_address
>>> normalize_address("email", "Anna@Muster.Example")
'anna@muster.example'
"""

from __future__ import annotations

from . import act
from .act import Choice, Place, check_choice
from .asked import Asked, asked_of
from .company import Company
from .contact import Address, ContactKeys, resolve_who
from .courier import METHODS, Method
from .decide import check_not_future, decide
from .decision import Check, Decision, Evidence
from .facts import event_fact
from .filter import Filtered, filter_list
from .fold import fold, standing_objections
from .home import open_home
from .import_file import Reject
from .imports import Imported, claims_of, import_rows, row_of
from .in_force import in_force, newest_word, unbroken, whole
from .introduction import Introduction, Pinned, check_introduction
from .judge import Verdict, judge_all
from .lanes import whole_seals
from .ledger import Ledger, Sight
from .log import Log
from .logs import Logs
from .mapping import Mapping, read_mapping, shipped_mappings
from .message import (
    AnchoredText,
    ContactText,
    EventsMessage,
    LogKey,
    ReceiptsMessage,
    ReceiptText,
    RequestMessage,
    parse_message,
    render_message,
)
from .notice import Notice, Purpose, SignedNotice, draft_notice, parse_notice, read_notice, sign_notice
from .notice_check import problems_of
from .offered import check_offered
from .own import CompanyKeys
from .receipt import RECEIPT_TYPE, receipts_for
from .receive import Received
from .record import Record
from .request import (
    ReadRequest,
    Request,
    SignedRequest,
    make_request,
    parse_request,
    read_request,
    request_message,
)
from .state import (
    ELSEWHERE,
    FOREVER,
    Break,
    Fact,
    Standing,
    State,
    Terms,
)
from .step import check_step
from .tables import MIGRATIONS, PENDING_INDEX, Attested, Held, Stops, held_of
from .target import check_target, normalize_address, target_of
from .terms import CHANNELS, Assurance, Offer

__all__ = [
    "CHANNELS",
    "ELSEWHERE",
    "FOREVER",
    "METHODS",
    "MIGRATIONS",
    "PENDING_INDEX",
    "RECEIPT_TYPE",
    "Address",
    "AnchoredText",
    "Asked",
    "Assurance",
    "Attested",
    "Break",
    "Check",
    "Choice",
    "Company",
    "CompanyKeys",
    "ContactKeys",
    "ContactText",
    "Decision",
    "EventsMessage",
    "Evidence",
    "Fact",
    "Filtered",
    "Held",
    "Imported",
    "Introduction",
    "Ledger",
    "Log",
    "LogKey",
    "Logs",
    "Mapping",
    "Method",
    "Notice",
    "Offer",
    "Pinned",
    "Place",
    "Purpose",
    "ReadRequest",
    "ReceiptText",
    "ReceiptsMessage",
    "Received",
    "Record",
    "Reject",
    "Request",
    "RequestMessage",
    "Sight",
    "SignedNotice",
    "SignedRequest",
    "Standing",
    "State",
    "Stops",
    "Terms",
    "Verdict",
    "act",
    "asked_of",
    "check_choice",
    "check_introduction",
    "check_not_future",
    "check_offered",
    "check_step",
    "check_target",
    "claims_of",
    "decide",
    "draft_notice",
    "event_fact",
    "filter_list",
    "fold",
    "held_of",
    "import_rows",
    "in_force",
    "judge_all",
    "make_request",
    "newest_word",
    "normalize_address",
    "open_home",
    "parse_message",
    "parse_notice",
    "parse_request",
    "problems_of",
    "read_mapping",
    "read_notice",
    "read_request",
    "receipts_for",
    "render_message",
    "request_message",
    "resolve_who",
    "row_of",
    "shipped_mappings",
    "sign_notice",
    "standing_objections",
    "target_of",
    "unbroken",
    "whole",
    "whole_seals",
]
