"""Evidence that an operator lied: the key of a log that the verifier trusts is all it takes to judge it."""

from __future__ import annotations

from ..errors import InputError, VerificationError
from ..registry import parse_proof, parse_signed_checkpoint
from ..registry.mirror import Fork, Fraud, HiddenSeal, check_fraud, parse_fraud
from .result import Guilt, Report
from .steps import Steps
from .trust import Trust

__all__ = ["check_evidence"]


def check_evidence(data: bytes, trust: Trust) -> Report:
    """Return what a `konsens/fork`, `konsens/hidden-seal` or `konsens/bad-entries` file proves.

    The log's own key convicts it: what witnesses said of its checkpoints takes nothing away. Of a log that
    the verifier does not trust nothing is judged (`trust.log`): its key would come from whoever accuses.
    Evidence that shows no lie ends with `fraud.proves_nothing`.
    """
    return _Judge(data, trust).report()


class _Judge:
    def __init__(self, data: bytes, trust: Trust) -> None:
        self.data, self.trust = data, trust
        self.steps = Steps()
        self.guilt: Guilt | None = None

    def report(self) -> Report:
        steps = self.steps
        if steps.one("fraud.form", lambda: parse_fraud(self.data)):
            fraud = parse_fraud(self.data)
            if steps.one("fraud.trust", lambda: self._whom(fraud)):
                steps.one("fraud.proof", lambda: self._judge(fraud))
        return Report(kind="fraud", guilt=self.guilt, checks=tuple(steps.checks), errors=tuple(steps.errors))

    def _whom(self, fraud: Fraud) -> None:
        self.trust.log_named(_accused(fraud))

    def _judge(self, fraud: Fraud) -> None:
        proven = check_fraud(fraud, self.trust.log_named(_accused(fraud)))
        self.guilt = Guilt(rule=proven.rule, origin=proven.origin, where=proven.where)


def _accused(fraud: Fraud) -> str:
    """Return the origin in the first checkpoint of the evidence, whose signature is not checked yet."""
    try:
        if isinstance(fraud, Fork):
            note = fraud.smaller
        else:
            first = [fraud.leaf] if isinstance(fraud, HiddenSeal) else fraud.entries[:1]
            note = "".join(parse_proof(one.proof).checkpoint_note for one in first)
        return parse_signed_checkpoint(note).checkpoint.origin
    except InputError as error:
        raise VerificationError("fraud.proves_nothing", problem=error.code) from error
