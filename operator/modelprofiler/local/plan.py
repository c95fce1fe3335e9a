"""What a run of a file would be, in numbers; nothing is started."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.stats import FEWEST_REQUESTS
from modelprofiler.host.cpus import split
from modelprofiler.load.plan import EXTENSION
from modelprofiler.load.trial_config import load_of_trial, longest_seconds


@dataclass(frozen=True)
class PercentileNeed:
    """Requests that a percentile needs in a window.

    Attributes
    ----------
    metric
        Such as p95.
    needed
        Requests at least.
    expected, expected_extended
        In a window and in one that is extended as far as it may be; None in a closed loop, whose rate is measured.
    """

    metric: str
    needed: int
    expected: float | None
    expected_extended: float | None

    @property
    def enough(self) -> bool | None:
        """Whether an extended window is likely to have them; None where nobody can tell."""
        return None if self.expected_extended is None else self.expected_extended >= self.needed


@dataclass(frozen=True)
class RunPlan:
    """A run, before anything is started. Times in seconds.

    Attributes
    ----------
    reference
        The size of the first trial, the largest.
    smallest
        The smallest size of the range.
    cpu_sizes, memory_sizes
        How many sizes the range has.
    most_trials
        Trials at most.
    warmup, window, extended_window
        Of a trial: the window is extended up to the last where it has too few requests.
    percentiles
        What the objectives need.
    longest_trial, longest
        The longest that the load of one trial and all of it may take; the deadline ends it in any case. Starting the
        server is not in it.
    deadline
        Of the run.
    shared
        Whether server and load generator share their CPUs, and the sentence that says so.
    """

    reference: Limits
    smallest: Limits
    strategy: str
    cpu_sizes: int
    memory_sizes: int
    most_trials: int
    warmup: float
    window: float
    extended_window: float
    percentiles: tuple[PercentileNeed, ...]
    longest_trial: float
    longest: float
    deadline: float
    shared: bool
    sharing: str


def plan(
    spec: ModelProfileSpec,
    resources: EffectiveResources,
    cpus: Iterable[int],
    same_core: dict[int, frozenset[int]] | None = None,
) -> RunPlan:
    """Return what a run would be.

    Parameters
    ----------
    resources
        The range, defaults filled in.
    cpus, same_core
        The CPUs that may be used, and which of them are one core.
    """
    reference = Limits.ceiling(resources)
    cpu, memory = cpu_axis(resources.cpu), memory_axis(resources.memory)
    cpu_sizes, memory_sizes = len(cpu), len(memory)
    config = load_of_trial(
        spec, index=1, purpose=Purpose.REFERENCE, decide=False, reference=None, host="127.0.0.1", dataset="rows"
    )
    most = spec.search.max_trials
    if spec.search.strategy == "Grid":
        most = min(most, cpu_sizes * memory_sizes)
    rate = float(spec.load.open_loop.rate) if spec.load.open_loop is not None else None
    window = spec.load.duration.seconds
    who = split(cpus, reference.cpu / 1000, same_core)
    longest_trial = longest_seconds(config)
    return RunPlan(
        reference=reference,
        smallest=Limits(cpu.first, memory.first),
        strategy=spec.search.strategy,
        cpu_sizes=cpu_sizes,
        memory_sizes=memory_sizes,
        most_trials=most,
        warmup=spec.load.warmup.seconds,
        window=window,
        extended_window=EXTENSION * window,
        percentiles=tuple(
            PercentileNeed(
                metric,
                FEWEST_REQUESTS[metric],
                None if rate is None else rate * window,
                None if rate is None else rate * window * EXTENSION,
            )
            for metric in config.required_percentiles
        ),
        longest_trial=longest_trial,
        longest=min(most * longest_trial, spec.search.deadline.seconds),
        deadline=spec.search.deadline.seconds,
        shared=who.shared,
        sharing=who.sentence.replace(" ran on ", " would run on ").replace(" shared ", " would share "),
    )
