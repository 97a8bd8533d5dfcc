"""Consent: notices, requests, the customer's acts, and a company's side of every one of them.

>>> from konsens.consent import normalize_address
>>> normalize_address("email", "Anna@Muster.Example")
'anna@muster.example'
"""

from __future__ import annotations

from . import act
from .act import Choice, Place, check_choice
from .company import Company
from .contact import Address, ContactKeys
from .courier import METHODS, Method
from .decide import decide
from .decision import Assurance, Check, Decision, Evidence
from .filter import Filtered, Verdict, filter_list, judge_all
from .import_file import Reject
from .imports import Imported, import_rows
from .introduction import Introduction, Pinned, check_introduction
from .ledger import Ledger
from .logs import Log, Logs
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
from .own import CompanyKeys
from .receipt import RECEIPT_TYPE, receipts_for
from .receive import Received
from .record import Record
from .request import ReadRequest, Request, SignedRequest, make_request, parse_request, read_request
from .state import Break, Fact, Standing, State, Terms, check_step, fold
from .tables import MIGRATIONS
from .target import check_target, normalize_address, target_of
from .terms import CHANNELS, Offer

__all__ = [
    "CHANNELS",
    "METHODS",
    "MIGRATIONS",
    "RECEIPT_TYPE",
    "Address",
    "AnchoredText",
    "Assurance",
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
    "SignedNotice",
    "SignedRequest",
    "Standing",
    "State",
    "Terms",
    "Verdict",
    "act",
    "check_choice",
    "check_introduction",
    "check_step",
    "check_target",
    "decide",
    "draft_notice",
    "filter_list",
    "fold",
    "import_rows",
    "judge_all",
    "make_request",
    "normalize_address",
    "parse_message",
    "parse_notice",
    "parse_request",
    "problems_of",
    "read_mapping",
    "read_notice",
    "read_request",
    "receipts_for",
    "render_message",
    "shipped_mappings",
    "sign_notice",
    "target_of",
]
