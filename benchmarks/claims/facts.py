"""What is known of a simulated run, in the terms of a reader: its trials as recorded, its range, and its end."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import INCONCLUSIVE, MemoryCourse, Outcome, Purpose, Trial
from modelprofiler.core.axis import Axis, Limits, cpu_axis, memory_axis
from modelprofiler.core.search.workload import Workload
from modelprofiler.core.steps import Environment

NO_EVIDENCE = INCONCLUSIVE | {Outcome.UNSCHEDULABLE, Outcome.IMAGE_PULL_FAILED}
MIB = 2**20


@dataclass(frozen=True)
class Facts:
    """The trials of a run and what was asked for.

    Attributes
    ----------
    spec, resources, environment
        As for the search.
    trials
        As recorded.
    size
        What is recommended; None without a recommendation, and while a run goes on.
    asked
        The size that the next trial is to have, where the text is the reason for it.
    quotable
        Further texts that may be quoted, such as why limits are not enforced.
    workload
        The workload that the server is a copy of, if it is one.
    """

    spec: ModelProfileSpec
    resources: EffectiveResources
    trials: Sequence[Trial]
    size: Limits | None = None
    asked: Limits | None = None
    environment: Environment = "Local"
    quotable: Sequence[str] = field(default_factory=tuple)
    workload: Workload | None = None

    @property
    def messages(self) -> list[str]:
        """What may be quoted: the words of the trials, also without their last full stop."""
        texts = [*(t.message for t in self.trials), *self.quotable]
        return list(dict.fromkeys(part for text in texts for part in (text, text.rstrip(".")) if part))

    @functools.cached_property
    def cpu(self) -> Axis:
        """The sizes of CPU."""
        return cpu_axis(self.resources.cpu)

    @functools.cached_property
    def memory(self) -> Axis:
        """The sizes of memory."""
        return memory_axis(self.resources.memory)

    @property
    def recommended(self) -> Limits:
        """What is recommended."""
        assert self.size is not None, "nothing is recommended"
        return self.size

    def trial(self, index: int) -> Trial:
        """Return the trial with this number."""
        return next(t for t in self.trials if t.index == index)

    @property
    def searched(self) -> list[Trial]:
        """The trials of the search, without that of today's size."""
        return [t for t in self.trials if t.purpose is not Purpose.BASELINE]

    @property
    def passed(self) -> list[Trial]:
        """The trials of the search that passed."""
        return [t for t in self.searched if t.outcome is Outcome.PASSED]

    @property
    def failed(self) -> list[Trial]:
        """The trials of the search that show that their size is too small, or that the server is broken."""
        return [t for t in self.searched if t.outcome is not Outcome.PASSED and t.outcome not in NO_EVIDENCE]

    def passed_at(self, cpu: int) -> list[Trial]:
        """Return the trials that passed with exactly this CPU."""
        return [t for t in self.passed if cpu_of(t) == cpu]

    def failed_at(self, cpu: int) -> list[Trial]:
        """Return the trials that failed with exactly this CPU."""
        return [t for t in self.failed if cpu_of(t) == cpu]


def indexes(trials: Iterable[Trial]) -> tuple[int, ...]:
    """Return the numbers of trials."""
    return tuple(t.index for t in trials)


def cpu_of(trial: Trial) -> int:
    """Return the CPU limit of a trial in millicores."""
    return Limits.from_size(trial.limits).cpu


def memory_of(trial: Trial) -> int:
    """Return the memory limit of a trial in bytes."""
    return Limits.from_size(trial.limits).memory


def peak_of(trial: Trial) -> int | None:
    """Return the memory peak of a trial in bytes; None where it was not measured."""
    memory = trial.usage.memory if trial.usage is not None else None
    return None if memory is None else memory.peak.bytes


def course_of(trial: Trial) -> MemoryCourse | None:
    """Return how the memory of a trial developed; None where that was not measured."""
    memory = trial.usage.memory if trial.usage is not None else None
    return None if memory is None else memory.course


def seconds_per_request(trial: Trial) -> float | None:
    """Return the CPU time of a request in a trial; None where it was not measured."""
    time = trial.usage.cpu_time_per_request if trial.usage is not None else None
    return None if time is None else time.seconds


def needs_of(facts: Facts, trial: Trial) -> float | None:
    """Return the CPU that an open loop would need with the CPU time per request of a trial, in millicores."""
    loop, time = facts.spec.load.open_loop, seconds_per_request(trial)
    return None if loop is None or time is None else 1000 * float(loop.rate) * time


def mebibytes(size: int) -> int:
    """Return bytes in Mi, rounded up."""
    return math.ceil(size / MIB)


def with_percent(size: int, percent: int) -> int:
    """Return a size plus a percentage of it, rounded up."""
    return -(-size * (100 + percent) // 100)


def rounds_to(text: float, value: float, digits: int = 0) -> bool:
    """Whether a number is another one, rounded to this many decimal places."""
    return bool(abs(text - value) <= 0.5 * 10**-digits + 1e-9 * max(1.0, abs(value)))


def is_about(text: float, value: float, digits: int = 3) -> bool:
    """Whether a number is another one, rounded to this many significant digits."""
    if value == 0 or text == 0:
        return text == value
    return bool(abs(text - value) <= 0.51 * 10 ** (math.floor(math.log10(abs(value))) - digits + 1))
