"""A log as a service: many append, one writer, everybody reads static files (extra `[service]`).

>>> policy = parse_append_policy('v = 1\\n[open]\\nper_minute = 60')
>>> policy.open.all_per_minute
60000
"""

from .admission import Admission
from .append_policy import AppendPolicy, Member, Open, parse_append_policy
from .group_commit import GroupCommit, State
from .log_service import Intake, LogService
from .membership import check_request, sign_request
from .vouchers import MemoryVouchers, SqliteVouchers, Vouchers, hash_of

__all__ = [
    "Admission",
    "AppendPolicy",
    "GroupCommit",
    "Intake",
    "LogService",
    "Member",
    "MemoryVouchers",
    "Open",
    "SqliteVouchers",
    "State",
    "Vouchers",
    "check_request",
    "hash_of",
    "parse_append_policy",
    "sign_request",
]
