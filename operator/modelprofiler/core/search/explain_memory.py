"""What an explanation says of memory: which size was enough or how high it peaked, and what is added to that."""

from __future__ import annotations

from modelprofiler.core.search.claims import Claim, Kind
from modelprofiler.core.search.explain_margin import margin_claims, mebibytes, memory_size, percent_above
from modelprofiler.core.search.margin import Target, target_for, with_headroom, with_margin
from modelprofiler.core.search.points import Observation
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.soak import growth_claims


def memory_sentence(run: Run, target: Target) -> list[Claim]:
    """Return the memory boundary and what is added to it."""
    recommended = target.limits.memory
    if target.memory is None:
        text = f"Memory was not measured, so the largest size of the range, {memory_size(recommended)}, is recommended"
        return [Claim(Kind.MEMORY_UNKNOWN, text, size=recommended)]
    base, claims = _memory_boundary(run, target, target.memory)
    if run.memory_peak is None:
        return [*claims, *_larger_memory(base, recommended)]
    if (grows := growth_claims(run, target)) is not None:
        return [*claims, *grows]
    percent = run.spec.recommendation.memory_margin_percent
    if recommended <= run.memory.ceil(with_margin(base, percent)):
        return [*claims, *margin_claims(base, percent, run.memory, recommended, memory_size, mebibytes)]
    above = percent_above(base, recommended)
    if with_headroom(run, target_for(run, target.cpu, base)).limits.memory == recommended:
        text = f"; a margin of {percent}% and room for a peak up to 2% higher are added"
        text = f"{text}, and {memory_size(recommended)}, the next size of the range, is {above}% larger"
        return [*claims, Claim(Kind.HEADROOM, text, size=base, value=above)]
    return [*claims, *_larger_memory(base, recommended)]


def _larger_memory(base: int, recommended: int) -> list[Claim]:
    """Return by how much the recommended memory exceeds the boundary; empty where it does not."""
    above = percent_above(base, recommended)
    if recommended <= base:
        return []
    return [Claim(Kind.LARGER, f"; {memory_size(recommended)} is {above}% larger", size=base, value=above)]


def _memory_boundary(run: Run, target: Target, memory: int) -> tuple[int, list[Claim]]:
    """Return the memory that a margin is added to, and how the trials show it."""
    peak = run.memory_peak
    if peak is None:
        text = f"Memory was not measured, so no margin is added; {memory_size(memory)} was enough"
        return memory, [Claim(Kind.MEMORY_UNKNOWN, text, size=memory)]
    killed = [o for o in run.observations if run.blames_memory(o) and not run.is_outvoted(o)]
    killed = sorted((o for o in killed if o.limits.memory < target.limits.memory), key=lambda o: o.limits.memory)
    if memory == peak:
        killed = [o for o in killed if not _is_refuted(run, o)]
    if not killed or killed[-1].limits.memory < peak:
        return memory, [_peaked(run, memory)]
    last = killed[-1]
    text = f"{memory_size(last.limits.memory)} of memory was too small"
    if _is_refuted(run, last):
        size = memory_size(last.limits.memory)
        text = f"With {size} of memory trial {last.trial.index} ended as {last.trial.outcome.value}"
    claims = [Claim(Kind.TOO_SMALL, text, last.trial.index, last.limits.memory)]
    # In a grid the boundary is the peak, although a size above it was too small.
    most = memory if memory > last.limits.memory else target.limits.memory
    enough = [o for o in run.observations if o.passed and last.limits.memory < o.limits.memory <= most]
    if enough:
        least = min(enough, key=lambda o: o.limits.memory)
        text = f", and {memory_size(least.limits.memory)} was enough"
        claims.append(Claim(Kind.ENOUGH, text, least.trial.index, least.limits.memory))
        return (memory if most == memory else least.limits.memory), claims
    text = f"; {memory_size(most)} is the next size to try, and no trial has passed with it"
    return most, [*claims, Claim(Kind.NEXT_MEMORY, text, size=most)]


def _is_refuted(run: Run, failed: Observation) -> bool:
    """Whether a trial passed with no more memory and no more CPU than one that had too little memory.

    In a grid every failure at the largest CPU is blamed on memory, although the same memory may be enough with less.
    """
    at, passed = failed.limits, [o.limits for o in run.observations if o.passed]
    return any(size.memory <= at.memory and size.cpu <= at.cpu for size in passed)


def _peaked(run: Run, memory: int) -> Claim:
    """Return the peak of the memory, and the first trial that had it."""
    usages = [(o.trial.index, o.trial.usage.memory) for o in run.observations if o.passed and o.trial.usage is not None]
    highest = [index for index, usage in usages if usage is not None and usage.peak.bytes == memory]
    text = f"Memory peaked at {mebibytes(memory)}{' apart from soaks' if run.leaves_soaks_out else ''}"
    return Claim(Kind.PEAK, text, highest[0] if highest else None, memory)
