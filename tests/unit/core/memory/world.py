"""A simulated server whose memory follows a function of its requests, and runs of it through the search."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.unit.core.builders import Trials, load_of
from tests.unit.core.memory.series import MIB, Memory, sampled
from tests.unit.core.search.claims import false_claims
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import LoadStatus, Outcome, UsageStatus
from modelprofiler.core.axis import Limits
from modelprofiler.core.evidence import Failure
from modelprofiler.core.search.recommend import Explained
from modelprofiler.core.search.step import next_step
from modelprofiler.core.steps import Environment, GiveUp, Recommend, RunTrial
from modelprofiler.core.windows import Window, windows_from
from modelprofiler.metrics.series import ContainerSamples, Sample
from modelprofiler.metrics.usage import usage

NEEDS = 400
"""Millicores with which the server meets its objective."""


@dataclass
class World:
    """A server, and its run so far.

    Attributes
    ----------
    memory
        What it holds after a number of requests.
    environment
        Where it runs: memory is sampled every quarter of a second or every 15 s.
    changes
        Of the profile: see `spec_of`.
    """

    memory: Memory
    environment: Environment = "Local"
    changes: dict[str, Any] = field(default_factory=dict)
    rate: float = 40.0
    steps: list[RunTrial] = field(default_factory=list)

    def run(self) -> Recommend | GiveUp:
        """Run to the end and return it."""
        spec = spec_of(**self.changes)
        self.trials = Trials(spec)
        while isinstance(step := self.step(), RunTrial):
            assert len(self.steps) < 25, "the run does not end"
            self.steps.append(step)
            self._ran(step)
        if isinstance(step, Explained):
            wrong = false_claims(spec, resources_of(spec), self.trials, step)
            assert not wrong, wrong
        return step

    def step(self) -> RunTrial | Recommend | GiveUp:
        """Return the next step."""
        spec = self.trials.spec
        return next_step(spec, resources_of(spec), "server", self.environment, self.trials)

    @property
    def soaks(self) -> list[RunTrial]:
        """The soaks that were run."""
        return [step for step in self.steps if step.seconds is not None]

    def _ran(self, step: RunTrial) -> None:
        seconds = step.seconds or 30.0
        every = 0.25 if self.environment == "Local" else 15.0
        points = sampled(self.memory, self.rate, seconds, every, seed=len(self.steps))
        killed = next((n for n, value in points if value > step.limits.memory), None)
        points = [(n, value) for n, value in points if killed is None or n < killed]
        until = 5 + seconds if killed is None else killed / self.rate
        if killed is None:  # the first sample after the load
            points.append((self.rate * (until + 9), self.memory(self.rate * until, random.Random(0))))
        load = _load(step, seconds, until, self.rate)
        failure = None if killed is None else Failure(Outcome.OOM_KILLED, "the kernel killed the server")
        self.trials.ran(
            step.purpose,
            f"{step.limits.cpu}m",
            str(Quantity.memory(step.limits.memory)),
            load=load,
            fresh=step.fresh,
            usage=_usage(points, until, self.rate, self.environment),
            failure=failure,
        )


def _load(step: RunTrial, seconds: float, until: float, rate: float) -> LoadStatus:
    load = load_of(20 if step.limits.cpu >= NEEDS else 900, rate=f"{rate:g}", requests=round(rate * max(until - 5, 1)))
    return load.model_copy(update={"duration": Duration.of(min(seconds, max(until - 5, 1.0)))})


def _usage(
    points: list[tuple[float, float]], until: float, rate: float, environment: Environment
) -> UsageStatus | None:
    """Return the usage that samples of this memory give, as a source would."""
    memory = tuple(Sample(n / rate, value) for n, value in points)
    cpu = tuple(Sample(time, 0.008 * rate * min(time, until)) for time, _ in memory)
    samples = ContainerSamples(
        cpu_seconds=cpu,
        working_set_bytes=memory,
        peak_working_set_bytes=memory if environment == "Local" else (),
        source="Cgroup" if environment == "Local" else "Kubelet",
    )
    window = Window(5.0, max(until, 6.0))
    loads = windows_from(window, lambda t0, t1: rate * max(0.0, min(t1, until) - max(t0, 0.0)), 0.0, max(until, 6.0))
    return usage(samples, loads)


__all__ = ["MIB", "Limits", "World"]
