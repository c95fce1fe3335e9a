"""Holds every claim of an explanation against the trials of its run; a table of one predicate for each kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.core.axis import Axis, Limits, cpu_axis, memory_axis
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.judge import NO_EVIDENCE, reference_among
from modelprofiler.core.search.claims import Claim, Kind
from modelprofiler.core.search.pace import Pace, machine_of
from modelprofiler.core.search.recommend import Explained

MEMORY_KINDS = (Kind.PEAK, Kind.HEADROOM, Kind.TOO_SMALL, Kind.ENOUGH, Kind.NEXT_MEMORY, Kind.MEMORY_UNKNOWN)


@dataclass(frozen=True)
class Facts:
    """What a claim is held against: the trials, the range, the margins and the recommended size."""

    spec: ModelProfileSpec
    resources: EffectiveResources
    trials: Sequence[Trial]
    size: Limits

    def trial(self, claim: Claim) -> Trial:
        """Return the trial that a claim names."""
        assert claim.trial is not None
        return next(t for t in self.trials if t.index == claim.trial)

    def passed(self) -> list[Trial]:
        """Return the trials that passed."""
        return [t for t in self.trials if t.outcome is Outcome.PASSED]

    def axis(self, claim: Claim) -> tuple[Axis, int, int]:
        """Return the axis that a claim about a margin is about, its margin in percent and the recommended size."""
        policy = self.spec.recommendation
        if claim.size is not None and claim.size >= 2**20:
            return memory_axis(self.resources.memory), policy.memory_margin_percent, self.size.memory
        return cpu_axis(self.resources.cpu), policy.cpu_margin_percent, self.size.cpu


def cpu_of(trial: Trial) -> int:
    """Return the CPU limit of a trial in millicores."""
    return Limits.from_size(trial.limits).cpu


def memory_of(trial: Trial) -> int:
    """Return the memory limit of a trial in bytes."""
    return Limits.from_size(trial.limits).memory


def peak_of(trial: Trial) -> int:
    """Return the memory peak of a trial in bytes; 0 where it was not measured."""
    memory = trial.usage.memory if trial.usage is not None else None
    return memory.peak.bytes if memory is not None else 0


def _met(facts: Facts, claim: Claim) -> bool:
    trial = facts.trial(claim)
    return trial.outcome is Outcome.PASSED and cpu_of(trial) == claim.size


def _smallest(facts: Facts, claim: Claim) -> bool:
    return _met(facts, claim) and min(cpu_of(t) for t in facts.passed()) == claim.size


def _missed(facts: Facts, claim: Claim) -> bool:
    trial = facts.trial(claim)
    failed = trial.outcome is not Outcome.PASSED and trial.outcome not in NO_EVIDENCE
    return failed and cpu_of(trial) == claim.size and trial.message in claim.text


def _load_needs(facts: Facts, claim: Claim) -> bool:
    usage, loop = facts.trial(claim).usage, facts.spec.load.open_loop
    assert usage is not None
    assert usage.cpu_time_per_request is not None
    assert loop is not None
    assert claim.value is not None
    needs = 1000 * float(loop.rate) * usage.cpu_time_per_request.seconds
    named = f"{math.floor(needs)}m" in claim.text
    return named and math.isclose(needs, claim.value) and all(cpu_of(t) >= needs for t in facts.passed())


def _pace(facts: Facts, claim: Claim) -> bool:
    conclusive = [t for t in facts.trials if t.outcome not in NO_EVIDENCE]
    deviation = Pace.of(conclusive).residuals[facts.trial(claim).index]
    assert claim.value is not None
    more = "more" if claim.value > 0 else "less"
    return abs(100 * math.expm1(deviation) - claim.value) <= 0.5 and f"{abs(claim.value):.0f}% {more}" in claim.text


def _machine(facts: Facts, claim: Claim) -> bool:
    known = machine_of([t for t in facts.trials if t.outcome not in NO_EVIDENCE])
    mean = fmean(map(math.log, known.values()))
    assert claim.trial is not None
    assert claim.value is not None
    shown = 100 * math.expm1(math.log(known[claim.trial]) - mean)
    more = "more" if claim.value > 0 else "less"
    return abs(shown - claim.value) <= 0.5 and f"loop took {abs(claim.value):.0f}% {more}" in claim.text


def _margin(facts: Facts, claim: Claim) -> bool:
    axis, percent, recommended = facts.axis(claim)
    assert claim.size is not None
    needed = -(-claim.size * (100 + percent) // 100)
    return percent > 0 and claim.value == percent and recommended == axis.ceil(needed) > claim.size


def _larger(facts: Facts, claim: Claim) -> bool:
    _, _, recommended = facts.axis(claim)
    assert claim.size is not None
    assert claim.value is not None
    share = 100 * (recommended / claim.size - 1)
    return abs(share - claim.value) <= 0.51 and f"{claim.value:.0f}% larger" in claim.text


def _with_room(facts: Facts, claim: Claim) -> bool:
    trial = facts.trial(claim)
    assert trial.load is not None
    bounds = latency_bounds(facts.spec, reference_among(facts.trials))
    share = 1 - facts.spec.recommendation.cpu_margin_percent / 100
    ends = {metric: getattr(trial.load.latency_high, metric).seconds for metric in bounds}
    return (
        _met(facts, claim)
        and facts.size.cpu == claim.size
        and all(ends[metric] <= share * bound for metric, bound in bounds.items())
    )


def _beyond(facts: Facts, claim: Claim) -> bool:
    axis, percent, _ = facts.axis(claim)
    assert claim.size is not None
    return claim.size * (100 + percent) > 100 * axis.last


def _too_small(facts: Facts, claim: Claim) -> bool:
    trial = facts.trial(claim)
    return trial.outcome not in NO_EVIDENCE | {Outcome.PASSED} and memory_of(trial) == claim.size


def _only_too_small(facts: Facts, claim: Claim) -> bool:
    below = [t for t in facts.trials if t.outcome not in NO_EVIDENCE and cpu_of(t) < (claim.size or 0)]
    last = memory_axis(facts.resources.memory).last
    return bool(below) and all(t.outcome is not Outcome.PASSED and memory_of(t) < last for t in below)


def _next_memory(facts: Facts, claim: Claim) -> bool:
    """Whether the server was killed with less memory only; at the largest memory, more CPU may help."""
    last = memory_axis(facts.resources.memory).last
    killed = [memory_of(t) for t in facts.trials if t.outcome is Outcome.OOM_KILLED]
    assert claim.size is not None
    return all(size < claim.size for size in killed if size < last)


def _evidence(facts: Facts) -> list[Trial]:
    return [t for t in facts.trials if t.outcome not in NO_EVIDENCE and t.outcome is not Outcome.OOM_KILLED]


def _peak(facts: Facts, claim: Claim) -> bool:
    """Whether it is the highest; where it says so, a soak's peak is left out."""
    left_out = "apart from soaks" in claim.text
    passed = [t for t in facts.passed() if not (left_out and t.purpose is Purpose.SOAK)]
    return peak_of(facts.trial(claim)) == claim.size == max(peak_of(t) for t in passed)


def _grows(facts: Facts, claim: Claim) -> bool:
    """Whether the trial with the long window shows this rate, or was killed."""
    trial = facts.trial(claim)
    if trial.outcome is Outcome.OOM_KILLED:
        return "killed" in claim.text or claim.kind is Kind.LASTS
    course = trial.usage.memory.course if trial.usage is not None and trial.usage.memory is not None else None
    assert claim.value is not None
    return course is not None and course.trend == "Grows" and math.isclose(float(course.later) / 1000, claim.value)


HOLDS: dict[Kind, Callable[[Facts, Claim], bool]] = {
    Kind.SMALLEST: _smallest,
    Kind.MET: _met,
    Kind.MISSED: _missed,
    Kind.LOAD_NEEDS: _load_needs,
    Kind.PACE: _pace,
    Kind.MACHINE: _machine,
    Kind.MORE_MEMORY: lambda f, c: memory_of(f.trial(c)) == c.size and memory_of(f.trial(c)) > f.size.memory,
    Kind.FIRST: lambda f, c: _met(f, c) and cpu_axis(f.resources.cpu).first == c.size,
    Kind.NOTHING_BELOW: lambda f, c: all(cpu_of(t) >= (c.size or 0) for t in _evidence(f)),
    Kind.INCONCLUSIVE: lambda f, c: f.trial(c).outcome in NO_EVIDENCE and cpu_of(f.trial(c)) == c.size,
    Kind.NOT_TRIED: lambda f, c: all(cpu_of(t) != c.size for t in _evidence(f)),
    Kind.NOT_PASSED: lambda f, c: all(cpu_of(t) != c.size for t in f.passed()),
    Kind.ONLY_TOO_SMALL: _only_too_small,
    Kind.PEAK: _peak,
    Kind.GROWS: _grows,
    Kind.LASTS: lambda f, c: _grows(f, c) and "lasts" in c.text,
    Kind.MEMORY_UNKNOWN: lambda f, _: not any(peak_of(t) for t in f.passed()),
    Kind.TOO_SMALL: _too_small,
    Kind.ENOUGH: lambda f, c: f.trial(c).outcome is Outcome.PASSED and memory_of(f.trial(c)) == c.size,
    Kind.NEXT_MEMORY: _next_memory,
    Kind.MARGIN: _margin,
    Kind.LARGER: _larger,
    Kind.WITH_ROOM: _with_room,
    Kind.NO_MARGIN: lambda f, c: f.axis(c)[2] == c.size and bool(f.axis(c)[1]),
    Kind.AT_CEILING: lambda f, c: f.axis(c)[0].last == c.size,
    Kind.BEYOND: _beyond,
    Kind.HEADROOM: _larger,
    Kind.NOTE: lambda _, c: bool(c.text),
}


def false_claims(
    spec: ModelProfileSpec, resources: EffectiveResources, trials: Sequence[Trial], end: Explained
) -> list[Claim]:
    """Return the claims of a recommendation that its trials do not show."""
    cpu, memory = end.recommendation.requests.cpu, end.recommendation.requests.memory
    assert cpu is not None
    assert memory is not None
    facts = Facts(spec, resources, trials, Limits(cpu.millicores, memory.bytes))
    return [claim for claim in end.claims if not HOLDS[claim.kind](facts, claim)]
