"""What every command answers: the `data` of the JSON envelope, one type a command.

This is the contract with the programs that drive konsens. Fields may be added, never renamed or removed;
`konsens schema COMMAND` prints the JSON Schema of a type. Times are RFC 3339 in UTC with `Z`, hashes and
seals 64 hex digits, ids 32, codes of a notice `[a-z][a-z0-9-]*`, paths as they were given.

>>> import msgspec
>>> from konsens.cli.answers import ANSWERS
>>> sorted(msgspec.json.schema(ANSWERS["id new"])["$defs"]["IdOne"]["properties"])
['company', 'did', 'dry_run']
"""

from .company import (
    AnswerChecked,
    Asked,
    CompanyInit,
    CompanyRegistry,
    CustomerSeen,
    Filtered,
    Imported,
    Issued,
    Notice,
    NoticeLine,
    Notices,
    NoticeText,
    Offer,
    PurposeLine,
    QuestionAsked,
    Received,
    Use,
)
from .customer import (
    Backup,
    Card,
    Cards,
    CompanySeen,
    EventLine,
    Granted,
    History,
    Identity,
    IdOne,
    Ids,
    NoticeShown,
    OfferShown,
    Records,
    Recovered,
    RequestShow,
    Shared,
    Withdrawn,
)
from .everyone import CheckWithFix, Demo, Doctor, Init, RegistryUsed, Step, Trust, Verify, Version
from .registry import RegistryFolder, RegistryPolicy, RegistryProof, RegistryReport
from .shared import Answer, Check, Checkpoint, Decision, Evidence, Part, Record, Registry, Sentences
from .table import ANSWERS
from .trail import Exported, Found, FoundEvent, Proven, Wording

__all__ = [
    "ANSWERS",
    "Answer",
    "AnswerChecked",
    "Asked",
    "Backup",
    "Card",
    "Cards",
    "Check",
    "CheckWithFix",
    "Checkpoint",
    "CompanyInit",
    "CompanyRegistry",
    "CompanySeen",
    "CustomerSeen",
    "Decision",
    "Demo",
    "Doctor",
    "EventLine",
    "Evidence",
    "Exported",
    "Filtered",
    "Found",
    "FoundEvent",
    "Granted",
    "History",
    "IdOne",
    "Identity",
    "Ids",
    "Imported",
    "Init",
    "Issued",
    "Notice",
    "NoticeLine",
    "NoticeShown",
    "NoticeText",
    "Notices",
    "Offer",
    "OfferShown",
    "Part",
    "Proven",
    "PurposeLine",
    "QuestionAsked",
    "Received",
    "Record",
    "Records",
    "Recovered",
    "Registry",
    "RegistryFolder",
    "RegistryPolicy",
    "RegistryProof",
    "RegistryReport",
    "RegistryUsed",
    "RequestShow",
    "Sentences",
    "Shared",
    "Step",
    "Trust",
    "Use",
    "Verify",
    "Version",
    "Withdrawn",
    "Wording",
]
