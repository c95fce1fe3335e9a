"""Trials of a simulated service, recorded as a shell would, and the search's whole run over them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from benchmarks.search.service import Measured, Service

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import (
    AnswerKind,
    FailureCounts,
    FirstRequest,
    LatencySummary,
    LoadStatus,
    MemoryUsage,
    NodeLoad,
    Outcome,
    Trial,
    UsageStatus,
)
from modelprofiler.core.axis import Axis, Limits, cpu_axis, memory_axis
from modelprofiler.core.evidence import Failure
from modelprofiler.core.judge import outcome_of
from modelprofiler.core.search.step import next_step
from modelprofiler.core.steps import RunTrial, Step

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SCHEDULING, RESIZING, WARMUP, SAMPLES = 4.0, 2.0, 5.0, 15.0
"""Simulated seconds until a pod starts, until a resize is done, before the window, until usage is known."""
LOOP_SECONDS = 0.00014
"""What a round of the reference loop takes at the mean pace; only ratios matter."""
FAULTS = 100
"""Page faults of a request whose pages are read from disk again."""
AFTER_PAUSE = 0.25
"""Share of the starts that failed for a port in use that fail again after a pause."""


@dataclass(frozen=True)
class Noise:
    """What keeps two trials of one size from being alike.

    Attributes
    ----------
    runs
        Standard deviation of the logarithm of the CPU time of everything, from trial to trial.
    drift
        Most by which it changes from the first request of a trial to the last, as a share.
    stalls
        Share of trials in which the machine stands still for one to five seconds.
    counter
        Standard deviation of the error of the CPU time that is reported, as a share.
    sampled
        Most by which samples miss the peak of memory, as a share.
    loop
        Standard deviation of the error of the reference loop, as a share: by how much it differs from what the same
        pace does to a server. The machine's pace itself is `runs`, which the server and the loop both have.
    """

    runs: float = 0.0
    drift: float = 0.0
    stalls: float = 0.0
    counter: float = 0.01
    sampled: float = 0.01
    loop: float = 0.01


@dataclass
class Simulation:
    """Runs trials of a service and keeps what a shell would record."""

    spec: ModelProfileSpec
    service: Service
    seed: int = 0
    noise: Noise = Noise()
    trials: list[Trial] = field(default_factory=list)
    started_at: int = 0
    wall_seconds: float = 0.0
    served: bool = False
    """Whether the server has served the rows before."""

    @property
    def resources(self) -> EffectiveResources:
        """The range of the spec."""
        assert self.spec.resources.cpu is not None
        assert self.spec.resources.memory is not None
        return EffectiveResources(cpu=self.spec.resources.cpu, memory=self.spec.resources.memory)

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The sizes of CPU and memory."""
        return cpu_axis(self.resources.cpu), memory_axis(self.resources.memory)

    def next(self) -> Step:
        """Return the next step of the run."""
        return next_step(self.spec, self.resources, "server", "Local", self.trials)

    def run(self, maximum: int = 60) -> Step:
        """Run the whole search and return its last step."""
        for _ in range(maximum):
            step = self.next()
            if not isinstance(step, RunTrial):
                return step
            self.trials.append(self.trial(step))
        raise AssertionError(f"no end after {maximum} trials")

    def trial(self, step: RunTrial) -> Trial:
        """Run one trial."""
        index = len(self.trials) + 1
        rng = random.Random(f"{self.seed}/{index}")
        if step.fresh:
            self.started_at, self.served = step.limits.cpu, False
            if self._start_fails(rng):
                return self._not_started(step, index)
        pace = self.pace(rng)
        thrashes = self.thrashes(step.limits)
        measured = self.measured(step.limits, rng, pace, thrashes=thrashes)
        self.served = True
        ready = Duration.of(self.service.start_time(step.limits.cpu, pace)) if step.fresh else None
        self.wall_seconds += WARMUP + self.load_seconds(measured) + (SAMPLES if step.window == "Measure" else 0.0)
        self.wall_seconds += RESIZING if ready is None else SCHEDULING + ready.seconds
        load, usage = self._load(measured, pace), self._usage(measured, rng, step.limits, thrashes=thrashes)
        failure = self.failure(step, measured, rng)
        verdict = outcome_of(
            self.spec,
            purpose=step.purpose,
            fresh=step.fresh,
            load=load,
            usage=usage,
            time_to_ready=ready,
            failure=failure,
            trials=self.trials,
        )
        return Trial(
            index=index,
            purpose=step.purpose,
            limits=step.limits.to_size(),
            fresh=step.fresh,
            outcome=verdict.outcome,
            message=verdict.message,
            judged=verdict.judged,
            load=load,
            usage=usage,
            node=self._node(pace, rng),
            time_to_ready=ready,
            start_time=EPOCH + timedelta(minutes=index),
            completion_time=EPOCH + timedelta(minutes=index, seconds=40),
        )

    def failure(self, step: RunTrial, measured: Measured, rng: random.Random) -> Failure | None:
        """Return what goes wrong in a trial: the server is killed where it needs more memory than it has."""
        needed = measured.memory - self.service.mapped_memory
        return Failure(Outcome.OOM_KILLED, "killed") if step.limits.memory < needed else None

    def pace(self, rng: random.Random) -> float:
        """Return how much more CPU time everything takes in a run."""
        return rng.lognormvariate(0, self.noise.runs) if self.noise.runs else 1.0

    def thrashes(self, limits: Limits) -> bool:
        """Whether the pages of a mapped file do not fit next to what the server itself needs."""
        service = self.service
        mapped = service.mapped_memory
        return bool(mapped) and limits.memory < service.base_memory + service.served_memory + mapped

    def measured(
        self, limits: Limits, rng: random.Random, slower: float | None = None, *, thrashes: bool = False
    ) -> Measured:
        """Return what the server shows in a run of its own, with its noise."""
        noise = self.noise
        slower = self.pace(rng) if slower is None else slower
        drift = rng.uniform(-noise.drift, noise.drift) if noise.drift else 0.0
        stall = (0.0, 0.0)
        if noise.stalls and rng.random() < noise.stalls:
            stall = (rng.uniform(0, 0.9 * self.service.window), rng.uniform(1, 5))
        return self.service.measure(
            limits.cpu, self.started_at, slower, drift, stall, warm=self.served, thrashes=thrashes
        )

    def load_seconds(self, measured: Measured) -> float:
        """Return what a run takes of a load generator's time: one that is overloaded is stopped, not waited for."""
        return min(measured.seconds, self.service.window) if measured.overloaded else measured.seconds

    def _start_fails(self, rng: random.Random) -> bool:
        """Whether the port of the last server is not free yet; it is more seldom so after a pause."""
        share = self.service.failing_starts
        if not share or not self.trials:
            return False
        paused = self.trials[-1].outcome is Outcome.DISTURBED
        return rng.random() < (share * AFTER_PAUSE if paused else share)

    def _not_started(self, step: RunTrial, index: int) -> Trial:
        self.wall_seconds += SCHEDULING
        return Trial(
            index=index,
            purpose=step.purpose,
            limits=step.limits.to_size(),
            fresh=True,
            outcome=Outcome.DISTURBED,
            message="the server did not start, although it had started before: Address already in use",
            start_time=EPOCH + timedelta(minutes=index),
            completion_time=EPOCH + timedelta(minutes=index, seconds=4),
        )

    def _node(self, pace: float, rng: random.Random) -> NodeLoad:
        loop = pace * LOOP_SECONDS * rng.lognormvariate(0, self.noise.loop)
        return NodeLoad(loop_before=Duration.of(loop), loop_after=Duration.of(loop))

    def _load(self, measured: Measured, pace: float) -> LoadStatus:
        count, answered = self.service.count, len(measured.latencies)
        failures = count - answered
        first = self.service.first_time(measured.cpu, pace)
        return LoadStatus(
            requests=count,
            failures=failures,
            failures_by_kind=FailureCounts(status=failures) if failures else None,
            answers=[_refusal(failures)] if failures else [],
            rate=Quantity.decimal(answered / measured.seconds),
            rows_covered=count,
            duration=Duration.of(measured.seconds),
            stopped_early="Overload" if measured.overloaded else None,
            probe=Duration.of(measured.latencies[0]),
            first_request=FirstRequest(duration=Duration.of(first)) if not self.served or first else None,
            latency=_summary(measured.values),
            latency_low=_summary(measured.lows),
            latency_high=_summary(measured.highs),
        )

    def _usage(self, measured: Measured, rng: random.Random, limits: Limits, *, thrashes: bool) -> UsageStatus:
        cpu_time = measured.cpu_per_request * rng.lognormvariate(0, self.noise.counter)
        sampled = int(min(measured.memory, limits.memory) * (1 - rng.uniform(0, self.noise.sampled)))
        lifetime = Quantity(min(measured.memory + self.service.page_cache, max(limits.memory, measured.memory)))
        mapped = self.service.mapped_memory
        requests = len(measured.latencies)
        return UsageStatus(
            cpu=Quantity.decimal(sum(measured.cpu_samples) / len(measured.cpu_samples)),
            cpu_time_per_request=Duration.of(cpu_time),
            samples=4,
            threads=3 + math.prod(self.service.pools(self.started_at)),
            source="Kubelet",
            memory=MemoryUsage(peak=Quantity(sampled), peak_source="WorkingSet", lifetime_peak=lifetime),
            mapped_file=Quantity(mapped) if mapped else None,
            major_faults=FAULTS * requests if thrashes else 0 if mapped else None,
            read_bytes=Quantity((requests if thrashes else 1) * mapped) if mapped else None,
        )


def _refusal(count: int) -> AnswerKind:
    return AnswerKind(status=503, shape="text", error=True, answers=count, looked_at=count, bodies=1, rows=1)


def _summary(values: dict[str, float]) -> LatencySummary:
    return LatencySummary(**{name: Duration.of(value) for name, value in values.items()})
