"""The finished trials of a run as the search sees them: judged, pooled by size, and with the memory that they used."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import MemoryUsage, Outcome, Purpose, Trial
from modelprofiler.core.answers.doubts import own_limit
from modelprofiler.core.axis import Axis, Limits, cpu_axis, memory_axis
from modelprofiler.core.judge import NO_EVIDENCE, judged_again, thrashing
from modelprofiler.core.memory.horizon import growth_over_horizon
from modelprofiler.core.memory.verdict import Growth, State, growth_of, is_killed_soak
from modelprofiler.core.search.pace import Pace, machine_of
from modelprofiler.core.search.points import CpuPoint, Observation, counted_size, pooled
from modelprofiler.core.steps import Environment

SAMPLED_SHORT = 1.01
"""Factor by which a peak of memory may be above the largest of samples that are 10 to 20 s apart; no more than the
lifetime peak or one step is added. A rule of thumb."""

BELOW_DEMAND = 0.95
"""Share of the CPU that the load needs below which a limit cannot keep up, whether the server is fresh or resized. The
remaining 5 % allow for the error of the measured demand."""


@dataclass(frozen=True)
class Run:
    """A run after its finished trials.

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
        All finished trials, judged by the current objectives.
    observations
        Those that are evidence about a size.
    pace
        The pace of each trial, and how much it differs.
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
        """Return the run with these finished trials."""
        judged = judged_again(spec, trials)
        cpu, memory = cpu_axis(resources.cpu), memory_axis(resources.memory)
        conclusive = [(trial, verdict) for trial, verdict in judged if trial.outcome not in NO_EVIDENCE]
        pace = Pace.of([trial for trial, _ in conclusive], machine_of([trial for trial, _ in conclusive]))
        rate = float(spec.load.open_loop.rate) if spec.load.open_loop is not None else None
        observations = tuple(
            Observation(trial, limits, verdict, counted_size(pace, trial, limits, verdict, cpu, rate))
            for trial, verdict in conclusive
            if not is_killed_soak(trial)  # it says how long a size lasts, not that a load of usual length needs more
            for limits in [Limits.from_size(trial.limits)]
        )
        trials = tuple(trial for trial, _ in judged)
        return cls(spec, cpu, memory, container_name, environment, trials, observations, pace)

    @property
    def ceiling(self) -> Limits:
        """The ceiling: the largest size of the range."""
        return Limits(self.cpu.last, self.memory.last)

    @property
    def trials_left(self) -> int:
        """How many more trials search.maxTrials allows."""
        return self.spec.search.max_trials - len(self.trials)

    @property
    def repetitions(self) -> int:
        """How often a size with an uncertain verdict is measured."""
        return self.spec.search.repetitions

    def at(self, limits: Limits, *, fresh: bool = True) -> list[Observation]:
        """Return the trials at exactly this size, by default only those on a fresh server."""
        return [o for o in self.observations if o.limits == limits and (o.fresh or not fresh)]

    def blames_memory(self, observation: Observation) -> bool:
        """Whether a trial failed because of too little memory rather than too little CPU.

        A resource that is at its ceiling is never blamed, as it cannot be raised: at the memory ceiling, more CPU may
        keep a backlog from growing; at the CPU ceiling, more memory may keep pages from being evicted. Below both, a
        kill or a crash is blamed on memory, and so are responses that were broken rather than late, and a server that
        reads its files from disk again and again. Failures that no size can fix are blamed on neither.
        """
        if observation.passed or observation.limits.memory >= self.memory.last or self._is_of_no_size(observation):
            return False
        if thrashing(observation.trial.load, observation.trial.usage):
            return True
        if observation.limits.cpu >= self.cpu.last:
            return not self._is_slower_than_ceiling(observation)
        if observation.trial.outcome is Outcome.ERRORS:
            load = observation.trial.load
            kinds = load.failures_by_kind if load is not None else None
            return kinds is not None and 2 * (kinds.timeout + kinds.dropped) < kinds.total
        return observation.trial.outcome in (Outcome.OOM_KILLED, Outcome.CRASHED)

    def _is_of_no_size(self, observation: Observation) -> bool:
        """Whether requests failed for a reason that no size can fix."""
        trial = observation.trial
        return trial.load is not None and bool(own_limit(self.spec, trial.load, trial.usage, trial.limits.cpu))

    def _is_slower_than_ceiling(self, failure: Observation) -> bool:
        """Whether a failure by latency had a slower pace than every trial that passed with all CPU and all memory.

        Then the pace explains it, and it is evidence about the CPU; else it is the memory that differs.
        """
        deviations = self.pace.deviations
        if failure.trial.outcome is not Outcome.SLOW or failure.trial.index not in deviations:
            return False
        passed = [deviations.get(o.trial.index, 0.0) for o in self.at(self.ceiling) if o.passed]
        return deviations[failure.trial.index] > max(passed, default=math.inf)

    def utilisation(self, observation: Observation) -> float:
        """Return the share of the server's CPU that a trial's load needed, of those that its workers can use.

        0 where that is not known.
        """
        needs, script = self.load_needs(observation), self.spec.server.entry_script
        usable = observation.limits.cpu if script is None else min(observation.limits.cpu, 1000 * script.workers)
        return 0.0 if needs is None else needs / usable

    @functools.cached_property
    def cpu_points(self) -> dict[int, CpuPoint]:
        """The evidence about each CPU size that was tried, in ascending order."""
        sizes: dict[int, list[Observation]] = {}
        for observation in self.observations:
            if self.blames_memory(observation) or self.is_outvoted(observation):
                continue
            if not self._is_distorted(observation):
                sizes.setdefault(observation.cpu, []).append(observation)
        return {
            cpu: pooled(cpu, sizes[cpu], self.cpu.last, self.repetitions, self.pace, self.utilisation)
            for cpu in sorted(sizes)
        }

    def _is_distorted(self, observation: Observation) -> bool:
        """Whether a result is that of a resized server where a fresh one showed that such results mean nothing.

        A fresh server passed at the same size or a smaller one where the resized server failed, which has sized its
        thread pools for the size it was started with. Or a fresh server failed at the same size or a larger one where
        the resized server passed, which has its caches full, or more threads.
        """
        if observation.fresh:
            return False
        if observation.passed:
            return self.resizing_flatters
        return self._resizing_distorts and not self.is_below_demand(observation.cpu)

    @functools.cached_property
    def _resizing_distorts(self) -> bool:
        passed = [o.cpu for o in self.observations if o.passed and o.fresh]
        failed = [o.cpu for o in self.observations if not o.passed and not o.fresh]
        return bool(passed and failed) and min(passed) <= max(failed)

    @functools.cached_property
    def resizing_flatters(self) -> bool:
        """Whether fresh servers failed for certain at two sizes at which, or below which, only resized servers passed.

        A single one may be the size next to the boundary, where the resized server passed by chance.
        """
        passed = [o for o in self.observations if o.passed and o.cpu < self.cpu.last]
        fresh, resized = [o.cpu for o in passed if o.fresh], [o.cpu for o in passed if not o.fresh]
        least = min(fresh, default=self.cpu.last)
        failed = {
            o.cpu
            for o in self.observations
            if not o.passed and o.fresh and o.verdict.certain and not self.blames_memory(o)
        }
        return len([cpu for cpu in failed if min(resized, default=least) <= cpu < least]) > 1

    @functools.cached_property
    def trusts_resized(self) -> bool:
        """Whether a resized server behaves like a fresh one, judged by the number of threads of fresh servers.

        A server that sizes its pools for its limit has fewer threads when it is started at a smaller one. Until a
        fresh server has run at a second size there is no sign of that, and resized servers are trusted; the Confirm
        trial will show. Where threads were not counted, they are not trusted.
        """
        fresh = sorted(((o.limits.cpu, o.trial.usage) for o in self.observations if o.fresh and o.passed), key=_cpu)
        threads = [usage.threads if usage is not None else None for _, usage in fresh]
        known = [count for count in threads if count is not None]
        return bool(known) and len(known) == len(threads) and known[0] >= max(known)

    @property
    def resized_failure(self) -> bool:
        """Whether a resized server failed at a size that is not below the CPU demand of the load."""
        return any(not o.fresh and not o.passed and not self.is_below_demand(o.cpu) for o in self.observations)

    @property
    def largest_failing(self) -> CpuPoint | None:
        """The largest CPU size below the ceiling that does not meet the objectives."""
        failing = [p for p in self.cpu_points.values() if not p.passes and p.cpu < self.cpu.last]
        return failing[-1] if failing else None

    @property
    def smallest_passing(self) -> CpuPoint | None:
        """The smallest CPU size that meets the objectives and is above every size that does not."""
        above = self.largest_failing.cpu if self.largest_failing else 0
        return next((p for p in self.cpu_points.values() if p.passes and p.cpu > above), None)

    @functools.cached_property
    def contradicted(self) -> Observation | None:
        """The failure that must be repeated before it counts, because the same size or a smaller one had passed.

        One of the two is wrong: the size passed by chance, or the machine paused for a moment in the failing window.
        One repetition decides. None is needed for a certain failure against a single pass that was not certain.
        """
        if self.repetitions < 2:
            return None
        single = (o for o in self.observations if self._is_contradicted(o) and len(self._failures_like(o)) == 1)
        return next((o for o in single if not self._trials_after(o)), None)

    def is_outvoted(self, failure: Observation) -> bool:
        """Whether a failure does not count, because it contradicts an earlier pass and its repetition passed."""
        if failure.passed or self.repetitions < 2 or not (later := self._trials_after(failure)):
            return False
        return later[0].passed and self._is_contradicted(failure)

    def _is_contradicted(self, failure: Observation) -> bool:
        if failure.passed or not failure.fresh or failure.trial.outcome is Outcome.OOM_KILLED:
            return False
        earlier = [o for o in self.passes_within(failure.cpu) if o.trial.index < failure.trial.index]
        if self.blames_memory(failure):
            passes = [o for o in earlier if o.limits.memory <= failure.limits.memory]
        elif failure.cpu == self.cpu.last:
            return False
        else:
            passes = [o for o in earlier if o.limits.cpu == failure.limits.cpu or self._still_passes(o)]
        firm = len(passes) > 1 or any(o.verdict.certain for o in passes)
        return firm or (bool(passes) and not failure.verdict.certain)

    def _still_passes(self, passed: Observation) -> bool:
        """Whether the last trial at the size of a pass also passed."""
        return [o.passed for o in self.observations if o.limits.cpu == passed.limits.cpu][-1]

    def _same_size(self, observation: Observation) -> list[Observation]:
        same = [o for o in self.observations if o.fresh and o.limits.cpu == observation.limits.cpu]
        return [o for o in same if o.limits == observation.limits] if self.blames_memory(observation) else same

    def _failures_like(self, failure: Observation) -> list[Observation]:
        return [o for o in self._same_size(failure) if not o.passed]

    def _trials_after(self, failure: Observation) -> list[Observation]:
        return [o for o in self._same_size(failure) if o.trial.index > failure.trial.index]

    def passes_within(self, cpu: int) -> list[Observation]:
        """Return the trials that passed at this CPU size or a smaller one, including those on resized servers."""
        flattered = self.resizing_flatters
        return [o for o in self.observations if o.passed and o.cpu <= cpu and (o.fresh or not flattered)]

    def load_needs(self, observation: Observation) -> float | None:
        """Return the CPU that the load would have needed in a trial, in millicores: rate times CPU time per request.

        The utilisation law. None with a closed loop, whose rate adapts to the server, and where it was not measured.
        """
        usage, loop = observation.trial.usage, self.spec.load.open_loop
        time = usage.cpu_time_per_request if usage is not None else None
        return None if loop is None or time is None else 1000 * float(loop.rate) * time.seconds

    @property
    def demand(self) -> float | None:
        """CPU that the load needs by the cheapest trial, in millicores; None where it is not known.

        A guess of where to look: a request may take less CPU time at a smaller size, for example where a server
        batches what waits.
        """
        known = [needs for o in self.observations if o.passed and (needs := self.load_needs(o)) is not None]
        return min(known, default=None)

    @property
    def cpu_time_per_request(self) -> float | None:
        """CPU seconds per request at the largest size that passed and measured them."""
        measured = [
            (o.limits.cpu, o.trial.usage.cpu_time_per_request.seconds)
            for o in self.observations
            if o.passed and o.trial.usage is not None and o.trial.usage.cpu_time_per_request is not None
        ]
        return max(measured, key=lambda pair: pair[0], default=(0, None))[1]

    def passes_below(self, cpu: float) -> bool:
        """Whether a trial passed with less CPU (millicores) than this."""
        return any(o.passed and o.limits.cpu < cpu for o in self.observations)

    def is_below_demand(self, cpu: int) -> bool:
        """Whether a CPU limit (millicores) is below the demand of the load, so that no server is expected to keep up.

        Never where a trial passed at this size or a smaller one: the demand was then another than supposed.
        """
        return self.demand is not None and cpu < BELOW_DEMAND * self.demand and not self.passes_below(cpu + 1)

    @functools.cached_property
    def growth(self) -> Growth:
        """What the trials show about the growth of memory."""
        return growth_of(self.trials, longest=self.spec.search.soak.seconds, ceiling=self.memory.last)

    @functools.cached_property
    def growth_to_hold(self) -> int | None:
        """What memory that grows without end grows by in the horizon, in bytes; None where it does not, or unknown."""
        if self.growth.state is not State.GROWS or self.growth.leak is None:
            return None
        return growth_over_horizon(self.spec, self.trials, self.growth.leak)

    @property
    def leaves_soaks_out(self) -> bool:
        """Whether the memory peaks of soaks do not count, because memory has not settled in them.

        What it grew by is a part of what is added for the horizon.
        """
        soaked = any(o.passed and o.trial.purpose is Purpose.SOAK for o in self.observations)
        return soaked and self.growth.state in (State.SUSPECTED, State.GROWS)

    @property
    def memory_peak(self) -> int | None:
        """The largest memory peak of the trials that passed, in bytes.

        A trial that failed may have held a backlog of requests, which a server that keeps up does not have.
        """
        return max((usage.peak.bytes for usage in self._memory_usages), default=None)

    @property
    def memory_is_exact(self) -> bool:
        """Whether the peak was read from the cgroup itself, so that a trial at that memory would add no evidence.

        That is so where a cgroup is read ten times a second, and no trial was killed for lack of memory, which would
        show that the peak was higher.
        """
        sources = {o.trial.usage.source for o in self.observations if o.passed and o.trial.usage is not None}
        return sources == {"Cgroup"} and not self.memory_failures

    @property
    def memory_need(self) -> int | None:
        """The smallest memory worth trying, in bytes: the peak, and a little more where it was only sampled."""
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
        """Lifetime memory peaks of the trials that passed, ascending, in bytes; they include page cache."""
        return sorted(u.lifetime_peak.bytes for u in self._memory_usages if u.lifetime_peak is not None)

    @property
    def _memory_usages(self) -> list[MemoryUsage]:
        passed = [o.trial for o in self.observations if o.passed]
        trials = [t for t in passed if not (self.leaves_soaks_out and t.purpose is Purpose.SOAK)]
        usages = [t.usage for t in trials if t.usage is not None]
        return [usage.memory for usage in usages if usage.memory is not None]

    @property
    def memory_failures(self) -> list[int]:
        """Memory sizes that were too small, ascending, in bytes."""
        return sorted(o.limits.memory for o in self.observations if self.blames_memory(o) and not self.is_outvoted(o))


def _cpu(pair: tuple[int, object]) -> int:
    return pair[0]
