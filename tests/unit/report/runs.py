"""Finished runs as they are recorded, from the simulated service: with histograms, timelines and samples."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from benchmarks.search.service import Measured
from tests.unit.core.search.simulator import EPOCH, MI, REQUESTS, Noise, Service, Simulation, spec_of

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.resource import ModelProfile, ObjectMeta
from modelprofiler.api.status import DatasetStatus, ModelProfileStatus, Provenance
from modelprofiler.api.trial import LoadStatus, MemoryUsage, Outcome, Trial, UsageStatus
from modelprofiler.core.axis import Limits
from modelprofiler.core.conditions import Finding, RunState, conditions_for
from modelprofiler.core.evidence import ResultKind
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial, Step
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.result import LoadResult
from modelprofiler.load.timeline import Timeline
from modelprofiler.metrics.series import series
from modelprofiler.report.record import RunRecord, TrialRecord

DIGITS = Service(
    cpu_seconds=0.0065, rate=50, base_memory=176 * MI, spread=0.25, wait_seconds=0.02, held=False, requests=REQUESTS
)
SOME = Noise(runs=0.01)


class Recorded(Simulation):
    """Keeps of each trial the latencies too."""

    def __init__(self, spec: Any, service: Service, seed: int = 0, noise: Noise = SOME) -> None:
        super().__init__(spec, service, seed, noise)
        self.histograms: dict[int, Histogram] = {}

    def _load(self, measured: Measured, pace: float) -> LoadStatus:
        histogram = self.histograms.setdefault(len(self.trials) + 1, Histogram())
        for latency in measured.latencies:
            histogram.record(latency)
        return super()._load(measured, pace)

    def _usage(self, measured: Measured, rng: random.Random, limits: Limits, *, thrashes: bool) -> UsageStatus:
        usage = super()._usage(measured, rng, limits, thrashes=thrashes)
        assert usage.memory is not None
        memory = MemoryUsage(peak=usage.memory.peak, peak_source="Cgroup", steady=usage.memory.peak)
        more = {
            "memory": memory,
            "throttled_percent": Quantity.decimal(max(0.0, 60 - measured.cpu / 12), 3),
            "threads": 9,
        }
        return usage.model_copy(update=more)

    def record(self, trial: Trial) -> TrialRecord:
        """Return a finished trial in full."""
        if trial.outcome is Outcome.OOM_KILLED or trial.load is None:
            return TrialRecord(trial.model_copy(update={"load": None, "usage": None, "judged": None}))
        start = trial.start_time.timestamp() + 4
        window, length = start + 5, trial.load.duration.seconds
        result = LoadResult(
            ResultKind.COMPLETED,
            started=start - 1,
            warmup_started=start,
            window_started=window,
            window_ended=window + length,
            ended=window + length + 0.2,
            status=trial.load,
            timeline=Timeline((start, window + length), (0, trial.load.requests)),
            histogram=self.histograms[trial.index],
        )
        assert trial.usage is not None
        assert trial.usage.memory is not None
        assert trial.usage.cpu_time_per_request is not None
        peak, cost = trial.usage.memory.peak.bytes, trial.usage.cpu_time_per_request.seconds
        times = [start - 3 + i for i in range(int(length) + 8)]
        memory = [(t, peak * (1 - 0.32 * math.exp(-(t - start + 3) / 4)) // 1) for t in times]
        cpu = [(t, 1.2 + max(0.0, t - start) * self.service.rate * cost) for t in times]
        return TrialRecord(trial, result, series(cpu), series(memory))


def recorded(run: Recorded, step: Step | None, name: str = "digits") -> RunRecord:
    """Return the record of a run that has come to `step`; None for one under way."""
    end = EPOCH + timedelta(minutes=len(run.trials) + 1)
    result = step if isinstance(step, Recommend | GiveUp) else None
    metrics = Finding(Reason.SAMPLES_READ, "Samples come from Kubelet.")
    state = RunState(generation=1, result=result, active="Trial 3 loads.", metrics=metrics)
    records = [run.record(trial) for trial in run.trials]
    status = ModelProfileStatus(
        observed_generation=1,
        run_hash="8c1f24d9",
        start_time=EPOCH,
        completion_time=end if result else None,
        trials_completed=len(run.trials),
        dataset=DatasetStatus(rows=719, distinct_rows=719, largest_row=Quantity("1229"), digest="sha256:" + "ab" * 32),
        resources=run.resources,
        trials=[r.trial for r in records],
        recommendations=[step.recommendation] if isinstance(step, Recommend) else [],
        provenance=Provenance(
            image="registry.example/digits@sha256:" + "cd" * 32,
            dataset_digest="sha256:" + "ab" * 32,
            node="node-1",
            cpu_model="AMD EPYC 7B13",
            kernel="6.1.0-28-amd64",
            cgroup_version="v2",
            modelprofiler_version="0.1.0",
        ),
        conditions=conditions_for(state, [], end),
    )
    meta = ObjectMeta(name=name, namespace="team")
    profile = ModelProfile(metadata=meta, spec=run.spec, status=status)
    return RunRecord(profile, {r.trial.index: r for r in records})


@functools.cache
def verified() -> RunRecord:
    """Return a run that ended with a verified recommendation."""
    run = Recorded(spec_of(model={"name": "digits", "version": "1"}), DIGITS)
    return recorded(run, run.run())


@functools.cache
def infeasible() -> RunRecord:
    """Return a run in which no size met the objectives."""
    run = Recorded(spec_of(objectives={"latency": {"p95": "12ms"}}), DIGITS)
    return recorded(run, run.run())


@functools.cache
def killed() -> RunRecord:
    """Return a run of a faster server that needs more memory; the samples miss a part of it."""
    run = Recorded(
        spec_of(),
        replace(DIGITS, base_memory=230 * MI, cpu_seconds=0.0062, wait_seconds=0.001),
        noise=Noise(sampled=0.06),
    )
    return recorded(run, run.run())


@functools.cache
def broken() -> RunRecord:
    """Return a run in which trials broke without a latency, one said nothing, and usage could not be read."""
    record = verified()
    changes: dict[int, dict[str, Any]] = {
        3: {"outcome": Outcome.OOM_KILLED, "message": "the kernel's OOM killer ended a process of the container"},
        4: {"outcome": Outcome.DISTURBED, "message": "the node was busy"},
    }
    empty = {"load": None, "usage": None, "judged": None}
    rows = [t.model_copy(update=changes[t.index] | empty if t.index in changes else {"usage": None})
            for t in record.profile.status.trials]  # fmt: skip
    status = record.profile.status.model_copy(update={"trials": rows})
    return RunRecord(record.profile.model_copy(update={"status": status}))


@functools.cache
def grid() -> RunRecord:
    """Return a run of every combination of many sizes."""
    sizes = {"cpu": {"min": "100m", "max": "1", "step": "50m"}, "memory": {"values": ["256Mi", "512Mi", "1Gi"]}}
    run = Recorded(spec_of(resources=sizes, search={"strategy": "Grid", "maxTrials": 60}), DIGITS)
    return recorded(run, run.run(80))


@functools.cache
def unfinished(trials: int = 1) -> RunRecord:
    """Return a run under way with this many finished trials."""
    run = Recorded(spec_of(), DIGITS)
    for _ in range(trials):
        step = run.next()
        assert isinstance(step, RunTrial)
        run.trials.append(run.trial(step))
    return recorded(run, None)
