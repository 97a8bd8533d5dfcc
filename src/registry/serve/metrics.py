"""What a served log tells Prometheus. No address, no leaf and no seal enters a label."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .log_service import Intake
from .publication import Published

__all__ = ["Metrics"]


class Metrics:
    """Counters of requests, and the state of the writer at the moment of asking."""

    def __init__(self, intake: Intake, published: Callable[[], Published | None] = lambda: None) -> None:
        self._registry = CollectorRegistry()
        self.appended = Counter("konsens_log_leaves", "Leaves acknowledged", registry=self._registry)
        self.refused = Counter(
            "konsens_log_refused", "Requests refused, by code", ["code"], registry=self._registry
        )
        self.seconds = Histogram(
            "konsens_log_append_seconds", "From a request to append to its answer", registry=self._registry
        )
        self._registry.register(_StateCollector(intake))
        self._registry.register(_PublicationCollector(published))

    def render(self) -> bytes:
        """Return the page in the text format 0.0.4."""
        return generate_latest(self._registry)


class _StateCollector(Collector):
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def collect(self) -> list[GaugeMetricFamily]:
        state = self._intake.state
        behind = monotonic() - state.behind_since if state.behind_since is not None else 0.0
        values = {
            "konsens_log_entries": ("Entries of the log", float(state.size)),
            "konsens_log_checkpoint_entries": (
                "Entries that the newest checkpoint covers",
                float(state.checkpoint.checkpoint.size if state.checkpoint else 0),
            ),
            "konsens_log_waiting": ("Leaves that wait for the writer", float(state.waiting)),
            "konsens_log_behind_seconds": ("Since when no checkpoint covers the newest entry", behind),
            "konsens_log_stopped": ("1 if the writer needs a person", float(state.stopped)),
        }
        return [GaugeMetricFamily(name, text, value=value) for name, (text, value) in values.items()]


class _PublicationCollector(Collector):
    def __init__(self, published: Callable[[], Published | None]) -> None:
        self._published = published

    def collect(self) -> list[GaugeMetricFamily]:
        state = self._published()
        if state is None:
            return []
        lag = monotonic() - state.behind_since if state.behind_since is not None else 0.0
        entries = GaugeMetricFamily(
            "konsens_log_published_entries", "Entries that the public files show", value=float(state.size)
        )
        behind = GaugeMetricFamily(
            "konsens_log_publication_lag_seconds", "Since when the newest checkpoint is not shown", value=lag
        )
        failed = GaugeMetricFamily(
            "konsens_log_publication_failed",
            "1 if the public files could not be written the last time",
            value=float(state.problem is not None),
        )
        quorum = GaugeMetricFamily(
            "konsens_log_quorum",
            "1 if the witnesses asked last were a quorum, or none are asked",
            value=float(state.quorum or not state.answers),
        )
        witnesses = GaugeMetricFamily(
            "konsens_log_witness_up", "1 if the witness cosigned when it was last asked", labels=["witness"]
        )
        for answer in state.answers:
            witnesses.add_metric([answer.witness], float(answer.error is None))
        return [entries, behind, failed, quorum, witnesses]
