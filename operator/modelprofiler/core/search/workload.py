"""The workload that a profile takes its server from: its size today, and what a smaller one would save. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelprofiler.api.conditions import LONGEST_MESSAGE
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import CurrentSize, Savings
from modelprofiler.api.trial import Outcome, Purpose, Size, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.judge import NO_EVIDENCE, reference_among
from modelprofiler.core.sizes import whole_mebibytes
from modelprofiler.core.steps import Recommend, RunTrial, Step
from modelprofiler.core.text import head

MOST_BASELINES = 3
"""Trials at today's size that bring no result before the run goes on without one, as many as at any other size."""


@dataclass(frozen=True)
class Workload:
    """What is known of a workload apart from its pod template.

    Attributes
    ----------
    name
        Kind and name, such as "Deployment recommender".
    requests, limits
        Of the profiled container today; a part that is not set is absent.
    replicas
        How many there are to be; None where the workload does not say.
    notes
        What of its pods the copies do without, a sentence each.
    """

    name: str
    requests: Size
    limits: Size
    replicas: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> Limits | None:
        """The size at which the Baseline trial runs: the limits, or else the requests; None where a part is not set."""
        cpu, memory = self.limits.cpu or self.requests.cpu, self.limits.memory or self.requests.memory
        return None if cpu is None or memory is None else Limits(cpu.millicores, memory.bytes)

    @property
    def reserved(self) -> Size:
        """What a replica takes of a node: the requests, which the API server takes from the limits by default."""
        return Size(cpu=self.requests.cpu or self.limits.cpu, memory=self.requests.memory or self.limits.memory)


def baseline_step(workload: Workload, ceiling: Limits, trials: Sequence[Trial]) -> RunTrial | None:
    """Return the Baseline trial, once the reference has passed; None where it is not needed or not possible."""
    size, reference = workload.size, reference_among(trials)
    if size is None or size == ceiling or reference is None or reference.outcome is not Outcome.PASSED:
        return None
    tried = _baselines(trials, size)
    if len(tried) >= MOST_BASELINES or any(trial.outcome not in NO_EVIDENCE for trial in tried):
        return None
    reason = f"the size that {workload.name} has today"
    return RunTrial(Purpose.BASELINE, size, fresh=True, window="Measure", reason=reason)


def compared(step: Step, workload: Workload, ceiling: Limits, trials: Sequence[Trial]) -> Step:
    """Return a recommendation with today's size beside it, and with what it saves; other steps stay."""
    if not isinstance(step, Recommend):
        return step
    baseline = _baseline(workload, ceiling, trials)
    current = CurrentSize(
        requests=workload.requests,
        limits=workload.limits,
        replicas=workload.replicas,
        trial=baseline.index if baseline is not None else None,
    )
    enough = step.recommendation.requests
    update = {"current": current, "savings": _savings(workload.reserved, enough, workload.replicas)}
    message = f"{step.message} {sentence(workload, enough, baseline)}"
    recommendation = step.recommendation.model_copy(update=update)
    return replace(step, recommendation=recommendation, message=head(message, LONGEST_MESSAGE))


def sentence(workload: Workload, enough: Size, baseline: Trial | None) -> str:
    """Return what a workload has today, what it saves at the recommended size, and how its size did in the run."""
    today = workload.reserved
    parts = [f"{amount} {name}" for name, amount in (("CPU", today.cpu), ("of memory", today.memory)) if amount]
    text = (
        f"Today {workload.name} requests {' and '.join(parts)}" if parts else f"Today {workload.name} requests nothing"
    )
    text += " for this container"
    saved, more = _differences(today, enough)
    if saved:
        text += f"; the recommended size saves {_amounts(saved, 1)} for each replica"
        if workload.replicas:
            text += f", {_amounts(saved, workload.replicas)} for all {workload.replicas}"
    if more:
        text += f"; the recommended size is {_amounts(more, 1)} larger"
    if baseline is not None and baseline.outcome not in NO_EVIDENCE:
        size = Limits.from_size(baseline.limits)
        what = "met the objectives" if baseline.outcome is Outcome.PASSED else f"ended as {baseline.outcome.value}"
        text += f". At {size} trial {baseline.index} {what}"
    return f"{text}."


def _baselines(trials: Sequence[Trial], size: Limits) -> list[Trial]:
    return [t for t in trials if t.purpose is Purpose.BASELINE and Limits.from_size(t.limits) == size]


def _baseline(workload: Workload, ceiling: Limits, trials: Sequence[Trial]) -> Trial | None:
    """Return the trial that shows how today's size does: the reference where that is the ceiling."""
    size = workload.size
    if size is None:
        return None
    if size == ceiling:
        return reference_among(trials)
    return next(reversed(_baselines(trials, size)), None)


def _differences(today: Size, enough: Size) -> tuple[Limits | None, Limits | None]:
    """Return by how much the recommended size is smaller and larger than today's; None where it is not."""
    cpu = today.cpu.millicores - enough.cpu.millicores if today.cpu and enough.cpu else 0
    memory = today.memory.bytes - enough.memory.bytes if today.memory and enough.memory else 0
    saved, more = Limits(max(0, cpu), max(0, memory)), Limits(max(0, -cpu), max(0, -memory))
    return (saved if any((saved.cpu, saved.memory)) else None, more if any((more.cpu, more.memory)) else None)


def _savings(today: Size, enough: Size, replicas: int | None) -> Savings | None:
    saved, _ = _differences(today, enough)
    if saved is None:
        return None
    return Savings(per_replica=_size(saved, 1), all_replicas=_size(saved, replicas) if replicas else None)


def _size(amounts: Limits, times: int) -> Size:
    return Size(
        cpu=Quantity.cpu(amounts.cpu * times) if amounts.cpu else None,
        memory=Quantity.memory(amounts.memory * times) if amounts.memory else None,
    )


def _amounts(amounts: Limits, times: int) -> str:
    cpu, memory = Quantity.cpu(amounts.cpu * times), whole_mebibytes(amounts.memory * times)
    parts = [*([f"{cpu} CPU"] if amounts.cpu else []), *([f"{memory} of memory"] if amounts.memory else [])]
    return " and ".join(parts)
