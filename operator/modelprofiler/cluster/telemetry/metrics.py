"""The operator's own metrics, in the names and units that Prometheus recommends.

What happens is counted when it happens; what is the case (profiles by state, the queue, requests so far) is read when
somebody asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client import Counter as CounterMetric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from modelprofiler.api.conditions import Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.trial import Outcome, Purpose, Stage

SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
"""Bounds of the stages of a trial: servers are ready within seconds or minutes, a load lasts half a minute."""
WAIT_SECONDS = (1, 10, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""Bounds of the time in the queue: runs take minutes, and thousands may wait."""
REASONS = frozenset(reason.value for reason in Reason)
OUTCOMES = frozenset(outcome.value for outcome in Outcome)
PURPOSES = frozenset(purpose.value for purpose in Purpose)
STAGES = frozenset(stage.value for stage in Stage)
OTHER = "Other"
"""Label for what the operator never writes: a status can be edited by hand, and an edit must not make a new series."""


@dataclass(frozen=True)
class Snapshot:
    """What is the case when the metrics are read."""

    profiles: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Profiles by state and reason."""
    waiting: int = 0
    running: int = 0
    slots: int = 0
    """Runs that may go on at the same time."""
    leads: bool = False
    busy: int = 0
    """Profiles that are being looked at."""
    requests: dict[str, dict[str, int]] = field(default_factory=dict)
    """Requests to the API server, by verb and resource, with the bytes of their bodies."""
    failed_requests: dict[tuple[str, str], int] = field(default_factory=dict)
    """Requests that failed, by (verb and resource, status)."""
    source_errors: dict[str, int] = field(default_factory=dict)
    """Questions to a metrics source that got no usable answer."""


class _ActiveTrial:
    """When a trial reached its stages, as this operator saw it."""

    def __init__(self, index: object) -> None:
        self.index = index
        self._entered: list[tuple[str, datetime]] = []

    def enter(self, stage: str, now: datetime) -> None:
        """Note a stage, unless the trial is in it already."""
        if not self._entered or self._entered[-1][0] != stage:
            self._entered.append((stage, now))

    def ended(self, now: datetime) -> Iterator[tuple[str, float]]:
        """Yield the stages with their seconds."""
        ends = [entered for _, entered in self._entered[1:]] + [now]
        for (stage, start), end in zip(self._entered, ends, strict=True):
            yield stage, max(0.0, (end - start).total_seconds())


class Metrics(Collector):
    """Everything that `/metrics` shows.

    Parameters
    ----------
    snapshot
        Returns what is the case; called whenever somebody reads the metrics.
    """

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "modelprofiler_trial_stage_seconds",
            "Time of finished trials by the stages that activeTrial went through.",
            ("stage", "outcome"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._trials = CounterMetric(
            "modelprofiler_trials", "Finished trials.", ("purpose", "outcome"), registry=self.registry
        )
        self._runs = CounterMetric(
            "modelprofiler_runs",
            "Runs that have ended, by the reason of Succeeded.",
            ("reason",),
            registry=self.registry,
        )
        self._waits = Histogram(
            "modelprofiler_queue_wait_seconds",
            "Time from being accepted to the start of the run.",
            buckets=WAIT_SECONDS,
            registry=self.registry,
        )
        self._looks = Histogram(
            "modelprofiler_reconcile_seconds",
            "Time of looks at profiles, by how they ended.",
            ("result",),
            registry=self.registry,
        )
        self._active: dict[str, _ActiveTrial] = {}
        """The trials that go on, by the uid of their profile."""
        self.registry.register(self)

    def look_ended(self, seconds: float, result: str) -> None:
        """Count a look at a profile; `result` is ``success``, ``unavailable`` or ``error``."""
        self._looks.labels(result).observe(seconds)

    def status_written(self, uid: str, before: Object, after: Object, now: datetime) -> None:
        """Count what a new status says that the one before did not: finished trials, a run that began or ended."""
        recorded = len(before.get("trials") or []) if _same_run(before, after) else 0
        for row in (after.get("trials") or [])[recorded:]:
            self._trial_ended(uid, row, now)
        self._note_stage(uid, after.get("activeTrial") or {}, now)
        if after.get("startTime") and after.get("startTime") != before.get("startTime"):
            queued = _condition(before, "Finished")
            since = queued.get("lastTransitionTime") if queued.get("reason") == Reason.QUEUED else None
            self._waits.observe(_seconds(since, after["startTime"]) or 0.0)
        if after.get("completionTime") and after.get("completionTime") != before.get("completionTime"):
            self._runs.labels(known(_condition(after, "Succeeded").get("reason"), REASONS)).inc()

    def forget(self, uid: str) -> None:
        """Forget a profile that is gone."""
        self._active.pop(uid, None)

    def _note_stage(self, uid: str, active: Object, now: datetime) -> None:
        if not active:
            self._active.pop(uid, None)
            return
        trial = self._active.get(uid)
        if trial is None or trial.index != active.get("index"):
            trial = self._active[uid] = _ActiveTrial(active.get("index"))
        trial.enter(str(active.get("stage")), now)

    def _trial_ended(self, uid: str, row: Object, now: datetime) -> None:
        outcome = known(row.get("outcome"), OUTCOMES)
        self._trials.labels(known(row.get("purpose"), PURPOSES), outcome).inc()
        trial = self._active.get(uid)
        if trial is None or trial.index != row.get("index"):
            return  # it began under another operator: how long its stages took is not known
        for stage, seconds in trial.ended(now):
            self._stages.labels(known(stage, STAGES), outcome).observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """Yield what is the case."""
        now = self._snapshot()
        profiles = GaugeMetricFamily(
            "modelprofiler_profiles",
            "ModelProfiles by state and by the reason of their condition.",
            labels=("state", "reason"),
        )
        for (state, reason), count in sorted(now.profiles.items()):
            profiles.add_metric((state, reason), count)
        yield profiles
        yield GaugeMetricFamily("modelprofiler_queue_length", "Profiles that wait for their turn.", value=now.waiting)
        yield GaugeMetricFamily("modelprofiler_runs_active", "Runs that go on.", value=now.running)
        yield GaugeMetricFamily("modelprofiler_runs_allowed", "Runs that may go on at the same time.", value=now.slots)
        yield GaugeMetricFamily(
            "modelprofiler_leader",
            "Whether this operator holds the Lease and serves (1) or stands by (0).",
            value=now.leads,
        )
        yield GaugeMetricFamily("modelprofiler_workers", "Profiles that are being looked at.", value=now.busy)
        yield from _requests(now)
        errors = CounterMetricFamily(
            "modelprofiler_metrics_source_errors",
            "Questions to a metrics source that got no usable answer.",
            labels=("source",),
        )
        for source, count in sorted(now.source_errors.items()):
            errors.add_metric((source,), count)
        yield errors


def _requests(now: Snapshot) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "modelprofiler_api_requests", "Requests to the API server.", labels=("verb", "resource")
    )
    failures = CounterMetricFamily(
        "modelprofiler_api_request_errors",
        "Requests to the API server that failed, by status; 0: no answer.",
        labels=("verb", "resource", "code"),
    )
    for name, counts in now.requests.items():
        requests.add_metric(name.split(" ", 1), counts["requests"])
    for (name, code), count in sorted(now.failed_requests.items()):
        failures.add_metric([*name.split(" ", 1), code], count)
    yield requests
    yield failures


def known(value: object, values: frozenset[str]) -> str:
    """Return a label: the value if it is one of those known, else `OTHER`."""
    return value if isinstance(value, str) and value in values else OTHER


def _same_run(before: Object, after: Object) -> bool:
    return before.get("runHash") == after.get("runHash") and before.get("startTime") == after.get("startTime")


def _condition(status: Object, type_: str) -> Object:
    return next((c for c in status.get("conditions") or [] if c.get("type") == type_), {})


def _seconds(start: object, end: object) -> float | None:
    """Return the seconds between two times of a status; None where one is missing or the order is impossible."""
    try:
        seconds = (datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if seconds >= 0 else None
