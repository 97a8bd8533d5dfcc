"""Verifying a bundle offline, against the verifier's own list of whom to trust.

The order is fixed: container, trust, manifest, events, commitments, log, seals, states. Everything that can
still be checked is checked and every failure is named; the first one decides the exit code. Nothing that the
bundle says about keys, logs or times is believed unless it is proven or trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..did import DidDocument, OfflineResolver, PublicKey, check_jws, key_of, parse_document, parse_jws
from ..encoding import b64u_decode, from_hex, sha256
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
from ..registry import (
    Policy,
    ProvenCheckpoint,
    check_holds_proof,
    check_inclusion_proof,
    leaf_hash,
    parse_proof,
)
from .container import Container
from .evidence import Evidence, chain
from .manifest import MANIFEST, MANIFEST_TYP, SIGNATURE, DecisionEntry, EventEntry, Manifest, read_json
from .refold import check_states, check_uses
from .result import Check, Report
from .trust import Trust

__all__ = ["check_bundle"]

NOTICE_TYP = "konsens-notice+jws"
_FAILURES_NAMED = 100  # of one step; the rest is counted


def check_bundle(container: Container, trust: Trust) -> Report:
    """Return what holds and what does not; raises only where there is no manifest to go by.

    Errors by step: container 9, trust 10, and 6 for manifest, events, commitments, log, seals and states.
    """
    return _Examiner(container, trust).report()


class _Examiner:
    """Goes through a bundle once.

    - A step runs even if an earlier one failed, on what the earlier ones found sound.
    - An event whose signature, anchor or proof failed takes no part in the steps after.
    """

    def __init__(self, container: Container, trust: Trust) -> None:
        self.container = container
        self.trust = trust
        self.checks: list[Check] = []
        self.errors: list[KonsensError] = []
        self.warnings: list[str] = []
        self.checkpoint: ProvenCheckpoint | None = None
        self.manifest = read_json(container.read(MANIFEST), Manifest, file=MANIFEST)
        if self.manifest.v != 1:
            raise Damaged("bundle.file_format", file=MANIFEST, problem="input.version")
        self.evidence = Evidence(self.manifest)
        self.entries: dict[str, EventEntry] = {}

    def report(self) -> Report:
        self._step("bundle.files", self._files())
        self._step("bundle.trust", self._whom())
        self._step("bundle.manifest", [self._manifest])
        self._step("bundle.events", self._events())
        self._step("bundle.notices", self._notices())
        self._step("bundle.commitments", [lambda e=e: check_anchored(e) for e in self._sound()])
        self._step("bundle.log", [lambda e=e: self._inclusion(e) for e in self._sound()])
        self._step("bundle.lanes", chain(self.evidence))
        self._step("bundle.batches", [lambda e=e: self._batch(e) for e in self._sound()])
        self._step("bundle.seals", [lambda s=s, e=e: self._seal(s, e) for s, e in self.evidence.open.items()])
        self._step("bundle.states", self._states())
        self.warnings += check_uses(self.evidence)
        return self._result()

    def _step(self, name: str, parts: Iterable[Callable[[], None]]) -> None:
        """Run every part, name what fails; a failure takes its event out of the evidence."""
        failed, count = 0, 0
        for part in parts:
            count += 1
            try:
                part()
            except KonsensError as error:
                failed += 1
                self.evidence.drop(error)
                if failed <= _FAILURES_NAMED:
                    self.errors.append(error)
        self.checks.append(Check(name, ok=not failed, detail=f"{count - failed} of {count}"))

    def _sound(self) -> list[AnchoredEvent]:
        return list(self.evidence.events.values())

    # --- the container and whom it comes from

    def _files(self) -> Iterable[Callable[[], None]]:
        announced = self.manifest.files
        for name in sorted({*self.container.names, *announced} - {MANIFEST, SIGNATURE}):
            yield lambda name=name: self._file(name)
        yield lambda: self._file_there(SIGNATURE)

    def _file_there(self, name: str) -> None:
        if name not in self.container:
            raise Damaged("bundle.file_missing", file=name)

    def _file(self, name: str) -> None:
        if name not in self.manifest.files:
            raise Damaged("bundle.file_added", file=name)
        if sha256(self.container.read(name)).hex() != self.manifest.files[name]:
            raise Damaged("bundle.file_changed", file=name)

    def _whom(self) -> Iterable[Callable[[], None]]:
        yield lambda: self._trusts_company(self.manifest.signer.partition("#")[0])
        for name in self.container.names:
            if name.startswith("logs/") and name.endswith("/vkey"):
                yield lambda name=name: self._trusts_log(name)

    def _trusts_company(self, did: str) -> None:
        if self.trust.company(did) is None:
            raise NotTrusted("trust.company", did=did)

    def _trusts_log(self, name: str) -> None:
        vkey = self.container.read(name).decode("utf-8", "replace").strip()
        origin = vkey.partition("+")[0]
        if self.trust.policy_for(origin) is None:
            raise NotTrusted("trust.log", origin=origin, vkey=vkey)

    def _company_key(self, kid: str) -> PublicKey:
        """Return a company's key: a did:key carries it; a did:web must name one that the verifier trusts."""
        did = kid.partition("#")[0]
        if did.startswith("did:key:"):
            return key_of(OfflineResolver().resolve(did), kid)
        key = key_of(self._document(did), kid)
        company = self.trust.company(did)
        if company is None or key.multikey not in company.keys:
            raise NotTrusted("trust.company_key", did=did)
        return key

    def _document(self, did: str) -> DidDocument:
        return parse_document(self.container.read(f"dids/{sha256(did.encode()).hex()}.json"), did=did)

    def _manifest(self) -> None:
        text = self.container.read(SIGNATURE).decode("ascii", "replace")
        try:
            jws = parse_jws(text, typ=MANIFEST_TYP, max_bytes=len(text) + 1)
            payload = check_jws(jws, self._company_key(jws.kid))
        except NotTrusted:
            raise
        except KonsensError as error:
            raise VerificationError("bundle.manifest_signature") from error
        if payload != self.container.read(MANIFEST) or jws.kid != self.manifest.signer:
            raise VerificationError("bundle.manifest_signature")

    # --- events, notices, log

    def _events(self) -> Iterable[Callable[[], None]]:
        entries = read_json(self.container.read("events.json"), list[EventEntry], file="events.json")
        listed = {f"events/{entry.event}.jws" for entry in entries}
        for name in sorted(set(self._named("events/")) - listed):
            yield lambda name=name: _fail(VerificationError("bundle.event_unlisted", file=name))
        if len(listed) != len(entries) or entries != sorted(entries, key=lambda e: (e.origin, e.leaf_index)):
            yield lambda: _fail(VerificationError("bundle.events_order"))
        for entry in entries:
            yield lambda entry=entry: self._event(entry)

    def _event(self, entry: EventEntry) -> None:
        signed = parse_event(self.container.read(f"events/{entry.event}.jws").decode("ascii", "replace"))
        if signed.event_hash != entry.event:
            raise VerificationError("bundle.event_hash", event=entry.event[:12])
        self._event_signature(signed)
        salt, leaf = b64u_decode(entry.salt, size=32), b64u_decode(entry.leaf, size=129)
        anchored = AnchoredEvent(signed, salt, leaf, entry.origin, entry.leaf_index)
        self.evidence.add(anchored, entry)

    def _event_signature(self, signed: SignedEvent) -> None:
        controller = signed.event.matter.controller
        if self.trust.company(controller) is None:
            raise NotTrusted("trust.company", did=controller, event=signed.event_hash)
        key = self._company_key(signed.kid) if signed.did == controller else None
        check_event_signature(signed, key or OfflineResolver())

    def _notices(self) -> Iterable[Callable[[], None]]:
        for name in self._named("notices/"):
            if name.endswith(".json"):
                yield lambda name=name: self._notice(name)

    def _notice(self, name: str) -> None:
        body = self.container.read(name)
        digest = name.removeprefix("notices/").removesuffix(".json")
        text = self.container.read(f"notices/{digest}.jws").decode("ascii", "replace")
        jws = parse_jws(text, typ=NOTICE_TYP)
        if sha256(body).hex() != digest or check_jws(jws, self._company_key(jws.kid)) != body:
            raise VerificationError("bundle.notice", notice=digest[:12])
        self.evidence.add_notice(digest, body, text)

    def _inclusion(self, anchored: AnchoredEvent) -> None:
        name = anchored.event.event_hash
        proof = parse_proof(self.container.read(f"proofs/{name}.tlog-proof"))
        policy = self._policy(anchored.origin)
        if proof.index != anchored.leaf_index or proof.checkpoint_note != self._note(anchored.origin):
            raise VerificationError("bundle.proof", event=name)
        try:
            self.checkpoint = check_inclusion_proof(proof, leaf_hash=leaf_hash(anchored.leaf), policy=policy)
        except VerificationError as error:
            raise VerificationError("log.inclusion", event=name) from error

    def _policy(self, origin: str) -> Policy:
        policy = self.trust.policy_for(origin)
        if policy is None:
            raise NotTrusted("trust.log", origin=origin, vkey=origin)
        return policy

    def _note(self, origin: str) -> str:
        return self.container.read(f"logs/{sha256(origin.encode()).hex()}/checkpoint").decode("utf-8", "replace")

    # --- batches, seals, states

    def _batch(self, anchored: AnchoredEvent) -> None:
        content = anchored.event.event.content
        entry = self.evidence.entries[anchored.event.event_hash]
        if not isinstance(content, ImportBatch | UseBatch):
            if entry.rows:
                raise VerificationError("bundle.rows", event=entry.event)
            return
        root = from_hex(content.root)
        if entry.rows and all(row.path is None for row in entry.rows):
            batch = Batch(row_entry(b64u_decode(row.salt, size=32), row.row) for row in entry.rows)
            whole = [row.index for row in entry.rows] == list(range(content.count))
            if not whole or batch.root != root:
                raise VerificationError("bundle.rows", event=entry.event)
            return
        for row in entry.rows:
            path = [from_hex(node) for node in row.path or ()]
            salt = b64u_decode(row.salt, size=32)
            check_row(row.row, salt=salt, index=row.index, path=path, count=content.count, root=root)

    def _seal(self, seal: str, anchored: AnchoredEvent) -> None:
        name = f"seals/{seal}.tlog-proof"
        if name not in self.container:
            raise VerificationError("bundle.seal_missing", seal=seal, event=anchored.event.event_hash)
        proof = parse_proof(self.container.read(name))
        if proof.index != anchored.leaf_index or proof.checkpoint_note != self._note(anchored.origin):
            raise VerificationError("bundle.proof", event=anchored.event.event_hash)
        policy = self._policy(anchored.origin)
        try:
            holds = check_holds_proof(
                proof, leaf_hash=leaf_hash(anchored.leaf), next_seal=from_hex(seal), policy=policy
            )
        except VerificationError as error:
            raise VerificationError("log.seal", seal=seal[:12], event=anchored.event.event_hash) from error
        self.evidence.seals[seal] = holds.broken_at

    def _states(self) -> Iterable[Callable[[], None]]:
        decisions = read_json(
            self.container.read("decisions.json"), list[DecisionEntry], file="decisions.json"
        )
        return check_states(self.evidence, decisions)

    def _named(self, folder: str) -> list[str]:
        return [name for name in self.container.names if name.startswith(folder)]

    def _result(self) -> Report:
        proven = self.checkpoint
        if proven is not None and proven.unwitnessed:
            self.warnings.append("log.unwitnessed")
        # The order of the steps is the order of the errors; within a step, of the files.
        return Report(
            kind="bundle",
            as_of=self.manifest.as_of,
            signer=self.manifest.signer.partition("#")[0],
            origin=proven.origin if proven else None,
            size=proven.size if proven else None,
            root=proven.root.hex() if proven else None,
            witnessed=proven is not None and not proven.unwitnessed,
            checks=tuple(self.checks),
            warnings=tuple(dict.fromkeys(self.warnings)),
            counts=self.evidence.counts(),
            errors=tuple(self.errors),
        )


def _fail(error: KonsensError) -> None:
    raise error
