"""What the finished trials of a run say, put together: the only thing the search looks at."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import MemoryUsage, Outcome, Purpose, Trial
from modelprofiler.core.axis import Axis, Limits, cpu_axis, memory_axis
from modelprofiler.core.judge import NO_EVIDENCE, judged_again
from modelprofiler.core.search.pace import Pace
from modelprofiler.core.search.points import CpuPoint, Observation, evidence, pooled
from modelprofiler.core.steps import Environment

SAMPLED_SHORT = 1.01
"""Samples 10 to 20 s apart miss a peak by a little: this factor covers it, up to the lifetime peak and one step."""

BELOW_DEMAND = 0.95
"""A limit under this share of the CPU that the load needs cannot keep up, whatever the pod: the rest is its error."""


@dataclass(frozen=True)
class Run:
    """A run as it stands.

    Attributes
    ----------
    spec
        The profile.
    cpu, memory
        The sizes that may be tried.
    container_name
        The profiled container.
    environment
        Where the trials run.
    trials
        All finished trials, judged by the objectives as they are now.
    observations
        Those among them that say something about a size.
    pace
        How much the CPU's pace differs between them.
    """

    spec: ModelProfileSpec
    cpu: Axis
    memory: Axis
    container_name: str
    environment: Environment
    trials: tuple[Trial, ...]
    observations: tuple[Observation, ...]
    pace: Pace

    @classmethod
    def of(
        cls,
        spec: ModelProfileSpec,
        resources: EffectiveResources,
        container_name: str,
        environment: Environment,
        trials: Sequence[Trial],
    ) -> Self:
        """Return the run that these trials make."""
        judged = judged_again(spec, trials)
        cpu, memory = cpu_axis(resources.cpu), memory_axis(resources.memory)
        said = [
            (trial, verdict)
            for trial, verdict in judged
            if trial.outcome not in NO_EVIDENCE and trial.purpose is not Purpose.BASELINE
        ]
        pace = Pace.of([trial for trial, _ in said])
        rate = float(spec.load.open_loop.rate) if spec.load.open_loop is not None else None
        observations = tuple(
            Observation(trial, limits, verdict, evidence(pace, trial, limits, verdict, cpu, rate))
            for trial, verdict in said
            for limits in [Limits.from_size(trial.limits)]
        )
        trials = tuple(trial for trial, _ in judged)
        return cls(spec, cpu, memory, container_name, environment, trials, observations, pace)

    @property
    def ceiling(self) -> Limits:
        """The largest size."""
        return Limits(self.cpu.last, self.memory.last)

    @property
    def trials_left(self) -> int:
        """Trials that search.maxTrials still allows."""
        return self.spec.search.max_trials - len(self.trials)

    @property
    def repetitions(self) -> int:
        """How often a size is measured while its verdict is uncertain."""
        return self.spec.search.repetitions

    def at(self, limits: Limits, *, fresh: bool = True) -> list[Observation]:
        """Return the trials at exactly this size, by default those on a fresh pod."""
        return [o for o in self.observations if o.limits == limits and (o.fresh or not fresh)]

    def blames_memory(self, observation: Observation) -> bool:
        """Whether a trial failed for want of memory rather than CPU.

        What is at its ceiling already is never to blame, as it cannot be raised: at the memory ceiling more CPU may
        keep a backlog from growing, at the CPU ceiling more memory may keep pages in. Elsewhere a kill or a crash is
        for memory, and so are responses that broke rather than came late.
        """
        if observation.passed or observation.limits.memory >= self.memory.last:
            return False
        if observation.limits.cpu >= self.cpu.last:
            return True
        if observation.trial.outcome is Outcome.ERRORS:
            load = observation.trial.load
            kinds = load.failures_by_kind if load is not None else None
            return kinds is not None and 2 * (kinds.timeout + kinds.dropped) < kinds.total
        return observation.trial.outcome in (Outcome.OOM_KILLED, Outcome.CRASHED)

    @functools.cached_property
    def cpu_points(self) -> dict[int, CpuPoint]:
        """What is known of each CPU size that was tried, in ascending order."""
        sizes: dict[int, list[Observation]] = {}
        for observation in self.observations:
            if self.blames_memory(observation) or self.is_outvoted(observation):
                continue
            if not self._is_distorted(observation):
                sizes.setdefault(observation.cpu, []).append(observation)
        return {cpu: pooled(cpu, sizes[cpu], self.cpu.last, self.repetitions, self.pace) for cpu in sorted(sizes)}

    def _is_distorted(self, observation: Observation) -> bool:
        """Whether a failure is that of a resized server where a fresh one has done better at no larger a size.

        Such a server sized its pools for what it was started with; then its failures elsewhere say nothing either.
        """
        failed = not observation.fresh and not observation.passed
        return failed and self._resizing_distorts and not self.is_below_demand(observation.cpu)

    @functools.cached_property
    def _resizing_distorts(self) -> bool:
        passed = [o.cpu for o in self.observations if o.passed and o.fresh]
        failed = [o.cpu for o in self.observations if not o.passed and not o.fresh]
        return bool(passed and failed) and min(passed) <= max(failed)

    @functools.cached_property
    def trusts_resized(self) -> bool:
        """Whether a resized server is taken for what a fresh one would be, by the threads of the fresh ones.

        A server that sizes its pools for its limit has fewer threads when it is started at a smaller one. Until a
        second size was started afresh nothing speaks for that; the Confirm trial will. Without a count of threads it is
        not known, and never trusted.
        """
        fresh = sorted(((o.limits.cpu, o.trial.usage) for o in self.observations if o.fresh and o.passed), key=_cpu)
        threads = [usage.threads if usage is not None else None for _, usage in fresh]
        known = [count for count in threads if count is not None]
        return bool(known) and len(known) == len(threads) and known[0] >= max(known)

    @property
    def resized_failure(self) -> bool:
        """Whether a resized server failed at a size that the load alone does not explain."""
        return any(not o.fresh and not o.passed and not self.is_below_demand(o.cpu) for o in self.observations)

    @property
    def largest_failing(self) -> CpuPoint | None:
        """The largest CPU size, below the ceiling, that does not meet the objectives."""
        failing = [p for p in self.cpu_points.values() if not p.passes and p.cpu < self.cpu.last]
        return failing[-1] if failing else None

    @property
    def smallest_passing(self) -> CpuPoint | None:
        """The smallest CPU size that meets the objectives, above every one that does not."""
        above = self.largest_failing.cpu if self.largest_failing else 0
        return next((p for p in self.cpu_points.values() if p.passes and p.cpu > above), None)

    @functools.cached_property
    def contradicted(self) -> Observation | None:
        """The failure that must be measured once more before it counts: the same size or a smaller one had passed.

        Either is then wrong: the pass was luck, or the machine stood still for a moment in the failing window. One
        repetition decides. None is due where a failure that is certain stands against a single pass that is not.
        """
        if self.repetitions < 2:
            return None
        alone = (o for o in self.observations if self._is_contradicted(o) and len(self._alike(o)) == 1)
        return next((o for o in alone if not self._after(o)), None)

    def is_outvoted(self, failure: Observation) -> bool:
        """Whether a failure contradicts an earlier pass and the repetition passed, so that it does not count."""
        if failure.passed or self.repetitions < 2 or not (after := self._after(failure)):
            return False
        return after[0].passed and self._is_contradicted(failure)

    def _is_contradicted(self, failure: Observation) -> bool:
        if failure.passed or not failure.fresh or failure.trial.outcome is Outcome.OOM_KILLED:
            return False
        earlier = [o for o in self.passes_within(failure.cpu) if o.trial.index < failure.trial.index]
        if self.blames_memory(failure):
            passes = [o for o in earlier if o.limits.memory <= failure.limits.memory]
        elif failure.cpu == self.cpu.last:
            return False
        else:
            passes = [o for o in earlier if o.limits.cpu == failure.limits.cpu or self._stands(o)]
        firm = len(passes) > 1 or any(o.verdict.certain for o in passes)
        return firm or (bool(passes) and not failure.verdict.certain)

    def _stands(self, passed: Observation) -> bool:
        """Whether the last word on the size of a pass is a pass."""
        return [o.passed for o in self.observations if o.limits.cpu == passed.limits.cpu][-1]

    def _same_size(self, observation: Observation) -> list[Observation]:
        same = [o for o in self.observations if o.fresh and o.limits.cpu == observation.limits.cpu]
        return [o for o in same if o.limits == observation.limits] if self.blames_memory(observation) else same

    def _alike(self, failure: Observation) -> list[Observation]:
        return [o for o in self._same_size(failure) if not o.passed]

    def _after(self, failure: Observation) -> list[Observation]:
        return [o for o in self._same_size(failure) if o.trial.index > failure.trial.index]

    def passes_within(self, cpu: int) -> list[Observation]:
        """Return the trials that passed at this CPU size or a smaller one, resized servers' included."""
        return [o for o in self.observations if o.passed and o.cpu <= cpu]

    @property
    def demand(self) -> float | None:
        """CPU that the load needs, in millicores: its rate times the CPU time of a request (utilisation law).

        Absent with a closed loop, which asks for as much as it gets, and where CPU time was not measured.
        """
        time = self.cpu_time_per_request
        if self.spec.load.open_loop is None or time is None:
            return None
        return 1000 * float(self.spec.load.open_loop.rate) * time

    @property
    def cpu_time_per_request(self) -> float | None:
        """CPU seconds of a request at the largest size that passed and measured it."""
        measured = [
            (o.limits.cpu, o.trial.usage.cpu_time_per_request.seconds)
            for o in self.observations
            if o.passed and o.trial.usage is not None and o.trial.usage.cpu_time_per_request is not None
        ]
        return max(measured, key=lambda found: found[0], default=(0, None))[1]

    def is_below_demand(self, cpu: int) -> bool:
        """Whether a CPU limit is too small for the load by what a request costs, before any queueing."""
        return self.demand is not None and cpu < BELOW_DEMAND * self.demand

    @property
    def memory_peak(self) -> int | None:
        """The most memory seen in a trial that passed, in bytes.

        A trial that failed may have piled up requests, and its memory says nothing about a size that keeps up.
        """
        return max((usage.peak.bytes for usage in self._memory_usages), default=None)

    @property
    def memory_is_exact(self) -> bool:
        """Whether the kernel's own counters told the peak, so that a trial at the least memory would not tell more.

        Only where a control group is read, ten times a second; not after a kill, which says that there was more to it.
        """
        sources = {o.trial.usage.source for o in self.observations if o.passed and o.trial.usage is not None}
        return sources == {"Cgroup"} and not self.memory_failures

    @property
    def memory_need(self) -> int | None:
        """The least memory worth trying, in bytes: the peak, and a little more where it was only sampled."""
        return max((self._need(usage) for usage in self._memory_usages), default=None)

    def _need(self, usage: MemoryUsage) -> int:
        peak = usage.peak.bytes
        if usage.peak_source != "WorkingSet":
            return peak
        bounds = [math.ceil(SAMPLED_SHORT * peak)]
        if usage.lifetime_peak is not None:
            bounds.append(max(usage.lifetime_peak.bytes, peak))
        if (step_above := self.memory.next_higher(self.memory.ceil(peak))) is not None:
            bounds.append(step_above)
        return min(bounds)

    @property
    def lifetime_peaks(self) -> list[int]:
        """Lifetime peaks of the trials that passed, page cache included: upper bounds, in bytes."""
        return sorted(u.lifetime_peak.bytes for u in self._memory_usages if u.lifetime_peak is not None)

    @property
    def _memory_usages(self) -> list[MemoryUsage]:
        usages = [o.trial.usage for o in self.observations if o.passed and o.trial.usage is not None]
        return [usage.memory for usage in usages if usage.memory is not None]

    @property
    def memory_failures(self) -> list[int]:
        """The memory sizes that were too small, ascending, in bytes."""
        return sorted(o.limits.memory for o in self.observations if self.blames_memory(o) and not self.is_outvoted(o))


def _cpu(found: tuple[int, object]) -> int:
    return found[0]
