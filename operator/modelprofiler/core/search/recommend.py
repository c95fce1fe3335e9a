"""From the measured boundaries to the recommended size, and the explanation of it for the user."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import ContainerRecommendation, Verification
from modelprofiler.api.trial import Outcome, Size
from modelprofiler.core.axis import Axis, Limits
from modelprofiler.core.drift import drift_of, drift_sentence
from modelprofiler.core.judge import NO_EVIDENCE
from modelprofiler.core.leak import leak_of, leak_sentence
from modelprofiler.core.search.points import CpuPoint, Observation, tolerance_to
from modelprofiler.core.search.run import Run
from modelprofiler.core.steps import Recommend
from modelprofiler.core.text import LONGEST_MESSAGE, head
from modelprofiler.core.threads import oversized_sentence, variables_sentence, variables_to_set

PEAKS_DIFFER = 1.02
"""Factor by which the memory peak may differ from one start of a server to the next. A rule of thumb."""


@dataclass(frozen=True, slots=True)
class Target:
    """The size to recommend, and the boundaries it comes from.

    Attributes
    ----------
    limits
        The size: boundaries plus margins, rounded up to the axis, never above the ceiling.
    cpu
        The smallest CPU that met the objectives, in millicores.
    memory
        The memory boundary, in bytes: the largest peak, or the smallest size that was not too small. None when memory
        was not measured.
    """

    limits: Limits
    cpu: int
    memory: int | None


def target_for(run: Run, cpu: int, memory: int | None, at_least: int = 0) -> Target:
    """Return the target that follows from the boundaries.

    Parameters
    ----------
    run
        The run.
    cpu
        The smallest CPU that met the objectives, in millicores.
    memory
        The memory boundary, in bytes; without it the ceiling is recommended.
    at_least
        Memory below which nothing is recommended, in bytes.
    """
    policy = run.spec.recommendation
    # The margin also covers differences in pace, so the larger of the two counts rather than their sum.
    at_slower_pace = cpu * math.exp(run.pace.error) * (1 - tolerance_to(cpu, run.cpu.next_higher(cpu)))
    needed = max(with_margin(cpu, policy.cpu_margin_percent), math.ceil(at_slower_pace))
    cpu_size = run.cpu.ceil(needed)
    if memory is None:
        return Target(Limits(cpu_size, run.memory.last), cpu, None)
    memory_size = run.memory.ceil(max(with_margin(memory, policy.memory_margin_percent), at_least))
    return Target(Limits(cpu_size, memory_size), cpu, memory)


def with_headroom(run: Run, target: Target) -> Target:
    """Return the target with memory for a peak `PEAKS_DIFFER` higher in the Confirm trial than in the trials before.

    Without it, a slightly higher peak plus the margin may be one step larger, which would need another Confirm trial.
    """
    percent = run.spec.recommendation.memory_margin_percent
    if not percent or target.memory is None or target.memory != run.memory_peak:
        return target
    needed = math.ceil(PEAKS_DIFFER * target.memory * (100 + percent) / 100)
    memory = max(target.limits.memory, run.memory.ceil(needed))
    return replace(target, limits=Limits(target.limits.cpu, memory))


def with_margin(size: int, percent: int) -> int:
    """Return the size plus a margin, rounded up; in integers, as a float may end just above a step."""
    return -(-size * (100 + percent) // 100)


def recommend(run: Run, target: Target, why_not_verified: str = "") -> Recommend:
    """Return the recommendation of a size; it is verified when a trial on a fresh server at exactly this size passed.

    Parameters
    ----------
    run
        The run.
    target
        The size.
    why_not_verified
        Why it could not be verified, as a part of a sentence; used when it is not.
    """
    proof = next((o for o in reversed(run.at(target.limits)) if o.passed), None)
    verification = None if proof is None else _verification(run, proof)
    sentences = [_cpu_sentence(run, target), _memory_sentence(run, target), *_notes(run, target)]
    size = target.limits.to_size()
    unlimited = run.spec.recommendation.cpu_limit == "None"
    recommendation = ContainerRecommendation(
        container_name=run.container_name,
        requests=size,
        limits=Size(memory=size.memory) if unlimited else size,
        env=variables_to_set(run.spec, target.limits.cpu),
        verification=verification,
        explanation=head(" ".join(sentences), LONGEST_MESSAGE),
    )
    if proof is None:
        message = f"{target.limits} is recommended, but no trial at exactly this size passed"
        return Recommend(recommendation, Reason.NOT_VERIFIED, f"{message}: {why_not_verified or 'none was run'}.")
    message = f"Trial {proof.trial.index} ran at exactly {target.limits} and met the objectives"
    return Recommend(recommendation, Reason.VERIFIED, f"{message}: {proof.verdict.message}.")


def _verification(run: Run, proof: Observation) -> Verification:
    load = proof.trial.load
    return Verification(
        trial=proof.trial.index, environment=run.environment, p95=load.latency.p95 if load is not None else None
    )


def _cpu_sentence(run: Run, target: Target) -> str:
    """Return which CPU is the boundary, what the next smaller size did, and which margin is added."""
    sentence = _cpu_boundary(run, target)
    percent = run.spec.recommendation.cpu_margin_percent
    if target.limits.cpu < run.cpu.ceil(with_margin(target.cpu, percent)):
        size = Quantity.cpu(target.limits.cpu)
        return (
            f"{sentence}; {size} passed although the CPU was slower than average, so no margin of {percent}% is added."
        )
    return sentence + _margin(target.cpu, percent, run.cpu, target.limits.cpu) + "."


def _cpu_boundary(run: Run, target: Target) -> str:
    boundary = Quantity.cpu(target.cpu)
    failing = max((p for p in run.cpu_points.values() if p.cpu < target.cpu and not p.passes), default=None, key=_cpu)
    measured = run.cpu_points.get(target.cpu)
    when_fast = _passed_when_fast(run, target)
    if failing is None:
        if target.cpu <= run.cpu.first:
            return f"{boundary} CPU, the smallest size of the range, met the objectives"
        smaller = when_fast or _inconclusive_below(run, target) or "no smaller size was measured"
        return f"{boundary} CPU met the objectives; {smaller}"
    if (measured is None or not measured.passes) and run.passes_within(failing.cpu):
        size = Quantity.cpu(failing.cpu)
        return (
            f"The objectives were met at {size} CPU or below in one trial and missed at {size} in another "
            f"({_failure(run, failing)}), so the next size, {boundary}, is treated as the smallest that meets them"
        )
    sentence = f"{boundary} CPU is the smallest that met the objectives: {_failure(run, failing)}"
    return f"{sentence}; {when_fast}" if when_fast else sentence


def _passed_when_fast(run: Run, target: Target) -> str:
    """Return which smaller size passed only because the CPU was fast in that trial; empty where none did."""
    sizes = [o.limits.cpu for o in run.observations if o.passed and o.limits.cpu < target.cpu <= o.cpu]
    return f"{Quantity.cpu(min(sizes))} met them only in a trial with a faster CPU than average" if sizes else ""


def _inconclusive_below(run: Run, target: Target) -> str:
    """Return which smaller size had an inconclusive trial; empty where none had."""
    below = [t for t in run.trials if t.outcome in NO_EVIDENCE and Limits.from_size(t.limits).cpu < target.cpu]
    return f"the trial at {below[-1].limits.cpu} was inconclusive ({below[-1].message})" if below else ""


def _cpu(point: CpuPoint) -> int:
    return point.cpu


def _failure(run: Run, point: CpuPoint) -> str:
    """Return how a size failed."""
    failed = next((o for o in reversed(point.observations) if not o.passed), point.observations[-1])
    size = str(Quantity.cpu(failed.limits.cpu))
    if failed.limits.cpu != point.cpu:
        pace = "slower" if failed.limits.cpu > point.cpu else "faster"
        size += f" (equivalent to {Quantity.cpu(point.cpu)}, as the CPU was {pace} than average)"
    if failed.trial.outcome in (Outcome.SLOW, Outcome.ERRORS):
        clause = f"at {size} {failed.verdict.message}"
    else:
        clause = f"at {size} the trial ended as {failed.trial.outcome.value} ({failed.verdict.message})"
    if run.demand is not None and point.cpu < run.demand:
        clause += f", because the load needs at least {round(run.demand)}m"
    return clause


def _memory_sentence(run: Run, target: Target) -> str:
    """Return the memory boundary and what is added to it."""
    if target.memory is None:
        ceiling = Quantity.memory(target.limits.memory)
        return f"Memory was not measured, so the largest size of the range, {ceiling}, is recommended."
    peak = run.memory_peak
    killed = [size for size in run.memory_failures if size < target.limits.memory]
    if killed and (peak is None or killed[-1] >= peak):
        sentence = f"{_mebibytes(killed[-1])} of memory was too small, and {_mebibytes(target.memory)} was enough"
    else:
        sentence = f"Memory peaked at {_mebibytes(target.memory)}"
    percent = run.spec.recommendation.memory_margin_percent
    sentence += _margin(target.memory, percent, run.memory, target.limits.memory)
    plain = Target(
        Limits(target.limits.cpu, run.memory.ceil(with_margin(target.memory, percent))), target.cpu, target.memory
    )
    if plain.limits.memory < target.limits.memory == with_headroom(run, plain).limits.memory:
        sentence += ", with room for a peak up to 2% higher"
    return sentence + "."


def _margin(base: int, percent: int, axis: Axis, size: int) -> str:
    """Return a clause about the margin between a boundary and the recommended size; empty where none was added."""
    if percent and base >= axis.last:
        return "; it is the ceiling of the range, so no margin is added"
    if with_margin(base, percent) > axis.last:
        return f"; a margin of {percent}% would exceed the ceiling of the range"
    return f"; a margin of {percent}% is added" if percent and size > base else ""


def _mebibytes(size: int) -> str:
    return f"{-(-size // 2**20)}Mi"


def _notes(run: Run, target: Target) -> list[str]:
    """Return further sentences, each where it applies: no CPU limit, a leak, a drift, thread pools."""
    notes = []
    if run.spec.recommendation.cpu_limit == "None":
        size = Quantity.cpu(target.limits.cpu)
        notes.append(
            f"No CPU limit is recommended; the trials ran with {size} as the limit, which is what "
            "the request guarantees."
        )
    if (leak := leak_of(run.trials)) is not None:
        notes.append(leak_sentence(leak, target.limits.memory, run.spec))
    if (drift := drift_of(run.trials)) is not None and drift.noticed:
        notes.append(drift_sentence(drift))
    pools = (
        variables_sentence(run.spec, target.limits.cpu),
        oversized_sentence(run.spec, target.limits, run.trials),
    )
    notes += [sentence for sentence in pools if sentence is not None]
    return notes
