"""Every command: where it lives and the line that `konsens --help` shows for it.

Nothing is imported here, so that help and a single command start fast. The function stands in
`konsens.cli.<module>`; its answer in `konsens.cli.answers`.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COMMANDS", "GROUPS", "Entry", "children"]


class Entry(NamedTuple):
    """`module:function` below `konsens.cli`, and one line of help."""

    target: str
    help: str


EVERYONE = {
    "init": Entry("wallet:init", "Make a wallet of your own."),
    "demo": Entry("demo:demo", "See the whole way through, once, in a temporary folder."),
    "verify": Entry("verify:verify", "Check a bundle, proof, receipt, credential or message, offline."),
    "trust list": Entry("trust:trust_list", "Whom this home trusts."),
    "trust add": Entry("trust:trust_add", "Trust the logs, companies and issuers of a trust file."),
    "doctor": Entry("doctor:doctor", "Check this machine and this home, and say what mends them."),
    "schema": Entry("about:schema", "The JSON Schema of a command's answer."),
    "completion": Entry("completion:completion", "Complete commands in bash, zsh or fish."),
    "version": Entry("about:version", "Which konsens this is, and which formats it writes."),
}

CUSTOMER = {
    "request show": Entry("customer:request_show", "Who asks, for what, in whose words."),
    "grant": Entry("customer:grant", "Say yes to a request, or to parts of it."),
    "refuse": Entry("customer:refuse", "Say no to a request, or later."),
    "withdraw": Entry("customer:withdraw", "Take a consent back; it works at once, without the company."),
    "object": Entry("customer:object_", "Stop all direct marketing of a company."),
    "consents": Entry("customer:consents", "What holds now."),
    "history": Entry("customer:history", "Everything that ever happened."),
    "id list": Entry("ids:id_list", "Your identities, one for each company."),
    "id new": Entry("ids:id_new", "Make an identity."),
    "id show": Entry("ids:id_show", "One identity."),
    "card list": Entry("cards:card_list", "Your credentials and receipts."),
    "card show": Entry("cards:card_show", "One credential."),
    "card import": Entry("cards:card_import", "Take credentials and receipts in."),
    "card remove": Entry("cards:card_remove", "Remove a credential."),
    "share": Entry("cards:share", "Answer a question with what it needs and nothing more."),
    "backup create": Entry("wallet:backup_create", "Write the whole wallet to one sealed file."),
    "backup verify": Entry("wallet:backup_verify", "Check that a backup opens and is whole."),
    "backup restore": Entry("wallet:backup_restore", "Make a wallet from a backup."),
    "recover": Entry("wallet:recover", "Make a wallet from the 24 words alone."),
}

COMPANY = {
    "company init": Entry("company:company_init", "Make a company's home: keys, book, registry."),
    "company notice check": Entry("notices:notice_check", "Check a notice before it is published."),
    "company notice publish": Entry("notices:notice_publish", "Sign a notice and put its hash into the log."),
    "company notice list": Entry("notices:notice_list", "All notices."),
    "company notice show": Entry("notices:notice_show", "One notice, in its exact words."),
    "company ask": Entry("company:company_ask", "Write a request for a consent."),
    "company receive": Entry("company:company_receive", "Take what a customer decided, and give receipts."),
    "company check": Entry("desk:company_check", "May we contact this customer? No, unless proven."),
    "company record-use": Entry("desk:company_record_use", "Record a contact, if it is allowed."),
    "company withdraw": Entry("desk:company_withdraw", "Record a withdrawal that came by letter or phone."),
    "company object": Entry("desk:company_object", "Record an objection that came by letter or phone."),
    "company filter": Entry("bulk:company_filter", "Which rows of a list may be contacted, and why not."),
    "company import": Entry("bulk:company_import", "Take in consents from before konsens."),
    "company issue": Entry("company:company_issue", "Issue a credential."),
    "company question": Entry("company:company_question", "Ask for claims of a credential."),
    "company verify-answer": Entry("company:company_verify_answer", "Check what a customer answered."),
}

TRAIL = {
    "trail search": Entry("trail:trail_search", "Find events."),
    "trail prove": Entry("trail:trail_prove", "Prove what held on a day, as it was known on a day."),
    "trail wording": Entry("trail:trail_wording", "The exact words that a customer saw."),
    "trail export": Entry("trail:trail_export", "Write the trail as bundle, CSV, JSON-LD or report."),
}

REGISTRY = {
    "registry init": Entry("registry:registry_init", "Make a log in a folder."),
    "registry use": Entry("registry:registry_use", "Use a log; also after its folder has moved."),
    "registry policy": Entry("registry:registry_policy", "Write what others need to trust this log."),
    "registry checkpoint": Entry("registry:registry_checkpoint", "Sign the log as it is."),
    "registry prove": Entry(
        "registry_prove:registry_prove", "Prove a leaf, a seal or that nothing was rewritten."
    ),
    "registry verify": Entry(
        "registry_check:registry_verify", "Check the log, and against what this home remembers of it."
    ),
    "registry fsck": Entry("registry_check:registry_fsck", "Check every entry, and name every damage."),
    "registry serve": Entry("registry_serve:registry_serve", "Take leaves and show the log over HTTP."),
    "registry sequence": Entry("registry_postgres:registry_sequence", "Sequence a log in PostgreSQL."),
    "registry export": Entry("registry_copies:registry_export", "Write the log as static files."),
    "registry mirror": Entry("registry_mirror:registry_mirror", "Keep a full, verified copy of a log."),
    "registry monitor": Entry("registry_mirror:registry_monitor", "Say which of my seals were broken."),
    "registry migrate": Entry("registry_copies:registry_migrate", "Move the log into PostgreSQL."),
    "registry witness key": Entry("registry_witness:registry_witness_key", "Show the key of a witness."),
    "registry witness serve": Entry(
        "registry_witness:registry_witness_serve", "Cosign the checkpoints of logs over HTTP."
    ),
}

# In the order of `konsens --help`.
GROUPS: dict[str, dict[str, Entry]] = {
    "Everyone": EVERYONE,
    "Customer": CUSTOMER,
    "Company": COMPANY,
    "Privacy officer": TRAIL,
    "Registry": REGISTRY,
}

COMMANDS: dict[str, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}

# What the short words in front stand for.
PREFIXES = {
    "trust": "Whom this home trusts.",
    "request": "Look at what a company asks.",
    "id": "Your identities, one for each company.",
    "card": "Your credentials and receipts.",
    "backup": "Keep your wallet safe.",
    "company": "A company's home: ask, receive, check, record.",
    "company notice": "What customers are told, word for word.",
    "trail": "Search, prove and export, in a company's home.",
    "registry": "The log of seals.",
    "registry witness": "See to it that a log shows one past to all.",
}


def children(path: str) -> dict[str, str]:
    """Return the words that may follow `path`, each with its line of help."""
    start = f"{path} " if path else ""
    found: dict[str, str] = {}
    for name, entry in COMMANDS.items():
        if name.startswith(start):
            word, _, rest = name.removeprefix(start).partition(" ")
            found.setdefault(word, PREFIXES[f"{start}{word}"] if rest else entry.help)
    return found
