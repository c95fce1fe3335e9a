"""Why a size is recommended: sentences made of claims, each of which a recorded trial shows.

Sizes in a sentence are those at which trials ran, never those for which a trial counts in the search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Outcome
from modelprofiler.core.answers.doubts import doubts_of_run
from modelprofiler.core.answers.first_request import first_request_sentence
from modelprofiler.core.axis import Limits
from modelprofiler.core.drift import drift_of, drift_sentence
from modelprofiler.core.judge import NO_EVIDENCE
from modelprofiler.core.search.claims import Claim, Kind
from modelprofiler.core.search.explain_margin import cpu_size, margin_claims, percent_above
from modelprofiler.core.search.explain_memory import memory_sentence
from modelprofiler.core.search.mapped import mapped_sentence
from modelprofiler.core.search.margin import (
    Target,
    passed_with_room,
    share_below,
    with_margin,
)
from modelprofiler.core.search.points import Observation
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.soak import growth_sentence
from modelprofiler.core.search.startup import startup_sentence
from modelprofiler.core.threads import oversized_sentence, variables_sentence

LEAST_PACE = 1
"""Percent from which a difference in the CPU time per request is worth telling; below it the number would read 0."""


def explain(run: Run, target: Target) -> list[list[Claim]]:
    """Return the explanation of a target, one list of claims for each sentence."""
    cpu = [*_cpu_boundary(run, target), *_cpu_margin(run, target)]
    return [cpu, memory_sentence(run, target), *([note] for note in _notes(run, target))]


def _cpu_boundary(run: Run, target: Target) -> list[Claim]:
    """Return which CPU is the boundary and what smaller sizes did."""
    size = Quantity.cpu(target.cpu)
    evidence = [o for o in run.observations if not run.blames_memory(o)]
    at = [o for o in evidence if o.limits.cpu == target.cpu]
    passed = [o for o in at if o.passed]
    if not passed:
        return _untried(run, target, evidence, at)
    proof = passed[-1]
    smaller = [o for o in evidence if o.passed and o.limits.cpu < target.cpu]
    failing = _largest_failure(evidence, target.cpu)
    if smaller:
        claims = [Claim(Kind.MET, f"{size} CPU met the objectives", proof.trial.index, target.cpu)]
        return [*claims, *_why_not_smaller(run, target, smaller, evidence)]
    if failing is not None:
        claims = [
            Claim(Kind.SMALLEST, f"{size} CPU is the smallest that met the objectives", proof.trial.index, target.cpu)
        ]
        return [*claims, *_missed(run, failing, ": ")]
    if target.cpu <= run.cpu.first:
        text = f"{size} CPU, the smallest size of the range, met the objectives"
        return [Claim(Kind.FIRST, text, proof.trial.index, target.cpu)]
    return [
        Claim(Kind.MET, f"{size} CPU met the objectives", proof.trial.index, target.cpu),
        _nothing_below(run, target),
    ]


def _untried(run: Run, target: Target, evidence: Sequence[Observation], at: Sequence[Observation]) -> list[Claim]:
    """Return why a size at which no trial passed is treated as the boundary."""
    size = Quantity.cpu(target.cpu)
    claims = []
    smaller = [o for o in evidence if o.passed and o.limits.cpu < target.cpu]
    if smaller:
        best = min(smaller, key=lambda o: (o.limits.cpu, -o.trial.index))
        text = f"{Quantity.cpu(best.limits.cpu)} CPU met the objectives in trial {best.trial.index}"
        claims = [Claim(Kind.MET, text, best.trial.index, best.limits.cpu), *_pace(run, best)]
        claims += _refuted(run, best, evidence)
    elif (failing := _largest_failure(evidence, target.cpu)) is not None:
        claims = _missed(run, failing, "")
    start, them = ("; ", "them") if claims else ("", "the objectives")
    if at:
        claims += _missed(run, at[-1], start)
        text = f"; {size} is nevertheless treated as the smallest that meets the objectives"
        return [*claims, Claim(Kind.NOT_PASSED, text, size=target.cpu)]
    tried = any(Limits.from_size(t.limits).cpu == target.cpu for t in run.trials)
    kind, what = (Kind.NOT_PASSED, "passed") if tried else (Kind.NOT_TRIED, "ran")
    text = f"{start}{size}, at which no trial {what}, is treated as the smallest that meets {them}"
    return [*claims, Claim(kind, text, size=target.cpu)]


def _why_not_smaller(
    run: Run, target: Target, smaller: Sequence[Observation], evidence: Sequence[Observation]
) -> list[Claim]:
    """Return why the smallest size that passed in some trial is not the boundary."""
    best = min(smaller, key=lambda o: (o.limits.cpu, -o.trial.index))
    size = Quantity.cpu(best.limits.cpu)
    claims = [Claim(Kind.MET, f"; {size} met them in trial {best.trial.index}", best.trial.index, best.limits.cpu)]
    reasons = [*_pace(run, best), *_refuted(run, best, evidence)]
    if not reasons and best.limits.memory > target.limits.memory:
        memory = Quantity.memory(best.limits.memory)
        reasons = [Claim(Kind.MORE_MEMORY, f" with {memory} of memory", best.trial.index, best.limits.memory)]
    return claims + reasons


def _largest_failure(evidence: Sequence[Observation], below: int) -> Observation | None:
    """Return the last trial that failed at the largest size below this one; None where none did."""
    failed = [o for o in evidence if not o.passed and o.limits.cpu < below]
    return max(failed, key=lambda o: (o.limits.cpu, o.trial.index), default=None)


def _nothing_below(run: Run, target: Target) -> Claim:
    """Return that no smaller size was measured, or which one had an inconclusive trial."""
    below = [t for t in run.trials if t.outcome in NO_EVIDENCE and Limits.from_size(t.limits).cpu < target.cpu]
    if below:
        cpu = Limits.from_size(below[-1].limits).cpu
        text = f"; the trial at {Quantity.cpu(cpu)} was inconclusive ({below[-1].message})"
        return Claim(Kind.INCONCLUSIVE, text, below[-1].index, cpu)
    if any(o.limits.cpu < target.cpu for o in run.observations):
        text = "; all trials with less CPU had too little memory"
        return Claim(Kind.ONLY_TOO_SMALL, text, size=target.cpu)
    return Claim(Kind.NOTHING_BELOW, "; no smaller size was measured", size=target.cpu)


def _missed(run: Run, failed: Observation, start: str) -> list[Claim]:
    """Return how a trial failed, what the load would have needed there, and whether the CPU was slow."""
    size = Quantity.cpu(failed.limits.cpu)
    if _is_judged(failed):
        text = f"{start}at {size} {failed.verdict.message}"
    else:
        text = f"{start}at {size} the trial ended as {failed.trial.outcome.value} ({failed.verdict.message})"
    return _with_needs(run, failed, text)


def _refuted(run: Run, passed: Observation, evidence: Sequence[Observation]) -> list[Claim]:
    """Return which trial failed although it had at least the CPU of one that passed; empty without one."""
    failed = next((o for o in reversed(evidence) if not o.passed and o.limits.cpu >= passed.limits.cpu), None)
    if failed is None:
        return []
    size, index, message = Quantity.cpu(failed.limits.cpu), failed.trial.index, failed.verdict.message
    if _is_judged(failed):
        return _with_needs(run, failed, f", but {size} did not in trial {index}: {message}")
    return _with_needs(run, failed, f", but at {size} trial {index} ended as {failed.trial.outcome.value} ({message})")


def _is_judged(failed: Observation) -> bool:
    """Whether a trial failed by what its load measured, which its message says."""
    return failed.trial.outcome in (Outcome.SLOW, Outcome.ERRORS)


def _with_needs(run: Run, failed: Observation, text: str) -> list[Claim]:
    """Return a clause about a failure with what the load would have needed there, and whether the CPU was slow."""
    claims = [Claim(Kind.MISSED, text, failed.trial.index, failed.limits.cpu), *_pace(run, failed)]
    needs = run.load_needs(failed)
    if needs is not None and needs > failed.limits.cpu and not run.passes_below(needs):
        text = f"; with the CPU time per request measured there, the load needs {math.floor(needs)}m CPU"
        claims.append(Claim(Kind.LOAD_NEEDS, text, failed.trial.index, failed.limits.cpu, needs))
    return claims


def _pace(run: Run, observation: Observation) -> list[Claim]:
    """Return by how much the pace of a trial differs from the others', if it counts as other size."""
    index, cpu = observation.trial.index, observation.limits.cpu
    loops, deviation = run.pace.loops, run.pace.deviations.get(index, 0.0)
    measured = loops.get(index, 0.0) if loops else run.pace.residuals.get(index, 0.0)
    percent = round(100 * math.expm1(measured))
    # The loop and the requests together may differ from the loop alone by the error of the loop.
    if observation.cpu == cpu or abs(percent) < LEAST_PACE or measured * deviation < 0:
        return []
    more = "more" if percent > 0 else "less"
    if loops:
        text = f", where the reference loop took {abs(percent)}% {more} CPU time than in the mean of the trials"
        return [Claim(Kind.MACHINE, text, index, cpu, percent)]
    text = f", where a request took {abs(percent)}% {more} CPU time than the trials' average, adjusted for their sizes"
    return [Claim(Kind.PACE, text, index, cpu, percent)]


def _cpu_margin(run: Run, target: Target) -> list[Claim]:
    """Return what is added to the boundary, in numbers."""
    percent, recommended = run.spec.recommendation.cpu_margin_percent, target.limits.cpu
    proof = passed_with_room(run, target.cpu)
    coarse = recommended == target.cpu < run.cpu.last and percent and with_margin(target.cpu, percent) <= run.cpu.last
    if coarse and proof is not None and (share := share_below(run, proof)) is not None:
        above = run.cpu.next_higher(target.cpu) or target.cpu
        return [
            Claim(
                Kind.WITH_ROOM,
                f"; no margin is added, because the interval of trial {proof.trial.index} ends "
                f"{math.floor(100 * share)}% below the objective, and the next size, {Quantity.cpu(above)}, is "
                f"{percent_above(target.cpu, above)}% larger",
                proof.trial.index,
                target.cpu,
                percent,
            )
        ]
    claims = margin_claims(target.cpu, percent, run.cpu, recommended, cpu_size)
    expected = run.cpu.ceil(with_margin(target.cpu, percent))
    if recommended > expected:
        text = f"; {Quantity.cpu(recommended)} is {percent_above(target.cpu, recommended)}% larger"
        if run.pace.error:
            differs = f"differs between trials by {round(100 * math.expm1(run.pace.spread))}% (standard deviation)"
            of_requests = f", as the CPU time per request {differs} beyond what their sizes explain"
            text += f", as the pace of the machine {differs}" if run.pace.loops else of_requests
        claims = [Claim(Kind.LARGER, text, size=target.cpu, value=percent_above(target.cpu, recommended))]
    return claims


def _notes(run: Run, target: Target) -> list[Claim]:
    """Return further sentences: doubtful answers, the first request, no CPU limit, a leak, a drift, thread pools."""
    notes = doubts_of_run(run.spec, run.trials)
    if first := first_request_sentence(run.spec, run.trials):
        notes.append(first)
    if run.spec.recommendation.cpu_limit == "None":
        notes.append(f"The recommendation sets no CPU limit; {_limit_of_proof(run, target)}.")
    if (startup := startup_sentence(run, target.cpu)) is not None:
        notes.append(startup)
    if (mapped := mapped_sentence(run.trials, run.memory_peak)) is not None:
        notes.append(mapped)
    if (growth := growth_sentence(run, target.limits)) is not None:
        notes.append(growth)
    if (drift := drift_of(run.trials)) is not None and drift.noticed:
        notes.append(drift_sentence(drift))
    pools = (
        variables_sentence(run.spec, target.limits.cpu),
        oversized_sentence(run.spec, target.limits, run.trials),
    )
    notes += [sentence for sentence in pools if sentence is not None]
    return [Claim(Kind.NOTE, note) for note in notes]


def _limit_of_proof(run: Run, target: Target) -> str:
    """Return at which CPU limit a trial of the recommended size passed, or that none did."""
    size = Quantity.cpu(target.limits.cpu)
    proof = next((o for o in reversed(run.at(target.limits)) if o.passed), None)
    if proof is None:
        return f"no trial at this size, with a limit of {size} as the request guarantees it, met the objectives"
    return (
        f"trial {proof.trial.index} met the objectives with a limit of {size}, the amount that the request guarantees"
    )
