"""Credentials and receipts by themselves: issued by somebody whom the verifier trusts for their type."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from ..consent import RECEIPT_TYPE, ReceiptsMessage, ReceiptText, parse_message
from ..credentials import (
    Between,
    CredentialMessage,
    KeyBinding,
    Policy,
    UnsafeAcceptWithoutKeyBinding,
    VerifiedCredential,
    parse_sd_jwt,
)
from ..credentials import parse_message as parse_credential_message
from ..credentials import verify as verify_sd_jwt
from ..encoding import b64u_decode, format_time
from ..errors import InputError, NotTrusted, VerificationError
from ..records import AnchoredEvent, Countersignature, check_anchored, parse_event
from ..registry import check_inclusion_proof, leaf_hash, parse_proof
from .result import Report, Shown, shown_checkpoint
from .signers import TrustedResolver, check_trusted_event
from .steps import Steps
from .trust import Trust
from .vouched import Vouched

__all__ = ["check_credential", "check_presentation", "check_receipts"]


def check_credential(source: bytes | str, trust: Trust, *, at: datetime) -> Report:
    """Return what an SD-JWT VC shows, alone or in a `konsens/credential` file."""
    steps, found = Steps(), list[VerifiedCredential]()

    def check() -> None:
        text = source
        if isinstance(text, bytes):
            text = parse_credential_message(text, CredentialMessage).credential
        found.append(check_presentation(text, trust, at=at))

    steps.one("credential.signature", check)
    credential = found[0] if found else None
    receipt = credential is not None and credential.type == RECEIPT_TYPE
    return Report(
        kind="receipt" if receipt else "credential",
        as_of=_time(credential.issued_at) if credential else None,
        signer=credential.issuer.did if credential else None,
        checks=tuple(steps.checks),
        counts={"shown": len(credential.shown), "withheld": credential.withheld} if credential else {},
        errors=tuple(steps.errors),
        warnings=_bound(credential),
    )


def check_presentation(text: str, trust: Trust, *, at: datetime) -> VerifiedCredential:
    """Return the credential behind a presentation; a key binding is checked against its own words.

    To whom it was meant to be shown, only the question tells, so the audience and nonce in it prove nothing
    here. Raises what `konsens.credentials.verify` raises, and `credential.issuer` where nobody is trusted.
    """
    unverified = parse_sd_jwt(text)
    kid = str(unverified.jwt.header.kid)
    binding: KeyBinding | UnsafeAcceptWithoutKeyBinding = UnsafeAcceptWithoutKeyBinding()
    if unverified.key_binding is not None:
        claims = unverified.key_binding.unverified_claims
        audience, nonce = str(claims.get("aud") or "-"), str(claims.get("nonce") or "-")
        binding = KeyBinding(audience, nonce, Between(datetime.fromtimestamp(0, at.tzinfo), at))
    types = unverified.jwt.unverified_claims.get("vct")
    issuers = trust.issuers or {str(types): ()}  # nobody trusted: the name of whom one would have to trust
    policy = Policy(issuers=issuers, key_binding=binding)
    keys = max(1, len(trust.keys_of(kid.partition("#")[0])))
    for place in range(keys):
        try:
            return verify_sd_jwt(text, policy, resolve=TrustedResolver(trust, kid, place), at=at)
        except VerificationError:
            if place == keys - 1:
                raise
    raise NotTrusted("credential.issuer", issuer=kid, type=types)


def check_receipts(data: bytes, trust: Trust, *, at: datetime) -> Report:
    """Return what a `konsens/receipts` file shows: credentials, countersignatures and their proofs."""
    return _Receipts(trust, at).report(data)


class _Receipts:
    def __init__(self, trust: Trust, at: datetime) -> None:
        self.trust, self.at = trust, at
        self.vouched = Vouched(trust)
        self.steps = Steps()
        self.shown: Shown | None = None
        self.credentials: list[VerifiedCredential] = []

    def report(self, data: bytes) -> Report:
        message = ReceiptsMessage(receipts=())

        def read() -> None:
            nonlocal message
            message = parse_message(data, ReceiptsMessage)

        if self.steps.one("message.form", read) and not message.receipts:
            raise InputError("message.empty")
        receipts = message.receipts
        self.steps.run("receipt.credential", [((), partial(self._credential, one)) for one in receipts])
        events = [one for one in receipts if one.event is not None]
        self.steps.run("receipt.event", [((), partial(self._event, one)) for one in events])
        proofs = [one for one in events if one.proof is not None]
        self.steps.run("receipt.proof", [((), partial(self._proof, one)) for one in proofs])
        if len(proofs) < len(events):
            self.steps.warnings.append("receipt.no_proof")
        if self.shown is not None:
            self.steps.warnings += self.shown.warnings
        last = self.credentials[-1] if self.credentials else None
        return Report(
            kind="receipt",
            as_of=_time(last.issued_at) if last else None,
            signer=last.issuer.did if last else None,
            checkpoint=self.shown,
            checks=tuple(self.steps.checks),
            warnings=tuple(self.steps.warnings),
            counts={"receipts": len(receipts), "proofs": len(proofs)},
            errors=tuple(self.steps.errors),
        )

    def _credential(self, receipt: ReceiptText) -> None:
        credential = check_presentation(receipt.credential, self.trust, at=self.at)
        if credential.type != RECEIPT_TYPE:
            raise VerificationError("receipt.other_type", type=credential.type)
        self.credentials.append(credential)

    def _anchored(self, receipt: ReceiptText) -> AnchoredEvent:
        return AnchoredEvent(
            parse_event(receipt.event or ""),
            b64u_decode(receipt.salt or "", size=32),
            b64u_decode(receipt.leaf or "", size=129),
            receipt.origin or "",
            receipt.leaf_index or 0,
        )

    def _event(self, receipt: ReceiptText) -> None:
        """Check the company's countersignature, and that it is about an event that the receipt names."""
        anchored = self._anchored(receipt)
        signed, content = anchored.event, anchored.event.event.content
        check_trusted_event(self.trust, signed)
        check_anchored(anchored)
        claims = parse_sd_jwt(receipt.credential).jwt.unverified_claims
        named = [one.get("event") for one in claims.get("events", ()) if isinstance(one, dict)]
        if not isinstance(content, Countersignature) or content.event not in named:
            raise VerificationError("receipt.other_event", event=signed.event_hash[:12])

    def _proof(self, receipt: ReceiptText) -> None:
        anchored, proof = self._anchored(receipt), parse_proof(receipt.proof or "")
        try:
            proven = check_inclusion_proof(proof, leaf_hash=leaf_hash(anchored.leaf), policy=self.vouched)
        except VerificationError as error:
            raise VerificationError("log.inclusion", event=anchored.event.event_hash[:12]) from error
        if (proof.index, proven.origin) != (anchored.leaf_index, anchored.origin):
            raise VerificationError("log.inclusion", event=anchored.event.event_hash[:12])
        self.shown = shown_checkpoint(proven)


def _bound(credential: VerifiedCredential | None) -> tuple[str, ...]:
    """Warn that a key binding was checked without the question that it answers."""
    return ("presentation.no_question",) if credential and credential.key_bound_at else ()


def _time(at: datetime | None) -> str | None:
    return format_time(at) if at else None
