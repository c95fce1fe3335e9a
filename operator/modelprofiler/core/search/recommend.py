"""From measured boundaries to the size that is recommended, and the sentences that say why."""

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
from modelprofiler.core.search.points import CpuPoint, Observation, slack_to
from modelprofiler.core.search.run import Run
from modelprofiler.core.steps import Recommend
from modelprofiler.core.threads import oversized_sentence, set_sentence, variables_to_set

PEAKS_DIFFER = 1.02
"""By so much the peak of memory may differ from one run of a server to the next."""


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
        What memory is counted from, in bytes: the largest peak, or the smallest size that was not too small. Absent
        when memory was not measured.
    """

    limits: Limits
    cpu: int
    memory: int | None


def target_for(run: Run, cpu: int, memory: int | None, at_least: int = 0) -> Target:
    """Return the size that follows from the boundaries.

    Parameters
    ----------
    run
        The run.
    cpu
        The smallest CPU that met the objectives, in millicores.
    memory
        What memory is counted from, in bytes; without it the ceiling is recommended.
    at_least
        Memory below which nothing is recommended, in bytes.
    """
    policy = run.spec.recommendation
    # The margin is there for what differs from run to run, too: the larger of the two counts.
    unsure = cpu * math.exp(run.pace.error) * (1 - slack_to(cpu, run.cpu.next_higher(cpu)))
    needed = max(with_margin(cpu, policy.cpu_margin_percent), math.ceil(unsure))
    cpu_size = run.cpu.ceil(needed)
    if memory is None:
        return Target(Limits(cpu_size, run.memory.last), cpu, None)
    memory_size = run.memory.ceil(max(with_margin(memory, policy.memory_margin_percent), at_least))
    return Target(Limits(cpu_size, memory_size), cpu, memory)


def with_room(run: Run, target: Target) -> Target:
    """Return the target that stays one when the Confirm trial's own peak is a little above those before.

    Otherwise the margin that is added to it may end a step higher, and that size would need a trial of its own.
    """
    percent = run.spec.recommendation.memory_margin_percent
    if not percent or target.memory is None or target.memory != run.memory_peak:
        return target
    needed = math.ceil(PEAKS_DIFFER * target.memory * (100 + percent) / 100)
    memory = max(target.limits.memory, run.memory.ceil(needed))
    return replace(target, limits=Limits(target.limits.cpu, memory))


def with_margin(size: int, percent: int) -> int:
    """Return the size plus a margin, rounded up, in whole numbers: a float may end just above a step."""
    return -(-size * (100 + percent) // 100)


def recommend(run: Run, target: Target, why_not_verified: str = "") -> Recommend:
    """Return the recommendation of a size, verified when a fresh trial at exactly this size passed.

    Parameters
    ----------
    run
        The run.
    target
        The size.
    why_not_verified
        What kept it from being verified, when it is not: a part of a sentence.
    """
    proof = next((o for o in reversed(run.at(target.limits)) if o.passed), None)
    verification = None if proof is None else _verification(run, proof)
    size = target.limits.to_size()
    unlimited = run.spec.recommendation.cpu_limit == "None"
    recommendation = ContainerRecommendation(
        container_name=run.container_name,
        requests=size,
        limits=Size(memory=size.memory) if unlimited else size,
        env=variables_to_set(run.spec, target.limits.cpu),
        verification=verification,
        explanation=" ".join([_cpu_sentence(run, target), _memory_sentence(run, target), *_notes(run, target)])[:2048],
    )
    if proof is None:
        message = f"{target.limits} is recommended, but no run at exactly this size passed"
        return Recommend(recommendation, Reason.NOT_VERIFIED, f"{message}: {why_not_verified or 'none was made'}.")
    message = f"Trial {proof.trial.index} ran at exactly {target.limits} and met the objectives"
    return Recommend(recommendation, Reason.VERIFIED, f"{message}: {proof.verdict.message}.")


def _verification(run: Run, proof: Observation) -> Verification:
    load = proof.trial.load
    return Verification(
        trial=proof.trial.index, environment=run.environment, p95=load.latency.p95 if load is not None else None
    )


def _cpu_sentence(run: Run, target: Target) -> str:
    boundary = Quantity.cpu(target.cpu)
    failing = max((p for p in run.cpu_points.values() if p.cpu < target.cpu and not p.passes), default=None, key=_cpu)
    measured = run.cpu_points.get(target.cpu)
    lucky = _lucky(run, target)
    if failing is not None and (measured is None or not measured.passes):
        sentence = (
            f"{Quantity.cpu(failing.cpu)} CPU met the objectives at times only ({_failure(run, failing)}), so the next "
            f"size, {boundary}, is taken for the smallest"
        )
    elif failing is None and target.cpu <= run.cpu.first:
        sentence = f"{boundary} CPU, the smallest size of the range, met the objectives"
    elif failing is None:
        smaller = lucky or _silence(run, target) or "smaller sizes were not measured"
        sentence = f"{boundary} CPU met the objectives; {smaller}"
    else:
        sentence = f"{boundary} CPU is the smallest that met the objectives: {_failure(run, failing)}"
        sentence += f"; {lucky}" if lucky else ""
    percent = run.spec.recommendation.cpu_margin_percent
    if target.limits.cpu < run.cpu.ceil(with_margin(target.cpu, percent)):
        size = Quantity.cpu(target.limits.cpu)
        return f"{sentence}; {size} passed while it was slower, so the margin of {percent}% is left out."
    return sentence + _margin(target.cpu, percent, run.cpu, target.limits.cpu) + "."


def _lucky(run: Run, target: Target) -> str:
    """Return which smaller size passed at a fast moment only; empty where none did."""
    found = [o.limits.cpu for o in run.observations if o.passed and o.limits.cpu < target.cpu <= o.cpu]
    return f"{Quantity.cpu(min(found))} did only while the CPU was faster than in other trials" if found else ""


def _silence(run: Run, target: Target) -> str:
    """Return which smaller size was tried in vain; empty where none was."""
    below = [t for t in run.trials if t.outcome in NO_EVIDENCE and Limits.from_size(t.limits).cpu < target.cpu]
    return f"at {below[-1].limits.cpu} nothing could be told ({below[-1].message})" if below else ""


def _cpu(point: CpuPoint) -> int:
    return point.cpu


def _failure(run: Run, point: CpuPoint) -> str:
    """Return what a size that failed did."""
    worst = next((o for o in reversed(point.observations) if not o.passed), point.observations[-1])
    size = str(Quantity.cpu(worst.limits.cpu))
    if worst.limits.cpu != point.cpu:
        pace = "slower" if worst.limits.cpu > point.cpu else "faster"
        size += f" (counted as {Quantity.cpu(point.cpu)}: the CPU was {pace} than in other trials)"
    if worst.trial.outcome in (Outcome.SLOW, Outcome.ERRORS):
        said = f"at {size} {worst.verdict.message}"
    else:
        said = f"at {size} it was {worst.trial.outcome.value} ({worst.verdict.message})"
    if run.demand is not None and point.cpu < run.demand:
        said += f", as the load alone needs {round(run.demand)}m"
    return said


def _memory_sentence(run: Run, target: Target) -> str:
    if target.memory is None:
        return f"Memory was not measured: {Quantity.memory(target.limits.memory)}, the largest of the range, is kept."
    peak = run.memory_peak
    killed = [size for size in run.memory_failures if size < target.limits.memory]
    if killed and (peak is None or killed[-1] >= peak):
        sentence = f"Memory of {_mebibytes(killed[-1])} was too small, {_mebibytes(target.memory)} was enough"
    else:
        sentence = f"Memory peaked at {_mebibytes(target.memory)}"
    percent = run.spec.recommendation.memory_margin_percent
    sentence += _margin(target.memory, percent, run.memory, target.limits.memory)
    plain = Target(
        Limits(target.limits.cpu, run.memory.ceil(with_margin(target.memory, percent))), target.cpu, target.memory
    )
    if plain.limits.memory < target.limits.memory == with_room(run, plain).limits.memory:
        sentence += " and rounded up with room for a peak that is a little higher"
    return sentence + "."


def _margin(base: int, percent: int, axis: Axis, size: int) -> str:
    if percent and base >= axis.last:
        return "; it is the ceiling of the range, so no margin is added"
    if with_margin(base, percent) > axis.last:
        return f"; the margin of {percent}% does not fit below the ceiling of the range"
    return f"; a margin of {percent}% is added" if percent and size > base else ""


def _mebibytes(size: int) -> str:
    return f"{-(-size // 2**20)}Mi"


def _notes(run: Run, target: Target) -> list[str]:
    notes = []
    if run.spec.recommendation.cpu_limit == "None":
        size = Quantity.cpu(target.limits.cpu)
        notes.append(
            f"The CPU request is without a limit; what ran had {size} as its limit, the least a node gives it."
        )
    if (leak := leak_of(run.trials)) is not None:
        notes.append(leak_sentence(leak, target.limits.memory, run.spec))
    if (drift := drift_of(run.trials)) is not None and drift.noticed:
        notes.append(drift_sentence(drift))
    pools = (
        set_sentence(run.spec, target.limits.cpu),
        oversized_sentence(run.spec, target.limits, run.trials),
    )
    notes += [sentence for sentence in pools if sentence is not None]
    return notes
