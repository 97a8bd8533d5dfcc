"""Verifying a bundle offline, against the verifier's own list of whom to trust.

The order is fixed: container, trust, manifest, events, commitments, log, seals, states. Everything that can
still be checked is checked and every failure is named; the first one decides the exit code. Nothing that the
bundle says about keys, logs or times is believed unless it is proven or trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from ..did import OfflineResolver, check_jws, parse_jws
from ..encoding import b64u_decode, from_hex, parse_time, sha256
from ..errors import Damaged, KonsensError, NotTrusted, VerificationError
from ..records import (
    AnchoredEvent,
    Batch,
    ImportBatch,
    SignedEvent,
    UseBatch,
    check_anchored,
    check_event_signature,
    check_row,
    parse_event,
    row_entry,
)
from ..registry import check_holds_proof, check_inclusion_proof, leaf_hash, parse_holds_extra, parse_proof
from .container import Container
from .decided import answer_of
from .evidence import Evidence, chain, countersigned
from .manifest import MANIFEST, MANIFEST_TYP, SIGNATURE, DecisionEntry, EventEntry, Manifest, read_json
from .notices import check_grant, read_bundled_notice
from .refold import Refold, check_row_form
from .result import Answer, Report, Shown, shown_checkpoint
from .signers import check_history_in_log, is_its_key, key_in_bundle
from .steps import Part, Steps, fail
from .trust import Trust
from .vouched import Vouched

__all__ = ["check_bundle"]

_EventCheck = Callable[[AnchoredEvent], None]
_STALE_SECONDS = 24 * 3600
_LEEWAY = timedelta(seconds=60)


def check_bundle(container: Container, trust: Trust, *, at: datetime) -> Report:
    """Return what holds and what does not at the moment `at`; raises only without a manifest to go by.

    Errors by step: container 9, trust 10, and 6 for manifest, events, commitments, log, seals and states.
    """
    return _Examiner(container, trust, at).report()


class _Examiner:
    """Goes through a bundle once.

    - A step runs even if an earlier one failed, on what the earlier ones found sound.
    - An event whose signature, anchor, proof or lane failed takes no part in the steps after.
    - Where somebody is not trusted, steps that rest on their word are not checked: they would all fail.
    """

    def __init__(self, container: Container, trust: Trust, at: datetime) -> None:
        self.container = container
        self.at = at
        self.answer: Answer | None = None
        self.trust = trust
        self.vouched = Vouched(trust)
        self._company_key = partial(key_in_bundle, container, trust)
        self.checkpoint: Shown | None = None
        self.manifest = read_json(container.read(MANIFEST), Manifest, file=MANIFEST)
        self.evidence = Evidence(self.manifest)
        self.steps = Steps(self.evidence.drop)

    def report(self) -> Report:
        self.steps.run("bundle.files", self._files())
        self.steps.run("bundle.trust", self._whom())
        self.steps.one("bundle.manifest", self._manifest)
        self.steps.run("bundle.events", self._events())
        self._resting_on_trust("bundle.notices", self._notices())
        self.steps.run("bundle.commitments", self._each(check_anchored))
        self.steps.run("bundle.log", self._log())
        self._resting_on_trust("bundle.lanes", self._lanes())
        self._resting_on_trust("bundle.batches", self._each(self._batch))
        self._resting_on_trust("bundle.seals", self._seals())
        self._resting_on_trust("bundle.states", self._states())
        return self._result()

    def _resting_on_trust(self, name: str, parts: Iterator[Part]) -> None:
        if self.steps.untrusted:
            self.steps.unchecked(name)
        else:
            self.steps.run(name, parts)

    def _lanes(self) -> Iterator[Part]:
        yield from chain(self.evidence)
        yield from countersigned(self.evidence)

    def _each(self, check: _EventCheck) -> Iterator[Part]:
        for name, anchored in list(self.evidence.events.items()):
            yield (name,), partial(check, anchored)

    # --- the container and whom it comes from

    def _files(self) -> Iterator[Part]:
        announced = self.manifest.files
        for name in sorted({*self.container.names, *announced, SIGNATURE} - {MANIFEST}):
            yield (), partial(self._file, name)

    def _file(self, name: str) -> None:
        data = self.container.read(name)
        if name == SIGNATURE:
            return
        if name not in self.manifest.files:
            raise Damaged("bundle.file_added", file=name)
        if sha256(data).hex() != self.manifest.files[name]:
            raise Damaged("bundle.file_changed", file=name)

    def _whom(self) -> Iterator[Part]:
        yield (), partial(self.trust.check_company, self.evidence.controller)
        for name in self._named("logs/"):
            if name.endswith("/vkey"):
                vkey = self.container.read(name).decode("utf-8", "replace").strip()
                yield (), partial(self.trust.check_log, vkey)

    def _manifest(self) -> None:
        text = self.container.read(SIGNATURE).decode("ascii", "replace")
        try:
            jws = parse_jws(text, typ=MANIFEST_TYP, max_bytes=len(text) + 1)
            payload = check_jws(jws, self._company_key(jws.kid, self.manifest.at))
        except NotTrusted:
            raise
        except KonsensError as error:
            raise VerificationError("bundle.manifest_signature") from error
        if payload != self.container.read(MANIFEST) or jws.kid != self.manifest.signer:
            raise VerificationError("bundle.manifest_signature")
        self._times()

    def _times(self) -> None:
        """Raise `bundle.from_the_future` where a bundle speaks of what nobody could know when it was made."""
        made, asked = parse_time(self.manifest.at), (self.manifest.as_of, self.manifest.known_at)
        if made > self.at + _LEEWAY or max(map(parse_time, asked)) > made + _LEEWAY:
            raise VerificationError("bundle.from_the_future", at=max(self.manifest.at, *asked))

    # --- events, notices, log

    def _events(self) -> Iterator[Part]:
        entries = read_json(self.container.read("events.json"), list[EventEntry], file="events.json")
        listed = {f"events/{entry.event}.jws" for entry in entries}
        for name in sorted(set(self._named("events/")) - listed):
            yield (), partial(fail, VerificationError("bundle.event_unlisted", file=name))
        if len(listed) != len(entries) or entries != sorted(entries, key=lambda e: (e.origin, e.leaf_index)):
            yield (), partial(fail, VerificationError("bundle.events_order"))
        for entry in entries:
            yield (), partial(self._event, entry)

    def _event(self, entry: EventEntry) -> None:
        signed = parse_event(self.container.read(f"events/{entry.event}.jws").decode("ascii", "replace"))
        if signed.event_hash != entry.event:
            raise VerificationError("bundle.event_hash", event=entry.event[:12])
        self._event_signature(signed)
        salt, leaf = b64u_decode(entry.salt, size=32), b64u_decode(entry.leaf, size=129)
        self.evidence.add(AnchoredEvent(signed, salt, leaf, entry.origin, entry.leaf_index), entry)

    def _event_signature(self, signed: SignedEvent) -> None:
        event = signed.event
        if event.matter.controller != self.evidence.controller:
            raise VerificationError("bundle.other_company", event=signed.event_hash[:12])
        own = signed.did != event.matter.customer
        at = event.at.isoformat().replace("+00:00", "Z")
        check_event_signature(signed, self._company_key(signed.kid, at) if own else OfflineResolver())

    def _notices(self) -> Iterator[Part]:
        for name in self._named("notices/"):
            if name.endswith(".json"):
                yield (), partial(self._notice, name.removeprefix("notices/").removesuffix(".json"))
        for anchored in list(self.evidence.events.values()):
            yield (anchored.event.event_hash,), partial(check_grant, anchored, self.evidence.notices)

    def _notice(self, digest: str) -> None:
        body, text = (self.container.read(f"notices/{digest}.{end}") for end in ("json", "jws"))
        signed = read_bundled_notice(digest, body, text, self._company_key)
        if signed.notice.controller.did != self.evidence.controller:
            raise VerificationError("bundle.notice", notice=digest[:12])
        self.evidence.notices[digest] = signed

    def _log(self) -> Iterator[Part]:
        """The events, and before them the keys by which the company's are checked."""
        did, look = self.evidence.controller, partial(check_history_in_log, self.container)
        if not is_its_key(did):
            yield (), partial(look, did, vouched=self.vouched, note_of=self._note)
        yield from self._each(self._inclusion)

    def _inclusion(self, anchored: AnchoredEvent) -> None:
        name = anchored.event.event_hash
        proof = parse_proof(self.container.read(f"proofs/{name}.tlog-proof"))
        if proof.index != anchored.leaf_index or proof.checkpoint_note != self._note(anchored.origin):
            raise VerificationError("bundle.proof", event=name[:12])
        try:
            proven = check_inclusion_proof(proof, leaf_hash=leaf_hash(anchored.leaf), policy=self.vouched)
        except VerificationError as error:
            raise VerificationError("log.inclusion", event=name[:12]) from error
        if proven.origin != anchored.origin:
            raise VerificationError("log.inclusion", event=name[:12])
        self.checkpoint = self.checkpoint or shown_checkpoint(proven)

    def _note(self, origin: str) -> str:
        return self.container.read(f"logs/{sha256(origin.encode()).hex()}/checkpoint").decode(
            "utf-8", "replace"
        )

    # --- batches, seals, states

    def _batch(self, anchored: AnchoredEvent) -> None:
        content, entry = anchored.event.event.content, self.evidence.entries[anchored.event.event_hash]
        if not isinstance(content, ImportBatch | UseBatch):
            if entry.rows:
                raise VerificationError("bundle.rows", event=entry.event[:12])
            return
        root = from_hex(content.root)
        for row in entry.rows:
            check_row_form(row.row, imported=isinstance(content, ImportBatch))
        if self.evidence.whole:
            batch = Batch(row_entry(b64u_decode(row.salt, size=32), row.row) for row in entry.rows)
            in_order = [row.index for row in entry.rows] == list(range(content.count))
            if not in_order or batch.root != root or any(row.path is not None for row in entry.rows):
                raise VerificationError("bundle.rows", event=entry.event[:12])
            return
        for row in entry.rows:
            path = [from_hex(node) for node in row.path or ()]
            salt = b64u_decode(row.salt, size=32)
            check_row(row.row, salt=salt, index=row.index, path=path, count=content.count, root=root)

    def _seals(self) -> Iterator[Part]:
        for seal, anchored in self.evidence.open.items():
            if anchored.event.event_hash in self.evidence.events:
                yield (anchored.event.event_hash,), partial(self._seal, seal, anchored)

    def _seal(self, seal: str, anchored: AnchoredEvent) -> None:
        file, event = f"seals/{seal}.tlog-proof", anchored.event.event_hash[:12]
        if file not in self.container:
            raise VerificationError("bundle.seal_missing", seal=seal[:12], event=event)
        proof = parse_proof(self.container.read(file))
        if proof.index != anchored.leaf_index or proof.checkpoint_note != self._note(anchored.origin):
            raise VerificationError("bundle.proof", event=event)
        try:
            leaf, next_seal = leaf_hash(anchored.leaf), from_hex(seal)
            holds = check_holds_proof(proof, leaf_hash=leaf, next_seal=next_seal, policy=self.vouched)
        except VerificationError as error:
            raise VerificationError("log.seal", seal=seal[:12], event=event) from error
        self.evidence.seals[seal] = holds.broken_at
        self.evidence.head_seconds = holds.head_seconds
        self.checkpoint = shown_checkpoint(holds.checkpoint, parse_holds_extra(proof.extra).head)
        by_company = anchored.event.did != anchored.event.event.matter.customer
        row = seal != anchored.event.event.next
        if holds.broken_at is not None and by_company and not row:
            raise VerificationError("bundle.event_missing", event=event, index=holds.broken_at)

    def _states(self) -> Iterator[Part]:
        decisions = read_json(
            self.container.read("decisions.json"), list[DecisionEntry], file="decisions.json"
        )
        self.evidence.size = self.checkpoint.size if self.checkpoint else None
        self.answer = answer_of(decisions)
        refold = Refold(self.evidence, decisions)
        yield from refold.parts()
        self.steps.warnings += refold.warnings()
        head = self.evidence.head_seconds
        if head is not None and parse_time(self.manifest.as_of).timestamp() - head > _STALE_SECONDS:
            self.steps.warnings.append("log.stale")

    def _named(self, folder: str) -> list[str]:
        return [name for name in self.container.names if name.startswith(folder)]

    def _result(self) -> Report:
        if self.checkpoint is not None:
            self.steps.warnings += self.checkpoint.warnings
        # The order of the steps is the order of the errors; within a step, of the files.
        return Report(
            kind="bundle",
            as_of=self.manifest.as_of,
            known_at=self.manifest.known_at,
            answer=None if self.steps.errors else self.answer,
            signer=self.evidence.controller,
            checkpoint=self.checkpoint,
            checks=tuple(self.steps.checks),
            warnings=tuple(dict.fromkeys(self.steps.warnings)),
            counts=self.evidence.counts(),
            errors=tuple(self.steps.errors),
        )
