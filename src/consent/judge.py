"""The answers for a whole list at once: what `decide` says of each row, from one reading of book and log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from ..errors import InputError, KonsensError
from .decide import decide
from .in_force import check_stoppable, in_force, newest_word, unbroken, whole
from .ledger import Ledger, Sight
from .lists import Owners, shared_addresses, sights, targets_by_finder
from .moments import seconds
from .offered import offered_basis
from .same_address import SILENT
from .state import OpenSeal
from .tables import Held, Stops
from .target import normalize_address
from .terms import Basis

__all__ = ["INVALID", "Verdict", "judge_all"]

_Ask = Callable[[str, tuple[OpenSeal, ...]], Mapping[OpenSeal, int]]


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The answer for one row; `until` is when the consent itself ends."""

    code: str
    customer: str
    event: str | None = None
    basis: Basis | None = None
    until: int | None = None


def judge_all(
    ledger: Ledger,
    values: Sequence[str],
    *,
    purpose: str,
    channel: str,
    by: Literal["ref", "address"],
    now: datetime,
) -> list[Verdict]:
    """Return a verdict for each value: a number or DID, or with `by="address"` an address."""
    table = _Table(ledger, purpose, channel, now)
    table.hear_all(shared_addresses(ledger, channel))
    if by == "ref":
        found = {value: table.verdict(value) if value else INVALID for value in dict.fromkeys(values)}
        return [found[value] for value in values]
    owners = targets_by_finder(ledger, channel)
    return [table.at_address(value, owners) for value in values]


INVALID = Verdict("filter.invalid", "")


class _Word(msgspec.Struct, frozen=True, gc=False):
    """What a list needs of the row that decides; `until` is when the consent itself ends."""

    code: str
    grant: str | None
    until: int | None
    target: str | None


class _Table:
    """Everything that the decisions of one list need, read once: the book, then the log about all seals."""

    def __init__(self, ledger: Ledger, purpose: str, channel: str, now: datetime) -> None:
        self._ledger, self._purpose, self._channel, self._now = ledger, purpose, channel, now
        self._moment = seconds(now)
        self._offer = offered_basis(ledger, purpose, channel)
        self._words: dict[str, _Word] = {}
        self._unknown: str | None = None
        try:
            ledger.check_log()
        except KonsensError as error:
            self._unknown = error.code
        self._read()

    def verdict(self, who: str) -> Verdict:
        """Return what `decide` says of a number or DID."""
        word = self._words.get(who)
        if word is None:
            return self._without(who)
        code = self._unknown or "ok" if word.code == "ok" else word.code
        return Verdict(code, who, word.grant, "consent", word.until)

    def at_address(self, address: str, owners: Owners) -> Verdict:
        """Return what `decide` says of the customer behind an address.

        Where several share it, the first yes counts, unless one of the others said no: the letter would
        reach them too.
        """
        try:
            finder = self._ledger.contacts.finder(self._channel, normalize_address(self._channel, address))
        except InputError:
            return INVALID
        found = Verdict("consent.none", address)
        for customer, targets in owners.get(finder, {}).items():
            answer = self._bound(customer.removeprefix("ref:"), targets)
            if answer.code not in SILENT and answer.code != "ok":
                return answer
            if found.code != "ok":
                found = answer
        return found

    def hear_all(self, owners: Owners) -> None:
        """Let a no of one owner of an address count for whoever else would be contacted there."""
        heard: dict[int, _Word] = {}  # by the identity of a word: one person may have two names
        for shared in owners.values():
            if len(shared) == 1:
                continue
            words = [(self._words.get(name.removeprefix("ref:")), shared[name]) for name in sorted(shared)]
            no = next((word for word, _ in words if word and self._says_no(word)), None)
            for word, targets in words if no else ():
                if no and word and word.code == "ok" and (word.target is None or word.target in targets):
                    heard[id(word)] = no
        if heard:
            self._words = {who: heard.get(id(word), word) for who, word in self._words.items()}

    def _says_no(self, word: _Word) -> bool:
        return word.code != "ok" and word.code not in SILENT

    def _bound(self, who: str, targets: set[str]) -> Verdict:
        """Return the verdict on one owner of an address, whose consent must be about this address."""
        answer, word = self.verdict(who), self._words.get(who)
        if answer.code != "ok" or word is None or word.target in targets:
            return answer
        return msgspec.structs.replace(answer, code="consent.target")

    def _read(self) -> None:
        """Judge everybody as if all were whole, and once more those of whom the home log knows a break."""
        opened: dict[bytes, str] = {}
        home, logs = (self._ledger.origin,), self._ledger.logs

        def ask_later(who: str, seals: tuple[OpenSeal, ...]) -> Mapping[OpenSeal, int]:
            for origins, seal in seals:
                if origins != home:
                    return logs.broken_among(seals)
                opened[bytes.fromhex(seal)] = who
            return whole

        for sight in sights(self._ledger, self._purpose, self._channel):
            self._judge(sight, ask_later)
        if self._unknown:
            return
        try:
            broken = {opened[seal] for seal in logs.home.broken_many(list(opened))}
        except KonsensError as error:
            self._unknown = error.code
            return
        for who in broken:
            sight = self._ledger.sight(who, self._purpose, self._channel)
            self._judge(sight, lambda _, seals: logs.broken_among(seals))

    def _judge(self, sight: Sight, ask: _Ask) -> None:
        held = newest_word(sight.own, sight.attested)
        if held is None:
            return
        number = sight.ref[4:] if sight.ref else ""
        who = sight.did or number
        code = in_force(held, self._moment)
        if code == "ok":
            code = self._unknown or self._unbroken(held, sight.stops, who, ask)
        until = held.until
        if held.superseded_from is not None:
            until = held.superseded_from if until is None else min(until, held.superseded_from)
        self._words[who] = word = _Word(code, held.grant, until, held.target)
        if number:
            self._words[number] = word

    def _unbroken(self, held: Held, stops: Stops, who: str, ask: _Ask) -> str:
        try:
            broken = ask(who, held.seals + stops.seals)
            code = unbroken(held, stops, self._purpose, broken)
            if code == "ok" and held.assurance == "customer_signed":
                check_stoppable(stops, broken)
        except KonsensError as error:
            return error.code
        return code

    def _without(self, who: str) -> Verdict:
        """Return the answer where no consent is on file; only another basis depends on who it is."""
        code, basis = self._offer
        if basis is None or basis == "consent":
            return Verdict(code if basis is None else "consent.none", who)
        decision = decide(
            self._ledger, customer=who, purpose=self._purpose, channel=self._channel, now=self._now
        )
        return Verdict(decision.code, who, None, decision.basis)
