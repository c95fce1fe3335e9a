"""The plan of a run: its trials, the requests it needs and the longest it may take; nothing is started."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.memory.verdict import MOST_SOAKS
from modelprofiler.core.rows import EXTENSION
from modelprofiler.core.stats import FEWEST_REQUESTS
from modelprofiler.host.cpus import split
from modelprofiler.load.trial_config import load_of_trial, usual_seconds


@dataclass(frozen=True)
class PercentileNeed:
    """The requests that a percentile needs in a window.

    Attributes
    ----------
    metric
        Such as p95.
    needed
        The least number of requests.
    expected, expected_extended
        In a window, and in one that is extended to its bound; None for a closed loop, whose rate is not known before.
    """

    metric: str
    needed: int
    expected: float | None
    expected_extended: float | None

    @property
    def enough(self) -> bool | None:
        """Whether an extended window is expected to have enough; None for a closed loop."""
        return None if self.expected_extended is None else self.expected_extended >= self.needed


@dataclass(frozen=True)
class RunPlan:
    """A run before it starts; times in seconds.

    Attributes
    ----------
    reference
        The size of the first trial, the ceiling.
    smallest
        The smallest size of the range.
    cpu_sizes, memory_sizes
        Number of sizes in the range.
    most_trials
        The largest number of trials.
    warmup, window, extended_window
        Of a trial; a window with too few requests is extended, up to the last.
    percentiles
        The percentiles of the objectives.
    longest_trial, longest
        The longest that the load of one trial, and of the run, may take without the starts of the server. The
        deadline bounds the run in any case.
    deadline
        Of the run.
    soak, most_soaks
        The longest window of a soak, which runs only where memory grows in the trials, and the largest number of soaks.
    shared, sharing
        Whether the server and the load generator use the same CPUs, and the sentence about it.
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
    soak: float
    most_soaks: int
    shared: bool
    sharing: str


def plan(
    spec: ModelProfileSpec,
    resources: EffectiveResources,
    cpus: Iterable[int],
    same_core: dict[int, frozenset[int]] | None = None,
) -> RunPlan:
    """Return the plan of a run.

    Parameters
    ----------
    resources
        The range, with defaults filled in.
    cpus, same_core
        The CPUs that may be used, and for each CPU those of the same core.
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
    cpu_plan = split(cpus, reference.cpu / 1000, same_core)
    longest_trial = usual_seconds(config)
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
        soak=spec.search.soak.seconds,
        most_soaks=MOST_SOAKS if spec.search.soak.seconds else 0,
        shared=cpu_plan.shared,
        sharing=cpu_plan.forecast,
    )
