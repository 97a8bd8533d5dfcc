"""A proof file by itself: the checkpoint it rests on, and what it says about an entry or a seal."""

from __future__ import annotations

from ..registry import (
    InclusionProof,
    check_holds_proof,
    check_inclusion_proof,
    leaf_hash,
    parse_consistency_proof,
    parse_holds_extra,
    parse_proof,
)
from .result import Report, Shown, shown_checkpoint
from .steps import Steps
from .trust import Trust
from .vouched import Vouched

__all__ = ["check_proof"]


def check_proof(text: str, trust: Trust, *, entry: bytes | None, seal: bytes | None) -> Report:
    """Return what a tlog-proof or a consistency file shows.

    A proof does not hold the entry that it is about. Without `entry` only the checkpoint is checked, and the
    warning `proof.entry_not_given` says so; likewise `proof.seal_not_given` and `proof.old_root_not_given`.
    """
    return _Prover(trust, entry, seal).report(text)


class _Prover:
    def __init__(self, trust: Trust, entry: bytes | None, seal: bytes | None) -> None:
        self.vouched = Vouched(trust)
        self.entry, self.seal = entry, seal
        self.steps = Steps()
        self.shown: Shown | None = None
        self.counts: dict[str, int] = {}

    def report(self, text: str) -> Report:
        inclusion = text.startswith("c2sp.org/")
        self.steps.one(
            "proof.form", lambda: parse_proof(text) if inclusion else parse_consistency_proof(text)
        )
        if not self.steps.errors and inclusion:
            self._inclusion(parse_proof(text))
        elif not self.steps.errors:
            note = parse_consistency_proof(text).checkpoint_note
            self.steps.one("proof.checkpoint", lambda: self._checkpoint(note))
            self.steps.warnings.append("proof.old_root_not_given")
        if self.shown is not None:
            self.steps.warnings += self.shown.warnings
        return Report(
            kind="proof",
            as_of=self.shown.at if self.shown else None,
            checkpoint=self.shown,
            checks=tuple(self.steps.checks),
            warnings=tuple(self.steps.warnings),
            counts=self.counts,
            errors=tuple(self.steps.errors),
        )

    def _checkpoint(self, note: str) -> None:
        self.shown = shown_checkpoint(self.vouched.check(note))

    def _inclusion(self, proof: InclusionProof) -> None:
        self.counts["leaf_index"] = proof.index
        if not self.steps.one("proof.checkpoint", lambda: self._checkpoint(proof.checkpoint_note)):
            return
        entry = self.entry
        if proof.extra:
            self.steps.one("proof.head", lambda: self._head(proof))
            head = parse_holds_extra(proof.extra).head.entry if not self.steps.errors else None
            # A proof about a seal alone includes the head leaf, which it carries.
            if entry is None and head and self.shown and proof.index == self.shown.size - 1:
                entry = head
        if entry is None:
            self.steps.warnings.append("proof.entry_not_given")
        else:
            self.steps.one("proof.entry", lambda: self._entry(proof, entry))
        if proof.extra and self.seal is None:
            self.steps.warnings.append("proof.seal_not_given")

    def _head(self, proof: InclusionProof) -> None:
        """Check that the head leaf, with the time and the map's root, is the checkpoint's last entry."""
        extra = parse_holds_extra(proof.extra)
        proven = self.vouched.check(proof.checkpoint_note)
        last = InclusionProof(proven.size - 1, extra.path, proof.checkpoint_note)
        check_inclusion_proof(last, leaf_hash=leaf_hash(extra.head.entry), policy=self.vouched)
        self.shown = shown_checkpoint(proven, extra.head)

    def _entry(self, proof: InclusionProof, entry: bytes) -> None:
        if proof.extra and self.seal is not None:
            holds = check_holds_proof(
                proof, leaf_hash=leaf_hash(entry), next_seal=self.seal, policy=self.vouched
            )
            if holds.broken_at is not None:
                self.counts["broken_at"] = holds.broken_at
        else:
            check_inclusion_proof(proof, leaf_hash=leaf_hash(entry), policy=self.vouched)
