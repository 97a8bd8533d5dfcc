"""The customer's side: one encrypted vault, the 24 words behind it, and the verbs of a person.

A verb first plans, which writes and sends nothing; what was planned is then carried out.

>>> from pathlib import Path
>>> from tempfile import mkdtemp
>>> import msgspec
>>> class Note(msgspec.Struct, frozen=True):
...     text: str
>>> NOTES = Kind("note", Note)
>>> with Vault.create(Path(mkdtemp()) / "wallet.sqlite", "correct horse", cost=Cost(64, 1, 1)) as vault:
...     vault.put(NOTES, "first", Note("milk"))
...     vault.list(NOTES)
{'first': Note(text='milk')}
"""

from .answer import Answer
from .backup import (
    Summary,
    create_backup,
    read_backup,
    render_backup,
    restore_backup,
    verify_backup,
)
from .cards import CardView, held_cards, import_cards, list_cards, remove_card, show_card
from .consents import Record, count_untold, list_consents, records_of
from .deliver import events_message
from .grant import plan_grant
from .header import Cost
from .history import Entry, history
from .kind import Kind
from .kinds import Act, Company, Identity, KnownLog, Profile
from .logs import Log, Logs
from .plan import Plan, carry_out, send_outstanding
from .recover import Recovered, recover, restore
from .refuse import plan_refusal
from .share import Sharing, plan_sharing, share
from .show import Shown, show_request
from .vault import Vault, has_passphrase
from .wallet import Wallet
from .withdraw import insist, plan_objection, plan_withdrawal
from .words import parse_words, words_of

__all__ = [
    "Act",
    "Answer",
    "CardView",
    "Company",
    "Cost",
    "Entry",
    "Identity",
    "Kind",
    "KnownLog",
    "Log",
    "Logs",
    "Plan",
    "Profile",
    "Record",
    "Recovered",
    "Sharing",
    "Shown",
    "Summary",
    "Vault",
    "Wallet",
    "carry_out",
    "count_untold",
    "create_backup",
    "events_message",
    "has_passphrase",
    "held_cards",
    "history",
    "import_cards",
    "insist",
    "list_cards",
    "list_consents",
    "parse_words",
    "plan_grant",
    "plan_objection",
    "plan_refusal",
    "plan_sharing",
    "plan_withdrawal",
    "read_backup",
    "records_of",
    "recover",
    "remove_card",
    "render_backup",
    "restore",
    "restore_backup",
    "send_outstanding",
    "share",
    "show_card",
    "show_request",
    "verify_backup",
    "words_of",
]
