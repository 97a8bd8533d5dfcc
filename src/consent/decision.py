"""A decision: a value that is falsy unless everything was proven.

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 22, tzinfo=UTC)
>>> no = Decision(code="consent.none", customer="C-1", purpose="newsletter", channel="email",
...               as_of=now, known_at=now)
>>> bool(no), no.exit_code, no.reason["en"]
(False, 7, 'There is no consent on file for this customer, purpose and channel.')
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from ..errors import sentence
from ..records import Matter
from .tables import Held
from .terms import Assurance, Basis

__all__ = ["Check", "Decision", "Evidence"]

# What a decision looks at, in this order, and the codes that each look can end with.
STEPS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("notice.offers", frozenset({"consent.purpose", "consent.channel"})),
    ("consent.on_file", frozenset({"consent.none"})),
    (
        "consent.in_force",
        frozenset(
            "consent." + name
            for name in ("withdrawn", "pending", "refused", "deferred", "revoked", "invalidated", "lapsed")
        ),
    ),
    ("consent.term", frozenset({"consent.expired"})),
    ("notice.current", frozenset({"consent.superseded"})),
    ("seal.unbroken", frozenset({"consent.seal_broken", "consent.seal_unknown"})),
    ("relation.no_objection", frozenset({"consent.objected"})),
    ("consent.assurance", frozenset({"consent.assurance"})),
    ("consent.target", frozenset({"consent.target"})),
    ("consent.data", frozenset({"consent.data"})),
    ("consent.recipient", frozenset({"consent.recipient"})),
)
_NEVER_OFFERED = frozenset({"consent.purpose", "consent.channel"})
_UNKNOWN = frozenset(
    {
        "consent.future",
        "consent.seal_unknown",
        "consent.unknown_log",
        "consent.stop_unknown",
        "consent.standing_differs",
    }
)


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision rests on."""

    record: str | None = None
    event: str | None = None
    notice: str | None = None
    leaf_index: int | None = None
    checkpoint_size: int | None = None
    seal: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this customer may be contacted for this purpose on this channel, and why.

    `code` is `ok`, or says what is missing. Unknown is no: a log that is a copy, stale or out of reach gives
    a decision like any other, whose `exit_code` is 8.
    """

    code: str
    customer: str
    purpose: str
    channel: str
    as_of: datetime
    known_at: datetime
    valid_until: datetime | None = None
    basis: Basis | None = None
    controller: str = ""
    held: Held | None = None
    checkpoint_size: int | None = None
    facts: dict[str, Any] = {}
    deep: bool = False

    def __bool__(self) -> bool:
        return self.code == "ok"

    @property
    def allowed(self) -> bool:
        """True only if everything was proven."""
        return self.code == "ok"

    @property
    def assurance(self) -> Assurance | None:
        """How strong the proof is, where there is one."""
        return self.held.assurance if self.held else None

    @property
    def evidence(self) -> Evidence:
        """What the decision rests on: the newest grant, or what ended it."""
        held = self.held
        if held is None:
            return Evidence(checkpoint_size=self.checkpoint_size)
        matter = Matter(
            customer=held.customer, controller=self.controller, purpose=self.purpose, channel=self.channel
        )
        return Evidence(
            record=matter.record_id,
            event=held.grant or held.event,
            notice=held.notice,
            leaf_index=held.index if held.index >= 0 else held.leaf_index,
            checkpoint_size=self.checkpoint_size,
            seal=held.seals[-1][1] if held.seals else None,
        )

    @property
    def exit_code(self) -> int:
        """0 yes · 5 nobody ever offered this · 7 no · 8 unknown, so no."""
        if self.code == "ok":
            return 0
        if self.code in _NEVER_OFFERED:
            return 5
        return 7 if self.code.startswith("consent.") and self.code not in _UNKNOWN else 8

    @property
    def reason(self) -> dict[str, str]:
        """The reason in a sentence, in German and English."""
        code = "consent.ok" if self.code == "ok" else self.code
        facts = {"purpose": self.purpose, "channel": self.channel, **self.facts}
        return {"de": sentence(code, "de", facts), "en": sentence(code, "en", facts)}

    @property
    def hint(self) -> dict[str, str]:
        """What helps, in German and English."""
        code = "consent.ok" if self.code == "ok" else self.code
        facts = {"purpose": self.purpose, "channel": self.channel, **self.facts}
        return {"de": sentence(code, "de", facts, hint=True), "en": sentence(code, "en", facts, hint=True)}

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was looked at, up to the first thing that failed."""
        if self.code == "consent.future":
            return (Check("moment.not_future", ok=False, detail=self.reason["en"]),)
        done: list[Check] = []
        for name, codes in STEPS:
            if self.code in codes:
                return (*done, Check(name, ok=False, detail=self.reason["en"]))
            if name == "seal.unbroken" and self.exit_code == 8:
                return (*done, Check("registry.readable", ok=False, detail=self.reason["en"]))
            done.append(Check(name, ok=True, detail=""))
        if self.deep:
            done.append(Check("evidence.verified_again", ok=self.code == "ok", detail=""))
        return tuple(done)

    def as_data(self) -> dict[str, Any]:
        """Return the members of `Decision` in `docs/formats.md`, times still as datetimes."""
        return {
            "allowed": self.allowed,
            "code": self.code,
            "reason": self.reason,
            "customer": self.customer,
            "purpose": self.purpose,
            "channel": self.channel,
            "as_of": self.as_of,
            "known_at": self.known_at,
            "valid_until": self.valid_until,
            "basis": self.basis,
            "assurance": self.assurance,
            "checks": [msgspec.structs.asdict(check) for check in self.checks],
            "evidence": msgspec.structs.asdict(self.evidence),
        }
